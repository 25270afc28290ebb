# SPDX-License-Identifier: BSD-3-Clause
"""Time alignment: by how many samples one signal lags behind another; knows no codec."""

from typing import Any

import numpy as np
import numpy.typing as npt

Audio = npt.NDArray[Any]
SHORTEST = 16384  # samples in a transform, at least


def find_shift(reference: Audio, degraded: Audio, max_shift: int) -> int:
    """Samples by which `degraded` comes later than `reference` (negative: earlier), at most
    max_shift: the lag of the largest cross-correlation, normalised by the energy it covers."""
    if reference.ndim != 1 or degraded.ndim != 1:
        raise ValueError("alignment is for mono signals [n]")
    if max_shift < 0:
        raise ValueError(f"max_shift must not be negative, is {max_shift}")
    a = reference.astype(np.float64)
    b = degraded.astype(np.float64)
    if not a.any() or not b.any():
        return 0
    correlation = _correlation(a, b, max_shift)
    # Of equals, the smallest shift wins: it comes first.
    lags = np.array(sorted(range(-max_shift, max_shift + 1), key=abs))
    lags = lags[(lags > -len(a)) & (lags < len(b))]
    energy_a = np.concatenate([[0.0], np.cumsum(a**2)])
    energy_b = np.concatenate([[0.0], np.cumsum(b**2)])
    # Samples a[first:last] meet b[first + lag:last + lag].
    first = np.maximum(0, -lags)
    last = np.minimum(len(a), len(b) - lags)
    overlap = (energy_a[last] - energy_a[first]) * (energy_b[last + lags] - energy_b[first + lags])
    # A tiny overlap correlates with anything: its energy counts as 1 % of the whole.
    floor = 0.01 * energy_a[-1] * energy_b[-1]
    return int(lags[np.argmax(correlation[max_shift + lags] / np.sqrt(np.maximum(overlap, floor)))])


def _correlation(a: Audio, b: Audio, most: int) -> Audio:
    """Sums of a[n] b[n + lag], lag from -most to most: from blocks, as a transform of all would be
    long and most of its lags unused."""
    size = max(SHORTEST, 1 << (4 * most).bit_length())
    block = size - 2 * most
    around = np.concatenate([np.zeros(most), b, np.zeros(len(a) + most)])
    spectrum = np.zeros(size // 2 + 1, np.complex128)
    for start in range(0, len(a), block):
        part = np.fft.rfft(a[start : start + block], size)
        spectrum += np.conj(part) * np.fft.rfft(around[start : start + block + 2 * most], size)
    correlation: Audio = np.fft.irfft(spectrum, size)[: 2 * most + 1]
    return correlation


def align(reference: Audio, degraded: Audio, max_shift: int) -> tuple[Audio, Audio, int]:
    """Both signals cut so that sample i of one belongs to sample i of the other, and the shift."""
    shift = find_shift(reference, degraded, max_shift)
    a, b = reference[max(0, -shift) :], degraded[max(0, shift) :]
    length = min(len(a), len(b))
    return a[:length], b[:length], shift
