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
TOGETHER = 25  # frames that are learnt from in one go, which costs half as much
AHEAD = 4  # blocks of noise that are made in one go
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
        heard = np.concatenate([self._last, *self._heard])
        self._heard.clear()
        self._last = heard[-self._block :]
        blocks = heard.reshape(-1, self._block, heard.shape[1])
        powers = np.square(blocks).sum((1, 2))
        pairs = enumerate((powers[1:] + powers[:-1]).tolist())
        quiet = [i for i, power in pairs if self._quietest.includes(power)]
        if not quiet:
            return
        stacked = np.concatenate([blocks[quiet], blocks[1:][quiet]], axis=1)
        for new in np.abs(np.fft.rfft(self._window * stacked, axis=1)) ** 2:
            old = new if self._spectrum is None else self._spectrum
            self._spectrum = old + (1 - SLOWNESS) * (new - old)

    def noise(self, length: int) -> Floats:
        """So many samples of it, [n, channels], that go on from the last ones."""
        if self._heard:
            self._catch_up()
        if self._spectrum is None:
            return np.zeros((length, self._tail.shape[1]), np.float32)
        while len(self._ready) < length:
            self._make()
        noise, self._ready = self._ready[:length], self._ready[length:]
        return noise

    def _make(self) -> None:
        """More of it: overlapping blocks of random spectra."""
        assert self._spectrum is not None
        # The window took half of the power; the other half is in the imaginary part.
        amplitude = LEVEL * np.sqrt(self._spectrum)
        real, imaginary = self._random.standard_normal((2, AHEAD, *amplitude.shape)) * amplitude
        waves = np.fft.irfft(real + 1j * imaginary, 2 * self._block, axis=1)
        blocks = self._window * waves.astype(np.float32)
        ending = np.concatenate([self._tail[None], blocks[:-1, self._block :]])
        self._tail = blocks[-1, self._block :]
        made = (blocks[:, : self._block] + ending).reshape(-1, self._tail.shape[1])
        self._ready = np.concatenate([self._ready, made])
