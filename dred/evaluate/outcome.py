# SPDX-License-Identifier: BSD-3-Clause
"""One simulation in numbers: what was sent, lost, made up, and how it sounds; knows no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from dred.errors import DredError, UnavailableError
from dred.evaluate.delay import needed_delay
from dred.evaluate.metrics import METRICS, align, measure
from dred.simulate import Simulation
from dred.units import CORE_RATE

DEFAULT_METRICS = ("pesq", "stoi")
# A simulation is in step but for the phase of a filter; sound from elsewhere may be a little off.
MAX_SHIFT_MS = 10


def describe(result: Simulation) -> dict[str, Any]:
    """What a scheme sent, lost, and made its frames from."""
    return {
        "scheme": result.scheme,
        "kbps": result.kbps,
        "packets": len(result.lost),
        "lost": int(result.lost.sum()),
        "frames": dict(Counter(result.sources)),
        "split": asdict(result.split),
        "delay": asdict(needed_delay(result)),
    }


def scores(
    reference: npt.NDArray[Any],
    degraded: npt.NDArray[Any],
    rate: int,
    names: Iterable[str] = DEFAULT_METRICS,
) -> dict[str, float | None]:
    """Metrics of the mono mixes, brought into step; None where the package of one is missing."""
    names = list(names)
    if not names:
        return {}
    heard, wanted = (pcm if pcm.ndim == 1 else pcm.mean(axis=1) for pcm in (degraded, reference))
    wanted, heard, _ = align(wanted, heard, round(MAX_SHIFT_MS * rate / 1000))
    found: dict[str, float | None] = {}
    for name in names:
        try:
            found |= measure(np.asarray(wanted), np.asarray(heard), rate, [name])
        except DredError:
            found[name] = None
    return found


def missing_packages(names: Iterable[str]) -> list[str]:
    """Of these metrics, why some can measure nothing here: what each needs, and how to get it."""
    nothing = np.zeros(0, np.float32)
    reasons = []
    for name in names:
        try:
            measure(nothing, nothing, CORE_RATE, [name])  # imports what it needs before all else
        except UnavailableError as reason:
            reasons.append(str(reason))
    return list(dict.fromkeys(reasons))


def check_metrics(names: Iterable[str]) -> list[str]:
    """The names, or a ValueError that lists those there are."""
    chosen = list(dict.fromkeys(names))
    for name in chosen:
        if name not in METRICS:
            raise ValueError(f"unknown metric {name!r}; there are {', '.join(METRICS)}")
    return chosen
