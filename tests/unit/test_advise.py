# SPDX-License-Identifier: BSD-3-Clause
import json
import math
import re
import sys

import pytest
from sweeps import example_records

from dred.cli import advise as cli
from dred.cli import get_parser, main
from dred.errors import DredError
from dred.evaluate.advise import advise
from dred.evaluate.cells import gather, group_traces
from dred.evaluate.evidence import compact
from dred.simulate import JITTER_MS


@pytest.fixture
def records():
    return example_records()


def test_cells(records):
    groups = group_traces(records)
    assert [group.traces for group in groups] == [("t10", "t11"), ("t30",)]
    assert groups[0].loss == pytest.approx(0.11)
    cells = gather(records[::-1])
    assert gather(records)[::-1] != cells
    assert len(cells) == 3 * (1 + 3 * 2)
    cell = next(c for c in cells if (c.scheme, c.bitrate, c.group) == ("dred", 16000, 0))
    assert (cell.files, cell.count) == (6, 12)
    assert cell.quality["pesq"].mean == pytest.approx(2 + 0.5 + 0.5 + 1 - 0.22)
    assert cell.quality["pesq"].clusters == 6
    assert set(cell.quality) == {"pesq"}
    assert sum(cell.frames.values()) == pytest.approx(1)


def test_the_best_within_the_budget(records):
    advice = advise(records, 0.1, 3.0, 40000)
    assert advice.best.scheme == "dred"
    # 40 kb/s bring nothing: of equals, the cheaper.
    assert advice.best.bitrate == 32000
    assert advice.evidence.traces == ("t10", "t11")
    assert not advice.is_far
    assert [cell.scheme for cell in advice.per_scheme] == ["dred", "lbrr", "plc"]
    # Files differ by far more than that, but not the difference of two schemes on each.
    lead = advice.lead["plc"]
    assert (lead.mean, lead.low, lead.high) == pytest.approx((1, 1, 1))
    assert advice.frugal is None
    assert advise(records, 0.1, 3.0, 20000).best.bitrate == 16000


def test_a_cheaper_setting_that_is_as_good_is_named(records):
    for item in records:
        if item["bitrate"] == 40000:
            item["pesq"] += 0.01
    advice = advise(records, 0.1, 3.0, 40000)
    assert advice.best.bitrate == 40000
    assert (advice.frugal.scheme, advice.frugal.bitrate) == ("dred", 32000)


def test_the_nearest_evidence_is_taken_and_distance_told(records):
    assert advise(records, 0.28, 3.0, 40000).evidence.traces == ("t30",)
    assert advise(records, 0.3, 30.0, 40000).is_far


def test_no_advice(records):
    with pytest.raises(DredError, match="begins at 16000 bit/s, above the budget of 8000"):
        advise(records, 0.1, 3.0, 8000)
    sent_more = [{**item, "kbps": 1.2 * item["bitrate"] / 1000} for item in records]
    with pytest.raises(DredError, match="begins at 18641 bit/s, above the budget of 16000"):
        advise(sent_more, 0.1, 3.0, 16000)
    with pytest.raises(DredError, match="no STOI"):
        advise(records, 0.1, 3.0, 40000, "stoi")
    with pytest.raises(DredError, match="no simulation with losses"):
        advise([r for r in records if not r["trace"]], 0.1, 3.0, 40000)
    with pytest.raises(ValueError, match="unknown metric"):
        advise(records, 0.1, 3.0, 40000, "mos")


def test_a_metric_that_failed_everywhere_leaves_the_rest(records):
    for item in records:
        if item["scheme"] == "dred":
            item["pesq"] = None
    advice = advise(records, 0.1, 3.0, 40000)
    assert advice.best.scheme == "lbrr"
    assert not math.isnan(advice.lead["plc"].mean)


@pytest.fixture
def asked(tmp_path):
    """A question, and a trace to ask it about: 10 % lost in bursts of 3."""
    trace = tmp_path / "trace.txt"
    trace.write_text(("0\n" * 27 + "1\n" * 3) * 10)
    return ["advise", "--loss", str(trace), "--budget", "40000"]


def test_the_command_tells_the_sender_what_the_simulations_told_it(tmp_path, asked, capsys):
    """They wait for what repairs a burst, and their senders know it: half a point of PESQ."""
    evidence = tmp_path / "evidence.jsonl"
    rows = example_records()
    evidence.write_text(compact(rows))
    asked += ["--evidence", str(evidence), "--json"]
    assert main(asked) == 0
    command = json.loads(capsys.readouterr().out)["command"]
    assert command == (
        "dred encode IN.wav OUT.opus --bitrate 32000 --dred-ms 1000 --no-lbrr --loss-percent 10 "
        f"--jitter-ms {JITTER_MS}"
    )
    get_parser().parse_args(command.split()[1:])  # it can be typed as it is
    for scheme, tail in (
        ("red:1", "dred send IN.wav --to HOST:PORT --red 1 --bitrate 32000 --dred-ms 0 "
                  "--loss-percent 0"),
        ("dred+red:1", "--red 1 --bitrate 32000 --dred-ms 1000 --no-lbrr --loss-percent 10 "
                       f"--jitter-ms {JITTER_MS}"),
        ("dred+auto", f"--dred-ms 1000 --loss-percent 10 --jitter-ms {JITTER_MS}"),
        ("dred+lbrr", f"--dred-ms 1000 --lbrr --loss-percent 10 --jitter-ms {JITTER_MS}"),
        ("plc", "--dred-ms 0 --loss-percent 0"),
    ):  # fmt: skip
        only = [{**row, "scheme": scheme} for row in rows if row["scheme"] == "dred"]
        evidence.write_text(compact(only))
        assert main(asked) == 0
        assert json.loads(capsys.readouterr().out)["command"].endswith(tail)


def test_what_the_package_ships_is_looked_up_first(tmp_path, asked, monkeypatch, capsys):
    shipped = tmp_path / "evidence.jsonl"
    shipped.write_text(compact(example_records()))
    monkeypatch.setattr(cli, "shipped_evidence", lambda: shipped)
    monkeypatch.setattr(cli, "_measure", None)  # not called
    assert main(asked) == 0
    out, err = capsys.readouterr()
    assert "evidence:   the package's own sweep of 6 files" in out
    assert err == ""


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "dred: warning: no evidence shipped; measuring on the trace itself, which takes "
             "minutes\n"),
        (["--measure"], ""),
        (["--speech", "folder"], ""),
    ],
)  # fmt: skip
def test_without_shipped_evidence_it_measures_and_says_so(
    tmp_path, asked, monkeypatch, capsys, more, says
):
    monkeypatch.setattr(cli, "shipped_evidence", lambda: tmp_path / "nowhere.jsonl")
    monkeypatch.setattr(cli, "_measure", lambda args, trace: example_records())
    assert main([*asked, *more]) == 0
    out, err = capsys.readouterr()
    assert err == says
    assert "measured now, on the trace itself" in out


def test_an_installation_without_evidence_and_speech(tmp_path, asked, monkeypatch, capsys):
    monkeypatch.setattr(cli, "shipped_evidence", lambda: tmp_path / "nowhere.jsonl")
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    assert main(asked) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == (
        "dred: error: no speech to measure with; name a folder of it (--speech), or what a sweep "
        "found (--evidence)"
    )


def test_a_metric_that_cannot_be_measured(asked, samples, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pesq", None)
    assert main([*asked, "--measure", "--speech", str(samples)]) == 1
    assert "pip install 'dred[eval]'" in capsys.readouterr().err


def test_evidence_is_part_of_the_package(root):
    """Where the repository holds it, an installation does: it lies where setuptools takes it."""
    assert cli.shipped_evidence() == root / "dred" / "evaluate" / "evidence.jsonl"
    found = re.search(r'^"dred.evaluate" = (.*)$', (root / "pyproject.toml").read_text(), re.M)
    assert json.loads(found[1]) == ["*.jsonl"]
    assert "*.jsonl" in (root / "MANIFEST.in").read_text()
    ignored = (root / ".gitignore").read_text().split()
    assert not {"*.jsonl", "evidence.jsonl", "/dred/evaluate/evidence.jsonl"} & {*ignored}


def test_the_delay_of_the_simulations_is_told(tmp_path, asked, capsys):
    short = tmp_path / "short.jsonl"
    short.write_text(compact([{**row, "jitter_ms": 60.0} for row in example_records()]))
    assert main([*asked, "--evidence", str(short)]) == 0
    said = capsys.readouterr().out
    assert "receivers wait 60 ms" in said
    assert "--jitter-ms 60\n" in said


def test_another_delay_is_measured(asked, monkeypatch, capsys):
    monkeypatch.setattr(cli, "_measure", lambda args, trace: [
        {**row, "jitter_ms": args.jitter_ms} for row in example_records()])  # fmt: skip
    assert main([*asked, "--jitter-ms", "80"]) == 0
    said = capsys.readouterr().out
    assert "measured now, on the trace itself" in said
    assert "receivers wait 80 ms" in said
    assert main([*asked, "--jitter-ms", "80", "--evidence", "x"]) == 2
    assert "--jitter-ms" in capsys.readouterr().err
