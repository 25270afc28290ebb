# SPDX-License-Identifier: BSD-3-Clause
import math

import pytest
from sweeps import example_records

from dred.errors import DredError
from dred.evaluate.advise import advise
from dred.evaluate.cells import gather, group_traces


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
