# SPDX-License-Identifier: BSD-3-Clause
"""What a sweep leaves besides its report: evidence for advice, a table, a figure."""

import json

import pytest
from sweeps import example_records, record

from dred.errors import DredError
from dred.evaluate import evidence
from dred.evaluate.advise import advise
from dred.evaluate.cells import gather, group_traces
from dred.evaluate.evidence import compact, read_evidence
from dred.evaluate.report import format_tables, write_figure
from dred.evaluate.report.figure import style
from dred.simulate import PEER_SCHEMES, SCHEMES


def test_advice_is_the_same_from_what_was_made_compact(tmp_path):
    records = example_records()
    path = tmp_path / "evidence.jsonl"
    path.write_text(compact(records))
    again, files = read_evidence(path)
    assert files == 6
    first, second = (advise(each, 0.1, 3.0, 40000) for each in (records, again))
    assert (first.best.scheme, first.best.bitrate) == (second.best.scheme, second.best.bitrate)
    assert second.best.quality["pesq"].mean == pytest.approx(first.best.quality["pesq"].mean)
    assert second.best.kbps == pytest.approx(first.best.kbps)
    assert second.best.split == pytest.approx(first.best.split)
    assert second.lead["plc"].mean == pytest.approx(first.lead["plc"].mean)
    assert second.best.frames == pytest.approx(first.best.frames)
    # Results of a sweep do as well.
    path.write_text("".join(json.dumps(item) + "\n" for item in records))
    assert read_evidence(path) == (records, 6)


def test_many_files_stay_small(tmp_path, monkeypatch):
    records = [
        record(f"{file:03}.wav", f"realistic_{trace}_1.txt", f"scheme:{scheme}", 1000 * bitrate,
               trace / 100, 2.0, 3 + file / 1000)
        for file in range(40) for trace in range(5, 9) for scheme in range(2)
        for bitrate in range(16, 20)
    ]  # fmt: skip
    monkeypatch.setattr(evidence, "MAX_BYTES", len(compact(records)) - 1)
    text = compact(records)
    assert len(text) < evidence.MAX_BYTES
    (tmp_path / "e.jsonl").write_text(text)
    cells = gather(read_evidence(tmp_path / "e.jsonl")[0])
    exact = gather(records)
    assert len(cells) == len(exact)
    for few, all_of_them in zip(cells, exact, strict=True):
        assert few.quality["pesq"].mean == pytest.approx(all_of_them.quality["pesq"].mean, abs=0.01)


def test_all_files_count_alike(tmp_path):
    """In sixteen groups, the middle eight of 24 files would count twice."""
    records = [record(f"{file:02}", "t", "dred", 16000, 0.2, 3.0, 3.0 + (8 <= file < 16))
               for file in range(24)]  # fmt: skip
    (tmp_path / "e.jsonl").write_text(compact(records))
    again, files = read_evidence(tmp_path / "e.jsonl")
    quality = gather(again)[0].quality["pesq"]
    assert files == 24
    assert quality.mean == pytest.approx(3 + 8 / 24, abs=1e-3)
    assert quality.clusters == 12


def test_of_two_sweeps_in_one_folder_the_last_counts(tmp_path):
    records = example_records()
    better = [{**item, "key": f"{item['key']} again", "pesq": item["pesq"] + 1} for item in records]
    path = tmp_path / "results.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in records + better))
    assert read_evidence(path) == (better, 6)


def test_no_evidence(tmp_path):
    with pytest.raises(DredError, match="no simulation with losses"):
        compact([item for item in example_records() if not item["trace"]])
    path = tmp_path / "evidence.jsonl"
    path.write_text(compact(example_records())[:-40])
    with pytest.raises(DredError, match="damaged"):
        read_evidence(path)
    with pytest.raises(DredError, match="cannot be read"):
        read_evidence(tmp_path / "nowhere")


def test_every_scheme_has_a_look_of_its_own():
    looks = [tuple(sorted(style(name).items())) for name in (*SCHEMES, *PEER_SCHEMES)]
    assert len(set(looks)) == len(looks)
    assert len({style(name)["color"] for name in SCHEMES}) == len(SCHEMES)
    assert style("libopus-dred")["color"] == style("dred")["color"]
    assert style("lbrr+red:2") == style("lbrr+red:2")


def test_tables_and_figure(tmp_path):
    records = example_records()
    groups = group_traces(records)
    cells = gather(records, groups)
    text = format_tables(cells, groups)
    assert text.count("### PESQ-WB") == 3
    lines = [line for line in text.splitlines() if line.startswith("| dred ")]
    assert "regular 8.0, dred 8.0, headers 16.0" in lines[0]
    # 2 + mean level 0.5 + 0.5 of the bitrate + 1 gained - 0.22 lost
    assert lines[0].startswith("| dred | 3.78 [")
    pytest.importorskip("matplotlib")
    write_figure(tmp_path / "figure.png", cells, groups)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
