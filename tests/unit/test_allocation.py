# SPDX-License-Identifier: BSD-3-Clause
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.allocation import LATENT_BITS, STATE_BITS, Budget, choose_levels, regular_bitrate
from dred.payload import MAX_CHUNKS, quantizer_levels


def test_figures_fall_with_the_level():
    assert (LATENT_BITS[1:] < LATENT_BITS[:-1]).all()
    assert STATE_BITS[0] > STATE_BITS[-1]


@given(st.integers(1, MAX_CHUNKS), st.floats(0, 8000))
def test_levels_are_legal_and_fit(chunks, bits):
    levels, expected = choose_levels(chunks, bits)
    assert len(quantizer_levels(levels.q0, levels.dq, levels.qmax)) == MAX_CHUNKS
    assert 0 <= levels.q0 <= levels.qmax <= 15
    assert levels.dq == 0 or levels.q0 == 15 or levels.qmax > levels.q0
    coarsest = choose_levels(chunks, 0)[1]
    assert expected <= max(bits, coarsest)


@given(st.integers(1, MAX_CHUNKS), st.floats(0, 4000), st.floats(0, 4000))
def test_more_bits_are_never_spent_worse(chunks, some, more):
    few, many = sorted((some, more))
    assert sum(quantizer_levels(*vars(choose_levels(chunks, many)[0]).values())) <= sum(
        quantizer_levels(*vars(choose_levels(chunks, few)[0]).values())
    ) + 26


@pytest.mark.parametrize("lbrr", [False, True])
def test_regular_share_grows_with_the_bitrate(lbrr):
    rates = range(6000, 510001, 1000)
    shares = [regular_bitrate(rate, lbrr) for rate in rates]
    assert all(0 < share < rate for rate, share in zip(rates, shares, strict=True))
    assert shares == sorted(shares)
    # What is left for DRED does not shrink either.
    left = [rate - share for rate, share in zip(rates, shares, strict=True)]
    assert min(b - a for a, b in zip(left, left[1:], strict=False)) >= -1


@given(st.lists(st.integers(2, 400), min_size=1, max_size=300))
def test_budget_stays_in_bounds(sizes):
    budget = Budget(640, 280)
    for size in sizes:
        allowance = budget.allowance(size)
        assert 0.4 * 280 <= allowance <= 1.7 * 280
        budget.spend(size + int(allowance / 8))


def test_budget_returns_what_was_saved():
    saving, level = Budget(640, 280), Budget(640, 280)
    for _ in range(10):
        saving.spend(40)
        level.spend(80)
    assert saving.allowance(50) > level.allowance(50)
