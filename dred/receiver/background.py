# SPDX-License-Identifier: BSD-3-Clause
"""Comfort noise for gaps: the background that was heard between the words; knows no speech model.

A vocoder and a fading guess end in digital silence, which is heard as a hole wherever the speaker
has a room around them. Gaussian noise with the mean spectrum of the quietest blocks that were
played goes under guesses that nothing describes: at the output rate, with the band above the
vocoder's, in every channel.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

import numpy as np
import numpy.typing as npt

from dred._native import Floats

BLOCK_MS = 10
WINDOW = 300  # blocks, three seconds: in speech there is a pause in it
QUIET = 0.1  # quantile of the blocks' powers that counts as the background's
SLOWNESS = 0.9  # of the spectrum: weight of its past at every quiet block
LEVEL = 0.5  # amplitude against the background's own: more is heard as noise


class Background:
    """The noise behind the speech: learns from what is played, gives as much as is wanted."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._block = sample_rate * BLOCK_MS // 1000
        self._last = np.zeros((self._block, channels), np.float32)
        self._powers: deque[float] = deque()  # of the blocks heard last
        self._ranked: list[float] = []  # the same in order: a frame should not sort them anew
        self._spectrum: npt.NDArray[np.float64] | None = None  # of two blocks, [bins, channels]
        self._random = np.random.default_rng(1)
        phase = (np.arange(2 * self._block) + 0.5) * np.pi / (2 * self._block)
        self._window = np.sin(phase).astype(np.float32)[:, None]
        self._ready = np.zeros((0, channels), np.float32)
        self._tail = np.zeros((self._block, channels), np.float32)

    def learn(self, pcm: Floats) -> None:
        """Hear a frame [n, channels] that really came from the sender."""
        for start in range(0, len(pcm) - self._block + 1, self._block):
            block = pcm[start : start + self._block]
            both = np.concatenate([self._last, block])
            self._last = block
            if self._is_quiet(float(np.mean(both.astype(np.float64) ** 2))):
                new = np.abs(np.fft.rfft(self._window * both, axis=0)) ** 2
                old = new if self._spectrum is None else self._spectrum
                self._spectrum = old + (1 - SLOWNESS) * (new - old)

    def _is_quiet(self, power: float) -> bool:
        """Whether a block of this power is among the quietest of late, itself included."""
        if len(self._powers) == WINDOW:
            del self._ranked[bisect_left(self._ranked, self._powers.popleft())]
        self._powers.append(power)
        insort(self._ranked, power)
        return power <= self._ranked[int(QUIET * (len(self._ranked) - 1))]

    def noise(self, length: int) -> Floats:
        """So many samples of it, [n, channels], that go on from the last ones."""
        if self._spectrum is None:
            return np.zeros((length, self._tail.shape[1]), np.float32)
        while len(self._ready) < length:
            # The window took half of the power; the other half is in the imaginary part.
            amplitude = LEVEL * np.sqrt(self._spectrum)
            real, imaginary = self._random.standard_normal((2, *amplitude.shape)) * amplitude
            wave = np.fft.irfft(real + 1j * imaginary, 2 * self._block, axis=0)
            block = self._window * wave.astype(np.float32)
            self._ready = np.concatenate([self._ready, self._tail + block[: self._block]])
            self._tail = block[self._block :]
        noise, self._ready = self._ready[:length], self._ready[length:]
        return noise
