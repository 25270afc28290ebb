# SPDX-License-Identifier: BSD-3-Clause
"""`dred bench`: that it measures and counts; how fast anything is, no test says."""

import json

import pytest

from dred.cli import main
from dred.cli.bench.machine import fastest
from dred.cli.bench.work import count
from dred.models import load_models

FAST = ["--seconds", "0.01", "--minutes", "0.1"]


def bench(capsys, *arguments):
    assert main(["bench", "--json", *FAST, *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_stages_and_roofline(capsys):
    result = bench(capsys, "stages", "roofline", "--cpu", load_models().cpu)
    assert {row["stage"] for row in result["stages"]} >= {"features", "payload", "vocoder"}
    for row in result["stages"]:
        assert list(row["ns"]) == [load_models().cpu]
        assert row["ns"][load_models().cpu] > 0
    assert {row["density"] for row in result["roofline"]["peaks"]} == {1, 0.5, 0.25}
    for row in result["roofline"]["stages"]:
        assert row["share_of_peak"] > 0


def test_sender_and_slowest_call(capsys):
    result = bench(capsys, "redundancy", "worst")
    sizes = [row["bytes"] for row in result["redundancy"]]
    assert sizes == sorted(sizes)
    assert sizes[0] > 0
    calls = {row["call"]: row for row in result["worst"]["calls"]}
    assert calls["dred_encoder_push"]["calls"] > 100
    for row in calls.values():
        assert 0 < row["median_us"] <= row["max_us"]


def test_whole_program(capsys):
    result = bench(capsys, "program")["program"]
    assert [row["command"] for row in result["commands"]] == ["encode", "decode", "simulate"]
    for row in result["commands"]:
        assert sum(row["share"].values()) == pytest.approx(1)
        assert row["share"]["core"] > 0 < row["share"]["libopus"]
        assert row["times_real_time"] > 0
    assert {row["scheme"] for row in result["simulate_10_s"]} == {"plc", "neural-plc", "dred"}
    assert result["import_s"] < result["commands"][0]["processor_s"]


def test_streams_together_and_one_by_one(capsys, monkeypatch):
    monkeypatch.setattr("dred.cli.bench.streams.COUNTS", (1, 9))
    result = bench(capsys, "streams")["streams"]
    assert [row["streams"] for row in result["counts"]] == [1, 9]
    for row in result["counts"]:
        assert min(row["conceal_ns"], row["conceal_alone_ns"]) > 0
    assert min(result["handle_bytes"].values()) > 0


def test_text(capsys):
    assert main(["bench", *FAST, "redundancy"]) == 0
    assert "1.04 s of redundancy" in capsys.readouterr().out


def test_a_clock_that_stood_still_does_not_count(monkeypatch):
    readings = iter([100, 100, 200, 270, 300, 350])
    monkeypatch.setattr("time.thread_time_ns", lambda: next(readings))
    walls = iter([0.0, 0.1, 0.2, 1.1])
    monkeypatch.setattr("time.perf_counter", lambda: next(walls))
    assert fastest(lambda: None, 1.0) == 50


def test_work_is_counted_from_the_shapes():
    work = count(load_models(), chunks=26)
    # 57 x 128, twice (input and 192 units) x 3 x 192, 192 x 20
    inputs = 57 * 128 + 3 * 192 * (128 + 192 + 192 + 192) + 192 * 20
    assert work["PLC predictor"].products == inputs
    assert work["vocoder"].streamed_bytes > 3 * work["vocoder"].weight_bytes


def test_unknown_kernels_and_parts(capsys):
    assert main(["bench", "--cpu", "z80"]) == 2
    assert "no kernels named 'z80'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["bench", "everything"])
    assert left.value.code == 2
