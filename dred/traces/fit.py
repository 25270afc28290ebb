# SPDX-License-Identifier: BSD-3-Clause
"""Loss models fitted to a trace, and which of them says most with least (BIC)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dred.errors import TraceError
from dred.traces.formats import Trace, as_trace
from dred.traces.gilbert import fit_gilbert_elliott
from dred.traces.markov import fit_markov, histories
from dred.traces.models import Bernoulli, GilbertElliott, LossModel

DEFAULT_ORDER = 3  # of the longest Markov chain


@dataclass(frozen=True)
class Fit:
    """A model, and its text for parse_model. bic: Bayesian information criterion (Schwarz 1978);
    the least is the best."""

    name: str
    text: str
    parameters: int
    log_likelihood: float
    bic: float
    model: LossModel

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "model"}


def fit_models(trace: Iterable[int] | Trace, order: int = DEFAULT_ORDER) -> list[Fit]:
    """Bernoulli, Gilbert, Gilbert-Elliott and Markov chains up to an order, best first."""
    flags = as_trace(trace)
    if flags.all() or not flags.any():
        raise TraceError("a fit needs packets of both kinds, lost and received")
    if len(flags) <= order + 1:
        raise TraceError(f"{len(flags)} packets are too few for a chain of order {order}")
    loss = float(flags.mean())
    fits = [_fit("Bernoulli", Bernoulli(loss), f"bernoulli:p={loss:.6g}", 1,
                 _chain_likelihood(flags, np.array([loss]), 0), len(flags))]  # fmt: skip
    for n in range(1, order + 1):
        chain = fit_markov(flags, n)
        text = "markov:p=" + "/".join(f"{value:.6g}" for value in chain.p)
        likelihood = _chain_likelihood(flags, np.array(chain.p), n)
        fits.append(_fit(f"Markov, order {n}", chain, text, 1 << n, likelihood, len(flags)))
    model, likelihood = fit_gilbert_elliott(flags)
    fits.append(_fit("Gilbert-Elliott", model, _text(model), 4, likelihood, len(flags)))
    return sorted(fits, key=lambda fit: fit.bic)


def _fit(
    name: str, model: LossModel, text: str, parameters: int, likelihood: float, packets: int
) -> Fit:
    bic = parameters * math.log(packets) - 2 * likelihood
    return Fit(name, text, parameters, likelihood, bic, model)


def _text(model: GilbertElliott) -> str:
    return f"gilbert:p={model.p:.6g},r={model.r:.6g},h={model.h:.6g},k={model.k:.6g}"


def _chain_likelihood(flags: Trace, losing: np.ndarray, order: int) -> float:
    """Natural log-likelihood; the first packets, without a history, count by the loss of all."""
    chances = np.concatenate([np.full(order, flags.mean()), losing[histories(flags, order)]])
    seen = np.where(flags == 1, chances, 1 - chances)
    # 0 * log 0 is 0: what cannot happen did not.
    return float(np.log(np.maximum(seen, np.finfo(float).tiny)).sum())
