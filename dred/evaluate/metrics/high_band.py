# SPDX-License-Identifier: BSD-3-Clause
"""Log-spectral distance from 8 to 16 kHz, where no metric that works at 16 kHz hears anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dred.pcm import as_float

# The ear tells about a critical band, which is a kilohertz and more up here.
EDGES = range(8000, 16001, 1000)
BLOCK_MS = 10  # half of a window
# Power of a band below which nobody hears it: speech at a comfortable 65 dB SPL is at -26 dBFS, so
# this is about 5 dB SPL, below the threshold of hearing (ISO 389-7: 15 dB at 8 kHz, 40 at 16).
INAUDIBLE = 10 ** (-86 / 10)


def high_band_distance(
    reference: npt.NDArray[Any],
    degraded: npt.NDArray[Any],
    rate: int,
    where: npt.NDArray[np.bool_] | None = None,
) -> float:
    """Mean over time of the rms over bands of level differences, dB, where either is audible.

    Mono, at a rate that holds 16 kHz: NaN at others, and where there is nothing to hear. where:
    which samples count, [n]; None: all. Two noises of one level are 2 to 3 dB apart.
    """
    if rate < 2 * EDGES[-1]:
        return float("nan")
    length = min(len(reference), len(degraded))
    clean, heard = (_levels(pcm[:length], rate) for pcm in (reference, degraded))
    audible = np.maximum(clean, heard).max(axis=1, initial=-np.inf) > 10 * np.log10(INAUDIBLE)
    if where is not None:
        block = rate * BLOCK_MS // 1000
        audible &= where[block:length:block][: len(audible)]  # by the windows' middles
    if not audible.any():
        return float("nan")
    return float(np.mean(np.sqrt(np.mean((clean - heard)[audible] ** 2, axis=1))))


def _levels(pcm: npt.NDArray[Any], rate: int) -> npt.NDArray[np.float64]:
    """Level of each band in each window, dB, no lower than what is inaudible: [windows, bands]."""
    block = rate * BLOCK_MS // 1000
    if len(pcm) < 2 * block:
        return np.zeros((0, len(EDGES) - 1))
    windows = np.lib.stride_tricks.sliding_window_view(as_float(pcm), 2 * block)[::block]
    shape = np.sin(np.pi * (np.arange(2 * block) + 0.5) / (2 * block))
    power = np.abs(np.fft.rfft(windows * shape, axis=1)) ** 2 / block**2
    bins = [edge * 2 * block // rate for edge in EDGES]
    bands = np.add.reduceat(power[:, : bins[-1]], bins[:-1], axis=1)
    return 10 * np.log10(np.maximum(bands, INAUDIBLE))
