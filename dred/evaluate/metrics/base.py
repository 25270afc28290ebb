# SPDX-License-Identifier: BSD-3-Clause
"""The table of metrics. To add one, write its module and name it here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from dred.evaluate.metrics.feature_distortion import feature_distortion
from dred.evaluate.metrics.high_band import high_band_distance
from dred.evaluate.metrics.pesq_wb import pesq_wb
from dred.evaluate.metrics.plcmos import plcmos
from dred.evaluate.metrics.stoi import estoi, stoi
from dred.evaluate.metrics.words import word_error_rate

Audio = npt.NDArray[Any]


@dataclass(frozen=True)
class Metric:
    """A number for how good degraded speech is."""

    title: str
    measure: Callable[[Audio, Audio, int], float]  # reference, degraded, rate
    digits: int  # worth printing
    # A difference below this is nothing that anybody hears.
    negligible: float
    lower_is_better: bool = False

    @property
    def caption(self) -> dict[str, Any]:
        """What a report has to know of it."""
        return {"title": self.title, "digits": self.digits, "lower": self.lower_is_better}


METRICS: dict[str, Metric] = {
    "pesq": Metric("PESQ-WB", pesq_wb, 2, 0.1),
    "stoi": Metric("STOI", stoi, 3, 0.01),
    "estoi": Metric("ESTOI", estoi, 3, 0.02),
    "plcmos": Metric("PLCMOS", lambda reference, degraded, rate: plcmos(degraded, rate), 2, 0.1),
    "distortion": Metric("distortion", feature_distortion, 3, 0.02, lower_is_better=True),
    "highband": Metric("LSD 8-16k", high_band_distance, 1, 1.0, lower_is_better=True),
    "wer": Metric("WER", word_error_rate, 3, 0.03, lower_is_better=True),
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
