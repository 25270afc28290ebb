# SPDX-License-Identifier: BSD-3-Clause
"""What every metric needs: its optional package, and its audio at 16 kHz."""

import math
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from dred.errors import UnavailableError
from dred.io.wav import resample
from dred.units import CORE_RATE


def require(package: str, metric: str, extra: str = "eval") -> ModuleType:
    """Import an optional package, or say how to get it."""
    try:
        return import_module(package)
    except ImportError:
        raise UnavailableError(
            f"{metric} needs the package {package.split('.')[0]}: pip install 'dred[{extra}]'"
        ) from None


def at_16k(pcm: npt.NDArray[Any], rate: int, name: str) -> npt.NDArray[np.float32]:
    """Mono audio as float32 at 16 kHz."""
    pcm = np.asarray(pcm)
    if pcm.ndim != 1:
        raise ValueError(f"{name}: expected one channel [n], got {list(pcm.shape)}")
    audio: npt.NDArray[np.float32] = resample(pcm, rate, CORE_RATE)
    return audio


def pair_at_16k(
    reference: npt.NDArray[Any], degraded: npt.NDArray[Any], rate: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Both signals, cut to the length of the shorter."""
    length = min(len(reference), len(degraded))
    clean = at_16k(reference[:length], rate, "reference")
    return clean, at_16k(degraded[:length], rate, "degraded")


def pieces(
    *signals: npt.NDArray[np.float32], longest_s: float
) -> Iterator[tuple[npt.NDArray[np.float32], ...]]:
    """Signals of one length at 16 kHz, cut alike into parts of one length."""
    count = max(1, math.ceil(len(signals[0]) / (longest_s * CORE_RATE)))
    return zip(*(np.array_split(signal, count) for signal in signals), strict=True)
