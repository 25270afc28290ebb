# SPDX-License-Identifier: BSD-3-Clause
"""The table of metrics. To add one, write its module and name it here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from dred.evaluate.metrics.pesq_wb import pesq_wb
from dred.evaluate.metrics.plcmos import plcmos
from dred.evaluate.metrics.stoi import stoi

Audio = npt.NDArray[Any]


@dataclass(frozen=True)
class Metric:
    """A number for how good degraded speech is; higher is better for all of them."""

    title: str
    measure: Callable[[Audio, Audio, int], float]  # reference, degraded, rate
    digits: int  # worth printing


METRICS: dict[str, Metric] = {
    "pesq": Metric("PESQ-WB", pesq_wb, 2),
    "stoi": Metric("STOI", stoi, 3),
    "plcmos": Metric("PLCMOS", lambda reference, degraded, rate: plcmos(degraded, rate), 2),
}


def measure(
    reference: Audio, degraded: Audio, rate: int, names: Iterable[str] = ("pesq", "stoi")
) -> dict[str, float]:
    """The metrics of these names, of mono audio."""
    chosen = list(names)
    unknown = [name for name in chosen if name not in METRICS]
    if unknown:
        raise ValueError(f"unknown metric {unknown[0]!r}; there are {', '.join(METRICS)}")
    return {name: METRICS[name].measure(reference, degraded, rate) for name in chosen}
