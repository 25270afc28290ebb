# SPDX-License-Identifier: BSD-3-Clause
"""Wideband PESQ (ITU-T P.862.2): mean opinion score, 1.04 to 4.64, against the original."""

import math
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from dred.evaluate.metrics.common import pair_at_16k, pieces, require
from dred.units import CORE_RATE

# The code of P.862 has room for 50 utterances and writes beyond them. They, and the pauses between,
# last 0.2 s at least.
LONGEST_S = 20


def pesq_wb(reference: npt.NDArray[Any], degraded: npt.NDArray[Any], rate: int) -> float:
    """MOS-LQO; of longer speech than LONGEST_S the mean over pieces of one length. NaN where PESQ
    finds no speech (silence, less than a quarter of a second)."""
    pesq = require("pesq", "PESQ")
    clean, coded = pair_at_16k(reference, degraded, rate)
    spoken = [piece for piece in pieces(clean, coded, longest_s=LONGEST_S) if piece[0].any()]
    # Divides by the largest sample: silence is not for it, nor may it be left out of a mean.
    if not all(heard.any() for _, heard in spoken):
        return float("nan")
    scores = [score for piece in spoken if not math.isnan(score := _rated(pesq, *piece))]
    return float(np.mean(scores)) if scores else float("nan")


def _rated(pesq: ModuleType, clean: npt.NDArray[Any], coded: npt.NDArray[Any]) -> float:
    try:
        return float(pesq.pesq(CORE_RATE, clean, coded, "wb"))
    except (pesq.NoUtterancesError, pesq.BufferTooShortError):
        return float("nan")
