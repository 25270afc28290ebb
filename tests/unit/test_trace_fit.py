# SPDX-License-Identifier: BSD-3-Clause
"""Models found again in what they made."""

import numpy as np
import pytest

from dred.errors import TraceError
from dred.traces import fit_models, measure, parse_model
from dred.traces.gilbert import fit_gilbert_elliott
from dred.traces.markov import Markov, fit_markov


def draw(model, packets, seed=1):
    return parse_model(model).draw(packets, np.random.default_rng(seed))


@pytest.mark.parametrize("wanted", [(0.02, 0.1, 0.2, 0.99), (0.1, 0.3, 0.4, 0.9)])
def test_all_four_parameters_of_gilbert_elliott_are_found(wanted):
    text = "gilbert:" + ",".join(f"{n}={v}" for n, v in zip("prhk", wanted, strict=True))
    found, likelihood = fit_gilbert_elliott(draw(text, 100_000))
    assert (found.p, found.r) == pytest.approx(wanted[:2], rel=0.05)
    # 1 - k is small: within 5 % of it, or a thousandth.
    assert (found.h, found.k) == pytest.approx(wanted[2:], rel=0.05, abs=0.001)
    assert 1 - found.k == pytest.approx(1 - wanted[3], rel=0.05, abs=0.001)
    # Not worse than the truth itself would be, by the likelihood of a chain without memory.
    loss = measure(draw(text, 100_000)).loss_rate
    entropy = loss * np.log(loss) + (1 - loss) * np.log(1 - loss)
    assert likelihood > 100_000 * entropy


def test_markov_is_found():
    chain = Markov((0.02, 0.5, 0.1, 0.8))
    flags = chain.draw(100_000, np.random.default_rng(1))
    assert fit_markov(flags, 2).p == pytest.approx(chain.p, rel=0.1)
    assert chain.order == 2
    # Order 1 is the plain Gilbert model: what it loses after a loss, and after none.
    stats = measure(flags)
    assert fit_markov(flags, 1).p == pytest.approx((stats.gilbert_p, 1 - stats.gilbert_r), abs=1e-4)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("bernoulli:p=0.2", "Bernoulli"),
        ("gilbert:p=0.05,r=0.3", "Markov, order 1"),
        ("gilbert:p=0.02,r=0.1,h=0.5,k=0.99", "Gilbert-Elliott"),
        ("markov:p=0.05/0.05/0.6/0.6", "Markov, order 2"),
    ],
)
def test_the_model_that_made_a_trace_is_named_first(model, name):
    fits = fit_models(draw(model, 20_000))
    assert fits[0].name == name
    assert [fit.bic for fit in fits] == sorted(fit.bic for fit in fits)
    for fit in fits:  # each can be drawn again from its text
        again = draw(fit.text, 20_000, seed=3)
        assert again.mean() == pytest.approx(draw(model, 20_000).mean(), abs=0.03)


@pytest.mark.parametrize(
    ("flags", "says"),
    [([0] * 100, "both kinds"), ([1] * 100, "both kinds"), ([0, 1], "2 packets are too few")],
)
def test_nothing_to_fit(flags, says):
    with pytest.raises(TraceError, match=says):
        fit_models(flags)
