# SPDX-License-Identifier: BSD-3-Clause
"""Short-time objective intelligibility (STOI, Taal et al. 2011) and its extension for noise that
comes and goes (ESTOI, Jensen and Taal 2016), 0 to 1, against the original."""

import warnings
from typing import Any

import numpy.typing as npt

from dred.evaluate.metrics.common import pair_at_16k, require
from dred.units import CORE_RATE

# What pystoi answers, with a warning, when less than 384 ms is left after removing silence.
TOO_SHORT = 1e-5


def stoi(reference: npt.NDArray[Any], degraded: npt.NDArray[Any], rate: int) -> float:
    """STOI; NaN where there is too little speech to tell."""
    return _measure(reference, degraded, rate, extended=False)


def estoi(reference: npt.NDArray[Any], degraded: npt.NDArray[Any], rate: int) -> float:
    """ESTOI; likewise."""
    return _measure(reference, degraded, rate, extended=True)


def _measure(
    reference: npt.NDArray[Any], degraded: npt.NDArray[Any], rate: int, *, extended: bool
) -> float:
    pystoi = require("pystoi", "STOI")
    clean, coded = pair_at_16k(reference, degraded, rate)
    if not clean.any():
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = float(pystoi.stoi(clean, coded, CORE_RATE, extended=extended))
        except ValueError:  # shorter than one frame of its analysis
            return float("nan")
    return float("nan") if value == TOO_SHORT else value
