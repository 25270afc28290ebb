# SPDX-License-Identifier: BSD-3-Clause
import json
import sys

import pytest
import soundfile
from signals import voice
from weights import random_image

from dred.cli import main

pytest.importorskip("joblib")
pytest.importorskip("duckdb")
pytest.importorskip("pystoi")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    (folder / "speech").mkdir()
    (folder / "random.bin").write_bytes(random_image())
    for name, seed in (("a", 1), ("b", 2)):
        soundfile.write(folder / "speech" / f"{name}.wav", voice(16000, 1.2, seed=seed), 16000)
    (folder / "trace.txt").write_text("0\n0\n0\n0\n1\n")
    return folder


def sweep(place, out, *more):
    return main([
        "sweep", str(place / "speech"), "--traces", str(place / "trace.txt"), "--out", str(out),
        "--models", str(place / "random.bin"), "--schemes", "clean,plc,dred", "--jobs", "1",
        "--bitrates", "16000,24000", "--metrics", "stoi", *more,
    ])  # fmt: skip


def test_sweep_resumes_and_advises(place, tmp_path, capsys):
    assert sweep(place, tmp_path, "--files", "1", "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["simulations"], first["reused"], first["computed"]) == (6, 0, 6)
    (place / "speech" / "broken.wav").write_bytes(b"no sound")
    try:
        assert sweep(place, tmp_path) == 1  # what succeeded is written all the same
    finally:
        (place / "speech" / "broken.wav").unlink()
    out, err = capsys.readouterr()
    assert "18 simulations: 6 reused, 6 computed, 6 failed" in out
    assert err.count("broken.wav") >= 6
    for name in ("results.jsonl", "results.parquet", "report.html", "table.md", "figure.png"):
        assert (tmp_path / name).stat().st_size > 0

    asked = ["advise", "--loss", str(place / "trace.txt"), "--budget", "20000", "--metric", "stoi",
             "--evidence", str(tmp_path)]  # fmt: skip
    assert main([*asked, "--json"]) == 0
    advice = json.loads(capsys.readouterr().out)
    assert advice["bitrate"] == 16000
    assert advice["scheme"] in ("plc", "dred")
    assert f"--bitrate {advice['bitrate']}" in advice["command"]
    assert {cell["scheme"] for cell in advice["per_scheme"]} == {"plc", "dred"}
    assert main(asked) == 0
    assert "use " in capsys.readouterr().out


def test_presets_and_evidence(place, tmp_path, capsys):
    """The published form needs traces near 10, 20, 30 and 40 %; options given go before it."""
    common = ["sweep", str(place / "speech"), "--out", str(tmp_path / "out"), "--jobs", "1",
              "--models", str(place / "random.bin"), "--preset", "published", "--files", "1",
              "--metrics", "stoi", "--seconds", "0.6", "--json",
              "--evidence", str(tmp_path / "evidence.jsonl")]  # fmt: skip
    assert main([*common, "--traces", str(place / "trace.txt")]) == 1
    assert "none loses about 10 %" in capsys.readouterr().err
    (tmp_path / "traces").mkdir()
    for lost in (0, 1, 2, 3, 4):
        (tmp_path / "traces" / f"{lost}.txt").write_text("0\n" * (10 - lost) + "1\n" * lost)
    assert main([*common, "--traces", str(tmp_path / "traces")]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["simulations"] == 1 + 7 * 4
    assert {cell["scheme"] for cell in out["cells"]} == {
        "clean", "plc", "neural-plc", "lbrr", "red:1", "red:2", "dred", "dred+lbrr",
    }  # fmt: skip
    asked = ["advise", "--loss", str(tmp_path / "traces" / "2.txt"), "--budget", "60000",
             "--metric", "stoi", "--evidence", str(tmp_path / "evidence.jsonl")]  # fmt: skip
    assert main(asked) == 0
    assert "of 1 file;" in capsys.readouterr().out


def test_advice_without_evidence_measures(place, capsys):
    argv = ["advise", "--loss", "gilbert:p=0.1,r=0.5", "--budget", "16000", "--measure",
            "--speech", str(place / "speech"), "--schemes", "plc,lbrr", "--metric", "stoi",
            "--models", str(place / "random.bin"), "--jobs", "1", "--json",
            "--jitter-ms", "80"]  # fmt: skip
    assert main(argv) == 0
    advice = json.loads(capsys.readouterr().out)
    assert advice["jitter_ms"] == 80
    assert advice["evidence"]["distance"] < 0.1
    assert advice["best"]["files"] == 2


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--schemes", "magic"], 2, "unknown scheme"),
        (["--schemes", ""], 2, "--schemes names no scheme"),
        (["--metrics", "mos"], 2, "unknown metric"),
        (["--traces", "nowhere"], 1, "no such file or folder"),
    ],
)
def test_failures(place, tmp_path, capsys, more, code, says):
    assert sweep(place, tmp_path, *more) == code
    assert says in capsys.readouterr().err


def test_a_missing_package_is_told_before_hours_are_spent(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pystoi", None)
    assert sweep(place, tmp_path / "out") == 1
    assert "needs the package pystoi: pip install 'dred[eval]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_metric_whose_package_comes_later_is_measured_then(
    place, tmp_path, monkeypatch, capsys
):  # fmt: skip
    pytest.importorskip("pesq")
    argv = [
        "sweep", str(place / "speech" / "a.wav"), "--traces", str(place / "trace.txt"), "--out",
        str(tmp_path), "--models", str(place / "random.bin"), "--schemes", "plc", "--bitrates",
        "16000", "--jobs", "1", "--json",
    ]  # fmt: skip
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pesq", None)
        assert main(argv) == 0
    out, err = capsys.readouterr()
    assert "needs the package pesq" in err
    assert set(json.loads(out)["cells"][0]["quality"]) == {"stoi"}
    assert main(argv) == 0
    assert set(json.loads(capsys.readouterr().out)["cells"][0]["quality"]) == {"pesq", "stoi"}


def test_a_file_has_one_name_whatever_was_swept_before(place, tmp_path, capsys):
    """Alone it was called by its name, now by the folder that it shares with another as well."""
    soundfile.write(tmp_path / "c.wav", voice(16000, 1.0, seed=3), 16000)
    (tmp_path / "more").mkdir()
    soundfile.write(tmp_path / "more" / "d.wav", voice(16000, 1.0, seed=4), 16000)
    for corpus, bitrates in ((tmp_path / "more", "16000"), (tmp_path, "16000,24000")):
        assert main([
            "sweep", str(corpus), "--traces", str(place / "trace.txt"), "--out",
            str(tmp_path / "out"), "--models", str(place / "random.bin"), "--schemes", "plc",
            "--bitrates", bitrates, "--metrics", "stoi", "--jobs", "1",
        ]) == 0  # fmt: skip
    assert "4 simulations: 1 reused, 3 computed" in capsys.readouterr().out
    import duckdb

    path = str(tmp_path / "out" / "results.parquet").replace("'", "''")
    with duckdb.connect() as connection:
        names = connection.execute(f"SELECT DISTINCT file FROM '{path}'").fetchall()
    assert sorted(names) == [("c.wav",), ("more/d.wav",)]


def test_wrong_bitrates(place, tmp_path):
    with pytest.raises(SystemExit) as caught:
        sweep(place, tmp_path, "--bitrates", "16000,many")
    assert caught.value.code == 2
