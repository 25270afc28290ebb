# SPDX-License-Identifier: BSD-3-Clause
"""Means with bootstrap confidence intervals; knows numbers and nothing of where they come from.

Scores of one speech file under several traces resemble each other: drawn again are whole clusters
(files), not single scores, or the intervals would be too narrow.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 1


@dataclass(frozen=True)
class Estimate:
    """A mean and its confidence interval; low and high are NaN where one cluster is all there is,
    the mean as well where there is nothing."""

    mean: float
    low: float
    high: float
    count: int
    clusters: int


def bootstrap_mean(
    values: npt.ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Mean of the values and its percentile interval. clusters: which cluster each value belongs
    to (default: each its own). Values that are not finite are left out. The default generator has
    a fixed seed, so that a report repeats."""
    numbers = np.asarray(values, np.float64).ravel()
    names = list(range(len(numbers))) if clusters is None else list(clusters)
    if len(names) != len(numbers):
        raise ValueError(f"{len(numbers)} values but {len(names)} clusters")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, not {confidence}")
    kept = np.isfinite(numbers)
    numbers = numbers[kept]
    # In order of appearance: sets have none, and the draws must repeat.
    index = {name: i for i, name in enumerate(dict.fromkeys(np.array(names, object)[kept]))}
    nan = float("nan")
    if not len(numbers):
        return Estimate(nan, nan, nan, 0, 0)
    mean = float(numbers.mean())
    if len(index) == 1:
        return Estimate(mean, nan, nan, len(numbers), 1)
    belongs = np.array([index[name] for name in np.array(names, object)[kept]])
    sums = np.bincount(belongs, numbers, len(index))
    counts = np.bincount(belongs, minlength=len(index))
    rng = rng or np.random.default_rng(SEED)
    weights = rng.multinomial(len(index), np.full(len(index), 1 / len(index)), resamples)
    means = (weights @ sums) / (weights @ counts)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(mean, float(low), float(high), len(numbers), len(index))
