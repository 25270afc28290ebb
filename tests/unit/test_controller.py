# SPDX-License-Identifier: BSD-3-Clause
"""Settings from reports: estimate, table, decisions, and libopus's rule beside them."""

import json

import numpy as np
import pytest

from dred.controller import Controller, LossEstimate, QualityTable, Setting
from dred.errors import DredError
from dred.libopus_rule import libopus_rule
from dred.traces.models import GilbertElliott


def cell(quality, loss, burst=1.0, bitrate=24000, dred_ms=0, **setting):
    percent = 20 if dred_ms else 0
    rest = {"lbrr": False, "red": 0, "loss_percent": percent} | setting
    return {"bitrate": bitrate, "dred_ms": dred_ms, "loss": loss, "burst": burst,
            "quality": quality, **rest}  # fmt: skip


# Plain packets are better without losses, DRED with them; the balance tips near 8 %.
CELLS = [
    cell(4.4, 0), cell(2.0, 0.2), cell(1.2, 0.4),
    cell(4.0, 0, dred_ms=1000), cell(3.2, 0.2, dred_ms=1000), cell(2.5, 0.4, dred_ms=1000),
]  # fmt: skip


def flags(rate, packets=50, seed=0):
    return (np.random.default_rng(seed).random(packets) < rate).astype(int).tolist()


def test_loss_rises_fast_and_falls_slowly():
    estimate = LossEstimate()
    history = []
    for second in range(60):
        estimate.report(0.3 if 20 <= second < 40 else 0.02, 50)
        history.append(estimate.loss)
    assert history[19] < 0.03
    assert history[22] > 0.25
    assert history[42] > 0.1
    assert history[59] < 0.1


def test_bursts_go_on_across_reports():
    estimate = LossEstimate()
    estimate.runs([0, 0, 1, 1, 1])
    estimate.runs([1, 1, 0, 0, 1, 0])
    keep = LossEstimate.BURST_KEEP
    assert estimate.burst == pytest.approx((3 * keep + 3) / (keep + 1))
    assert LossEstimate().burst == 1


def test_a_table_gives_back_what_was_measured():
    table = QualityTable(CELLS)
    for loss in (0, 0.2, 0.4):
        found = table.expected(24000, loss, 1)
        for each in CELLS:
            if each["loss"] == loss:
                asked = Setting(24000, dred_ms=each["dred_ms"], loss_percent=each["loss_percent"])
                assert found[asked] == pytest.approx(each["quality"], abs=0.01)


def test_between_budgets_and_beyond():
    more = [each | {"bitrate": 48000, "quality": each["quality"] + 0.2} for each in CELLS]
    table = QualityTable(CELLS + more)
    values = [max(table.expected(b, 0.2, 1).values()) for b in (12000, 24000, 36000, 48000, 90000)]
    assert values == pytest.approx([3.2, 3.2, 3.3, 3.4, 3.4], abs=0.01)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([], "no cells"),
        ([{"bitrate": 1}], "line 1 lacks"),
        ([*CELLS, cell("high", 0)], "line 7"),
        (CELLS[:-1], "not every setting"),
    ],
)
def test_bad_tables(cells, message):
    with pytest.raises(DredError, match=message):
        QualityTable(cells)


def test_bad_files(tmp_path):
    with pytest.raises(DredError, match="cannot be read"):
        QualityTable.load(tmp_path / "none.jsonl")
    (tmp_path / "text.jsonl").write_text("no json")
    with pytest.raises(DredError, match="JSON lines"):
        QualityTable.load(tmp_path / "text.jsonl")


def test_fast_attack_slow_release():
    controller = Controller(24000, QualityTable(CELLS))
    assert controller.setting == Setting(24000)
    changed = []
    for second in range(90):
        rate = 0.3 if 30 <= second < 50 else 0.02
        if controller.report(1000.0 * second, rate, flags(rate, seed=second)):
            changed.append((second, controller.setting.dred_ms))
    assert changed[0] in ((30, 1000), (31, 1000))
    assert len(changed) == 2
    assert changed[1][1] == 0
    assert 55 <= changed[1][0] < 85


def test_noise_does_not_make_it_flutter():
    """Reports of 50 packets at the loss where both settings are worth the same."""
    controller = Controller(24000, QualityTable(CELLS))
    rng = np.random.default_rng(2)
    for second in range(300):
        lost = (rng.random(50) < 0.07).astype(int).tolist()
        controller.report(1000.0 * second, float(np.mean(lost)), lost)
    assert controller.changes <= 30


def test_of_settings_nearly_as_good_the_one_that_stands_more():
    """A rise of loss is heard before it is answered; what helps then is worth a little now."""
    helps = [
        cell(4.36, 0, dred_ms=1000), cell(3.2, 0.2, dred_ms=1000), cell(2.5, 0.4, dred_ms=1000),
    ]  # fmt: skip
    controller = Controller(24000, QualityTable([*CELLS[:3], *helps]))
    assert controller.setting.dred_ms == 1000
    for second in range(20):
        assert not controller.report(1000.0 * second, 0.0, [0] * 50)


@pytest.mark.parametrize("budget", [24000, 40000, 64000])
def test_adapting_is_worth_as_much_as_any_fixed_setting(budget):
    """By the package's own table, over calls whose losses rise and fall again."""
    table = QualityTable.load()
    parts = ((0.02, 1.3), (0.3, 4.0), (0.02, 1.3))
    worth = [table.expected(budget, *part) for part in parts]
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        controller = Controller(budget, table)
        for second in range(18 * len(parts)):
            part = second // 18
            found.append(worth[part][controller.setting])
            loss, burst = parts[part]
            model = GilbertElliott(loss / (1 - loss) / burst, 1 / burst)
            lost = model.draw(50, rng).astype(int).tolist()
            controller.report(1000.0 * (second + 1), float(np.mean(lost)), lost)
    fixed = max(np.mean([at[setting] for at in worth]) for setting in worth[0])
    assert np.mean(found) > fixed - 0.01


def test_the_table_of_the_package():
    """Without loss it asks for less than under heavy loss, at any budget."""
    table = QualityTable.load()
    for budget in (24000, 40000, 64000):
        none, heavy = (
            max(found := table.expected(budget, loss, burst), key=found.__getitem__)
            for loss, burst in ((0, 1), (0.3, 5))
        )
        assert none.loss_percent < heavy.loss_percent
        assert heavy.dred_ms > 0
        assert 6000 <= heavy.opus_bitrate <= budget


@pytest.mark.parametrize(
    ("bitrate", "q0"), [(16500, 12), (24000, 9), (32000, 6), (44768, 4), (64000, 4)]
)
def test_libopus_levels(bitrate, q0):
    split = libopus_rule(bitrate, 20)
    assert split.q0 == q0
    assert split.dq == (3 if bitrate > 48000 else 5)
    assert split.regular + split.dred == bitrate


def test_libopus_split():
    assert libopus_rule(32000, 0).chunks == 0
    assert libopus_rule(32000, 0).regular == 32000
    assert libopus_rule(20000, 20, lbrr=True).chunks == 0  # nothing above the base rate
    assert libopus_rule(32000, 20, dred_ms=0).dred == 0
    mild, heavy = (libopus_rule(32000, percent) for percent in (6, 40))
    assert mild.dred == pytest.approx(0.61 * 20000, abs=1)
    assert heavy.dred <= 0.8 * 20000
    assert libopus_rule(32000, 20, dred_ms=300).chunks <= 7
    # Short packets need more redundancy than long ones.
    short, long = (libopus_rule(64000, 3, frame_ms=ms) for ms in (10, 60))
    assert short.dred > long.dred


@pytest.mark.parametrize("frame_ms", [10, 20])
def test_copies_and_their_headers_are_within_the_budget(frame_ms):
    """RFC 2198: four bytes before a copy, one before the packet itself."""
    setting = Setting(40000, red=2, frame_ms=frame_ms)
    headers = 8000 * 9 / frame_ms
    assert 3 * setting.opus_bitrate + headers == pytest.approx(40000, abs=300)


def test_settings_are_plain_values():
    setting = Setting(64000, True, 1, 500, 10)
    assert 24000 < setting.regular_bitrate < setting.opus_bitrate < 64000
    assert json.loads(json.dumps(setting.sender_options()))["dred_ms"] == 500


def test_between_conditions():
    """Linear between losses; between bursts of 1 and 4 packets, 2 lie in the middle."""
    longer = [each | {"burst": 4.0, "quality": each["quality"] + 0.4} for each in CELLS]
    table = QualityTable(CELLS + longer)
    plain = Setting(24000)
    assert table.expected(24000, 0.1, 1)[plain] == pytest.approx((4.4 + 2.0) / 2)
    assert table.expected(24000, 0.2, 2)[plain] == pytest.approx(2.0 + 0.2)
    assert table.expected(24000, 0.3, 2)[plain] == pytest.approx((2.0 + 1.2) / 2 + 0.2)
    assert table.expected(24000, 0.9, 50)[plain] == pytest.approx(1.2 + 0.4)
