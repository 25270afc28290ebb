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
TOGETHER = 25  # frames
SLOWNESS = 0.9  # of the spectrum: weight of its past at every quiet block
LEVEL = 0.5  # amplitude against the background's own: more is heard as noise


class _Quietest:
    """Which of a row of values are among the lowest of the last WINDOW: kept sorted, as to sort
    them anew for every block cost more than all else that a good frame needs."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def includes(self, value: float) -> bool:
        """Take the next value; whether it is no higher than the quantile QUIET."""
        insort(self._sorted, value)
        self._recent.append(value)
        if len(self._recent) > WINDOW:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        return value <= self._sorted[int(QUIET * (len(self._sorted) - 1))]


class Background:
    """The noise behind the speech: learns from what is played, gives as much as is wanted."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._block = sample_rate * BLOCK_MS // 1000
        self._last = np.zeros((self._block, channels), np.float32)
        self._heard: list[Floats] = []  # since then, not learnt from yet
        self._quietest = _Quietest()
        self._spectrum: npt.NDArray[np.float64] | None = None  # of two blocks, [bins, channels]
        self._random = np.random.default_rng(1)
        phase = (np.arange(2 * self._block) + 0.5) * np.pi / (2 * self._block)
        self._window = np.sin(phase).astype(np.float32)[:, None]
        self._ready = np.zeros((0, channels), np.float32)
        self._tail = np.zeros((self._block, channels), np.float32)

    def learn(self, pcm: Floats) -> None:
        """Hear a frame [n, channels] that really came from the sender."""
        self._heard.append(pcm[: len(pcm) // self._block * self._block])
        if len(self._heard) == TOGETHER:
            self._catch_up()

    def _catch_up(self) -> None:
        """Learn from what was heard: several frames in one go cost half as much."""
        heard = np.concatenate([self._last, *self._heard])
        self._heard.clear()
        self._last = heard[-self._block :]
        starts = range(0, len(heard) - self._block, self._block)
        pairs = [heard[start : start + 2 * self._block] for start in starts]
        quiet = [pair for pair in pairs if self._quietest.includes(float(np.vdot(pair, pair)))]
        if not quiet:
            return
        for new in np.abs(np.fft.rfft(self._window * np.stack(quiet), axis=1)) ** 2:
            old = new if self._spectrum is None else self._spectrum
            self._spectrum = old + (1 - SLOWNESS) * (new - old)

    def noise(self, length: int) -> Floats:
        """So many samples of it, [n, channels], that go on from the last ones."""
        if self._heard:
            self._catch_up()
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
