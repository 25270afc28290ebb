# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.allocation import (
    SIGNALLING_BYTES,
    TYPICAL_BURST,
    Budget,
    choices,
    split_bitrate,
    turns,
)
from dred.allocation.levels import HEADER_BITS
from dred.allocation.need import TYPICAL_LOSS, Need, needed, survival
from dred.allocation.tables import tables
from dred.payload import MAX_CHUNKS, quantizer_levels
from dred.traces import measure, parse_model

BURSTS = st.floats(1, 60)


def rises(values):
    return (np.diff(values) > 0).all()


def test_tables_are_in_order():
    table = tables()
    assert len(table.latent_bits) == len(table.state_bits) == len(table.chunk_damage) == 16
    assert rises(-table.latent_bits)
    assert rises(table.chunk_damage)
    assert table.undescribed > table.chunk_damage[-1]
    assert rises(table.regular_kbps)
    assert rises(-table.regular_damage)
    assert rises(table.lbrr_kbps)
    assert 0 < table.lbrr_share < 0.5


@given(BURSTS)
def test_bursts_have_the_mean_that_was_told(burst):
    lasting = survival(burst, 5000)
    assert lasting[0] == 1
    assert (np.diff(lasting) <= 0).all()
    assert lasting.sum() == pytest.approx(burst, rel=1e-3)


def test_survival_beside_a_drawn_trace():
    flags = parse_model("gilbert:p=0.05,r=0.8").draw(200_000, np.random.default_rng(3))
    burst = measure(flags).mean_burst
    lengths = np.diff(np.flatnonzero(np.diff(np.pad(flags.astype(int), 1))))[::2]
    drawn = [(lengths >= d).mean() for d in range(1, 6)]
    assert survival(burst, 5) == pytest.approx(drawn, abs=0.02)


def test_single_losses_need_the_newest_chunk_alone():
    weights = needed(Need(1.0, 20, False))
    assert weights[0] > 100 * weights[1:].max()
    # The whole frame, and half of the step behind it.
    assert weights[0] == pytest.approx(1.25, abs=0.01)


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_need_falls_with_age_and_lbrr_takes_the_newest(frame_ms):
    without, beside = (needed(Need(3.0, frame_ms, lbrr)) for lbrr in (False, True))
    assert (np.diff(without) <= 0).all()
    assert without[0] > 20 * without[-1]
    assert (beside <= without).all()
    assert beside[0] < without[0] / 2
    oldest = -(-frame_ms // 40) + 1  # LBRR reaches no further back
    assert np.array_equal(beside[oldest:], without[oldest:])


def drawn_losses(burst, packets):
    """A trace of the two kinds of bursts that are behind `needed`."""
    rng = np.random.default_rng(5)
    lengths = 1 + np.searchsorted(-survival(burst, 400)[1:], -rng.random(packets // 4))
    gaps = rng.geometric(TYPICAL_LOSS / (1 - TYPICAL_LOSS) / burst, len(lengths))
    flags = np.repeat(np.tile([False, True], len(lengths)), np.stack([gaps, lengths], 1).ravel())
    return flags[:packets]


@pytest.mark.parametrize("lbrr", [False, True])
@pytest.mark.parametrize("spacing", [1, 2, 3])
def test_need_of_payloads_that_are_apart_beside_a_drawn_trace(spacing, lbrr):
    lost = drawn_losses(1.9, 150_000)
    missing = lost & np.append(lost[1:], True) if lbrr else lost
    payloads = np.flatnonzero(~lost & (np.arange(len(lost)) % spacing == 0))
    frames = np.flatnonzero(missing[: payloads[-1]])
    ages = payloads[np.searchsorted(payloads, frames)] - frames
    bursts = np.count_nonzero(np.diff(lost.astype(int)) == 1)
    # Chunk 1 has vectors 4 to 7: the older half of packet 2, all of 3, the newer half of 4.
    wanted = sum(np.count_nonzero(ages == age) * part for age, part in ((2, 0.5), (3, 1), (4, 0.5)))
    found = needed(Need(1.9, 20, lbrr, spacing))[1]
    heard = found - wanted / bursts  # by half, in the step behind a loss
    assert -0.02 < heard < 0.5 * 0.5 * 0.35
    assert spacing > 1 or lbrr or heard == pytest.approx(0, abs=0.02)


def test_what_comes_too_late_is_not_needed():
    every = needed(Need(4.0))
    for wait_ms in (40, 100, 400):
        timely = needed(Need(4.0, wait_ms=wait_ms))
        kept = wait_ms // 40
        assert np.array_equal(timely[:kept], every[:kept])
        assert timely[kept + 1 :].max() < 0.01 * every[0]
    apart = [needed(Need(1.9, spacing=spacing)).sum() for spacing in (1, 2, 4)]
    assert apart == pytest.approx(apart[:1] * 3, rel=0.02)  # what is lost is lost


def test_payloads_are_apart_where_the_receiver_can_wait():
    for rate in (16000, 24000, 32000, 48000):
        spacings = [
            split_bitrate(rate, 20, False, wait_ms=ms).need.spacing for ms in (20, 100, 200, 900)
        ]
        assert spacings == sorted(spacings)
        assert spacings[-1] > 2
        assert split_bitrate(rate, 20, False).need.spacing == 1
        damages = [split_bitrate(rate, 20, False, wait_ms=ms).damage for ms in (20, 100, 200, 900)]
        assert (np.diff(damages) < 0.01).all()
        assert damages[-1] < split_bitrate(rate, 20, False).damage
        # Bits that payloads need less of make better regular frames.
        regular = split_bitrate(rate, 20, False, wait_ms=900).regular
        assert regular > split_bitrate(rate, 20, False).regular


def cost(levels):
    used = quantizer_levels(levels.q0, levels.dq, levels.qmax, levels.chunks)
    return HEADER_BITS + tables().state_bits[levels.q0] + tables().latent_bits[used].sum()


@given(BURSTS, st.integers(1, MAX_CHUNKS), st.floats(1e-7, 1))
def test_what_a_price_buys_is_legal(burst, chunks, price):
    levels = choices(Need(burst))[chunks - 1].at(price)
    assert 0 <= levels.q0 <= levels.qmax <= 15
    assert 1 <= levels.chunks <= chunks
    assert levels.dq == 0 or levels.q0 == 15 or levels.qmax > levels.q0


def test_no_setting_is_better_at_its_price():
    """The hull against all settings of a kind, by brute force."""
    burst, chunks, price = 4.0, 6, 0.002
    weights = needed(Need(burst, 20, False))

    def total(q0, dq, qmax, count):
        used = quantizer_levels(q0, dq, qmax, count)
        kept = tables().undescribed - tables().chunk_damage[used]
        bits = tables().state_bits[q0] + tables().latent_bits[used].sum()
        return price * bits - weights[:count] @ kept

    best = choices(Need(burst))[chunks - 1].at(price)
    others = [
        total(q0, dq, 15, count) for q0 in range(14) for dq in range(8) for count in range(1, 7)
    ]
    assert total(best.q0, best.dq, best.qmax, best.chunks) <= min(others) + 1e-9


@given(BURSTS, st.integers(1, MAX_CHUNKS), st.floats(50, 2500), st.floats(50, 2500))
def test_more_bits_do_no_more_damage(burst, chunks, some, more):
    choice = choices(Need(burst))[chunks - 1]
    few, many = sorted((some, more))
    assert choice.damage_at(many) <= choice.damage_at(few)
    assert choice.price(many) <= choice.price(few)
    assert cost(choice.at(choice.price(many))) >= cost(choice.at(choice.price(few)))


def test_a_price_takes_about_the_bits_it_is_for():
    choice = choices(Need())[-1]
    for bits in range(150, 900, 50):
        assert cost(choice.at(choice.price(bits))) == pytest.approx(bits, rel=0.3)


def test_longer_bursts_are_described_further_back():
    reached = []
    for burst in (1.2, TYPICAL_BURST, 6.0, 15.0):
        choice = choices(Need(burst))[-1]
        reached.append(choice.at(choice.price(300)).chunks)
    assert reached == sorted(reached)
    assert reached[-1] > 3 * reached[0]


@pytest.mark.parametrize("loss", [2, 20, 50])
def test_regular_share_grows_with_the_bitrate(loss):
    rates = range(6000, 510001, 3000)
    for rate in rates:
        assert 0 < split_bitrate(rate, loss, None).regular <= rate
    plain = [split_bitrate(rate, loss, False).regular for rate in rates]
    assert plain == sorted(plain)


def test_more_loss_moves_bits_to_redundancy():
    for rate in (24000, 48000):
        shares = [split_bitrate(rate, loss, False).regular for loss in (1, 5, 20, 50)]
        assert shares == sorted(shares, reverse=True)
        assert shares[0] > shares[-1]


def test_lbrr_where_there_is_room_for_it():
    assert not split_bitrate(24000, 20, None).need.lbrr
    assert split_bitrate(64000, 20, None).need.lbrr
    # It repairs one packet of a burst, however long that is.
    assert not split_bitrate(48000, 20, None, burst=30.0).need.lbrr
    # Asked for, it is sent, but not where Opus has none.
    assert split_bitrate(32000, 20, True).need.lbrr
    assert not split_bitrate(64000, 20, False).need.lbrr
    assert not split_bitrate(16000, 20, True).need.lbrr


def test_free_choice_is_the_better_one():
    for rate in range(12000, 96000, 4000):
        forced = [split_bitrate(rate, 20, lbrr).damage for lbrr in (False, True)]
        assert split_bitrate(rate, 20, None).damage == min(forced)


@given(st.lists(st.integers(2, 400), min_size=1, max_size=300))
def test_budget_stays_in_bounds(sizes):
    budget = Budget(640, 280)
    for size in sizes:
        allowance = budget.allowance()
        mean = 280 - 8 * SIGNALLING_BYTES
        assert Budget.LEAST * mean <= allowance <= Budget.MOST * mean
        budget.spend(size + int(allowance / 8))


def test_budget_returns_what_was_saved():
    saving, level = Budget(640, 280), Budget(640, 280)
    for _ in range(10):
        saving.spend(40)
        level.spend(80)
    assert saving.allowance() > level.allowance()


def test_some_payloads_go_far_back_where_the_receiver_hears_several():
    hurried, patient = (Need(spacing=3, wait_ms=ms) for ms in (200, 1100))
    assert turns(Need(), 700) == (Need(),)
    assert turns(hurried, 700) == (hurried,)
    assert turns(patient, 400) == (patient,)  # no bits to spare
    near, *others, far = (choices(need)[-1] for need in turns(patient, 700))
    assert others
    assert all(other is near for other in others)  # most serve what is usual
    assert far.at(far.price(700)).chunks > 1.5 * near.at(near.price(700)).chunks
    long = Need(40.0, spacing=3, wait_ms=1100)
    assert set(turns(long, 700)) == {long}  # they go far already
