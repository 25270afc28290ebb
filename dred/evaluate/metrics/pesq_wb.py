# SPDX-License-Identifier: BSD-3-Clause
"""Wideband PESQ (ITU-T P.862.2): mean opinion score, 1.04 to 4.64, against the original."""

from typing import Any

import numpy.typing as npt

from dred.evaluate.metrics.common import pair_at_16k, require
from dred.units import CORE_RATE


def pesq_wb(reference: npt.NDArray[Any], degraded: npt.NDArray[Any], rate: int) -> float:
    """MOS-LQO; NaN where PESQ finds no speech (silence, less than a quarter of a second)."""
    pesq = require("pesq", "PESQ")
    clean, coded = pair_at_16k(reference, degraded, rate)
    # Divides by the largest sample: silence is not for it.
    if not clean.any() or not coded.any():
        return float("nan")
    try:
        return float(pesq.pesq(CORE_RATE, clean, coded, "wb"))
    except (pesq.NoUtterancesError, pesq.BufferTooShortError):
        return float("nan")
