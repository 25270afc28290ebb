# SPDX-License-Identifier: BSD-3-Clause
"""Other microphones, speakers, rooms and backgrounds out of the same speech; knows no features.

Every function takes pcm [samples] in +-1 at 16 kHz and a generator, and returns new pcm.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soxr

RATE = 16000
# Chance of every change; they are independent. Most copies are other speakers: those are what hours
# of speech have least of.
CHANCES = {"speed": 0.8, "tilt": 0.4, "room": 0.2, "noise": 0.25}

SPEED = (0.85, 1.18)
TILT_DB = 3.0  # per octave, at most, either way
RIPPLE_DB = 3.0  # of a smooth curve on top
DECAY_S = (0.15, 0.6)  # until the reverberation has fallen by 60 dB
DIRECT_DB = (3.0, 18.0)  # of the direct sound above the reverberation
NOISE_DB = (15.0, 40.0)  # of the speech above the noise
PEAK = 0.95


def speed(pcm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Faster and higher or slower and lower, as a tape: by 0.85 to 1.18."""
    factor = rng.uniform(*SPEED)
    return soxr.resample(pcm, RATE * factor, RATE)


def tilt(pcm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another equaliser: a slope over the octaves and a smooth curve, without phase."""
    octave = np.log2(np.maximum(np.fft.rfftfreq(len(pcm), 1 / RATE), 60.0) / 1000.0)
    gain_db = rng.uniform(-TILT_DB, TILT_DB) * octave
    for ripples in (1, 2, 3):
        phase = rng.uniform(0, 2 * np.pi)
        gain_db += RIPPLE_DB / 3 * rng.uniform(-1, 1) * np.cos(ripples * octave + phase)
    return np.fft.irfft(np.fft.rfft(pcm) * 10.0 ** (gain_db / 20.0), len(pcm))


def room(pcm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A small room: direct sound, then noise that decays exponentially, duller as it goes."""
    decay = rng.uniform(*DECAY_S)
    time = np.arange(int(decay * RATE)) / RATE
    tail = rng.standard_normal(len(time)) * 10.0 ** (-3.0 * time / decay)
    tail = np.convolve(tail, [0.25, 0.5, 0.25], "same")  # walls swallow high frequencies
    tail[: int(rng.uniform(0.001, 0.005) * RATE)] = 0.0  # the first wall is some way off
    tail *= 10.0 ** (-rng.uniform(*DIRECT_DB) / 20.0) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    size = len(pcm) + len(tail)
    return np.fft.irfft(np.fft.rfft(pcm, size) * np.fft.rfft(tail, size), size)[: len(pcm)]


def noise(pcm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A light background, from white to brown."""
    spectrum = np.fft.rfft(rng.standard_normal(len(pcm)))
    frequency = np.maximum(np.fft.rfftfreq(len(pcm), 1 / RATE), 60.0)
    background = np.fft.irfft(spectrum * frequency ** -rng.uniform(0.0, 1.0), len(pcm))
    level = np.sqrt(np.mean(pcm**2)) * 10.0 ** (-rng.uniform(*NOISE_DB) / 20.0)
    return pcm + background * level / np.sqrt(np.mean(background**2))


CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "speed": speed,
    "tilt": tilt,
    "room": room,
    "noise": noise,
}


def augmented(pcm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A changed copy of int16 pcm, at about the same level; speed changes its length."""
    chosen = [name for name in CHANGES if rng.random() < CHANCES[name]]
    if not chosen or not pcm.any():
        return pcm
    before = pcm / 32768.0
    after = before
    for name in chosen:
        after = CHANGES[name](after, rng)
    after = after * np.sqrt(np.mean(before**2) / np.mean(after**2))
    after = after * min(1.0, PEAK / np.abs(after).max())
    return np.round(32767.0 * after).astype(np.int16)
