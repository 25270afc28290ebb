# SPDX-License-Identifier: BSD-3-Clause
"""Speech made longer or shorter by one pitch period, without a change of pitch: two neighbouring
stretches that look alike are laid over each other (WSOLA: Verhelst and Roelands, ICASSP 1993).

Knows no packets and no clock. Audio is float32 [n, channels].
"""

from __future__ import annotations

import numpy as np

from dred._native import Floats
from dred.receiver.join import equal_gain

# Pitch from 400 down to 67 Hz.
SHORTEST_MS, LONGEST_MS = 2.5, 15.0
# The search goes over a signal of about this rate first.
COARSE_RATE = 8000
# Below this level (-60 dB rms) anything is like anything.
SILENCE = 1e-3


def find_period(pcm: Floats, at: int, sample_rate: int) -> tuple[int, float]:
    """The period around a place: (samples, likeness), so that the period before `at` looks most
    like the one after it. likeness: normalised correlation, at most 1; 1 in silence.

    Needs LONGEST_MS of audio on both sides.
    """
    low, high = (round(sample_rate * ms / 1000) for ms in (SHORTEST_MS, LONGEST_MS))
    mono = pcm[at - high : at + high].mean(axis=1)
    if np.sqrt(np.mean(mono**2)) < SILENCE:
        return high, 1.0
    step = max(1, sample_rate // COARSE_RATE)
    coarse = mono[: len(mono) // step * step].reshape(-1, step).mean(axis=1)
    rough = max(range(low // step, high // step + 1), key=lambda p: _likeness(coarse, p))
    near = range(max(low, step * (rough - 1)), min(high, step * (rough + 1)) + 1)
    period = max(near, key=lambda p: _likeness(mono, p))
    return period, _likeness(mono, period)


def _likeness(mono: Floats, period: int) -> float:
    """Of the two periods around the middle."""
    middle = len(mono) // 2
    before, after = mono[middle - period : middle], mono[middle : middle + period]
    energy = float(np.dot(before, before) * np.dot(after, after))
    return float(np.dot(before, after)) / np.sqrt(energy) if energy > 0 else 0.0


def shorten(pcm: Floats, at: int, period: int) -> Floats:
    """The audio without one period: the one before `at` fades into the one after it."""
    joined = equal_gain(pcm[at - period : at], pcm[at : at + period])
    return np.concatenate([pcm[: at - period], joined, pcm[at + period :]])


def lengthen(pcm: Floats, at: int, period: int) -> Floats:
    """The audio with one period more: after `at` comes what follows, fading into what was."""
    added = equal_gain(pcm[at : at + period], pcm[at - period : at])
    return np.concatenate([pcm[:at], added, pcm[at:]])
