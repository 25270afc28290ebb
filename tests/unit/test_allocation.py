# SPDX-License-Identifier: BSD-3-Clause
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.allocation import (
    DAMAGE,
    HEADER_BITS,
    LATENT_BITS,
    NEEDED,
    SIGNALLING_BYTES,
    STATE_BITS,
    Budget,
    choose_levels,
    regular_bitrate,
)
from dred.payload import MAX_CHUNKS, quantizer_levels


def test_figures_fall_with_the_level():
    assert (LATENT_BITS[1:] < LATENT_BITS[:-1]).all()
    assert STATE_BITS[0] > STATE_BITS[-1]


def cost(levels, chunks):
    used = quantizer_levels(levels.q0, levels.dq, levels.qmax, chunks)
    return HEADER_BITS + STATE_BITS[levels.q0] + LATENT_BITS[used].sum()


@given(st.integers(1, MAX_CHUNKS), st.floats(0, 8000))
def test_levels_are_legal_and_fit(chunks, bits):
    levels = choose_levels(chunks, bits)
    assert 0 <= levels.q0 <= levels.qmax <= 15
    assert levels.dq == 0 or levels.q0 == 15 or levels.qmax > levels.q0
    assert cost(levels, chunks) <= max(bits, cost(choose_levels(chunks, 0), chunks))


@given(st.integers(1, MAX_CHUNKS), st.floats(0, 4000), st.floats(0, 4000))
def test_more_bits_do_no_more_damage(chunks, some, more):
    def damage(levels):
        used = quantizer_levels(levels.q0, levels.dq, levels.qmax, chunks)
        return float(NEEDED[:chunks] @ DAMAGE[used])

    few, many = sorted((some, more))
    chosen = choose_levels(chunks, few)
    # Where nothing fits, the cheapest is taken whatever its damage.
    if cost(chosen, chunks) <= few:
        assert damage(choose_levels(chunks, many)) <= damage(chosen) + 1e-9


@pytest.mark.parametrize("lbrr", [False, True])
def test_regular_share_grows_with_the_bitrate(lbrr):
    rates = range(6000, 510001, 1000)
    shares = [regular_bitrate(rate, 20, lbrr) for rate in rates]
    assert all(0 < share <= rate for rate, share in zip(rates, shares, strict=True))
    if not lbrr:  # with LBRR, the little that DRED needs comes out of the regular share first
        assert shares == sorted(shares)
    assert regular_bitrate(32000, 5, lbrr) > regular_bitrate(32000, 20, lbrr)
    assert regular_bitrate(32000, 40, lbrr) == regular_bitrate(32000, 20, lbrr)


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
