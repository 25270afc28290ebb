# SPDX-License-Identifier: BSD-3-Clause
"""PLCMOS v2 (Diener et al. 2023): predicted opinion of concealed speech, 1 to 5, no original.

The package speechmos carries the network (MIT licence, Microsoft)."""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from dred.evaluate.metrics.common import at_16k, require

# It averages over 15 random raters: a fixed seed makes the score repeat.
SEED = 1


@functools.cache
def _network() -> Any:
    require("onnxruntime", "PLCMOS")
    return require("speechmos.plcmos", "PLCMOS").PLCMOS()


def plcmos(degraded: npt.NDArray[Any], rate: int) -> float:
    """Mean opinion score; NaN for silence."""
    audio = at_16k(degraded, rate, "degraded")
    network = _network()
    if not audio.any():
        return float("nan")
    # The package draws from numpy's global generator, which belongs to the caller.
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(SEED)  # noqa: NPY002
        return float(network.get_mos(np.clip(audio, -1, 1)))
    finally:
        np.random.set_state(state)  # noqa: NPY002
