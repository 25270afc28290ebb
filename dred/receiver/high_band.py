# SPDX-License-Identifier: BSD-3-Clause
"""What a gap lacks above 8 kHz: noise as strong as the speaker's high band was whenever the band
below it sounded alike. Knows no packets and no networks.

The vocoder speaks at 16 kHz. Every block of good audio is remembered as a pair: its spectrum below
8 kHz, and its bands above that, against the last one below. In a gap, the pairs that resemble the
synthesis say how strong each band should be: a vowel gets what vowels had, a fricative what
fricatives had (bandwidth extension with a codebook, the codebook being the call). The momentary
level of the synthesis above 4 kHz shapes the noise in time: it pulses with the voice and fades
with it.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dred._native import Floats
from dred.units import CORE_RATE

# CELT's bands above 8 kHz (RFC 6716 table 55), and how many of them a bandwidth has.
EDGES = (8000, 9600, 12000, 15600, 20000)
CARRIED = {"swb": 2, "fb": 4}
# Bands that tell sounds apart. The last one is what those above are measured against.
SHAPE = (0, 500, 1000, 2000, 4000, 6000, 8000)
BLOCK_MS, WINDOW_MS = 10, 20
FLOOR = 1e-10  # power of silence
MEMORY, FEWEST = 1000, 20  # pairs kept: ten seconds; pairs below which nothing is known
# How unlike a block may be, dB rms: in the shape of its spectrum, and in its level.
SHAPE_DB, LEVEL_DB = 3.0, 7.0
# The block before a gap is not quite like its likes. That difference, so large at the most, lives
# on in the gap: this part of it from one step to the next.
LARGEST_DB, STAYS = 8.0, 0.8
# The momentary level: a half-band filter, and a window of a millisecond. Together they look ahead
# by as much as the up-sampler does, so that the noise is in time with what it belongs to.
HIGH_PASS = np.hamming(15) * (np.sinc(np.arange(-7, 8)) - 0.5 * np.sinc(np.arange(-7, 8) / 2))
MOMENT = np.hanning(19)[1:-1] / np.hanning(19).sum()
NOISE = 1 << 15  # samples after which the noise repeats
TOGETHER = 25  # frames that are learnt from in one go

Doubles = npt.NDArray[np.float64]


@lru_cache(maxsize=4)
def _noise(sample_rate: int, seed: int) -> Floats:
    """Noise [bands, NOISE + a tenth of a second] of unit power in each band that the rate holds; it
    has no end: what lies beyond NOISE is its beginning."""
    random = np.random.default_rng(seed)
    frequencies = np.fft.rfftfreq(NOISE, 1 / sample_rate)
    bands = []
    for low, high in pairwise(EDGES):
        if high <= sample_rate / 2:
            real, imaginary = random.standard_normal((2, len(frequencies)))
            inside = (frequencies >= low) & (frequencies < high)
            wave = np.fft.irfft(inside * (real + 1j * imaginary))
            bands.append(wave / np.sqrt(np.mean(wave**2)))
    endless = np.array(bands, np.float32).reshape(-1, NOISE)
    return np.concatenate([endless, endless[:, : sample_rate // 10]], axis=1)


@lru_cache(maxsize=4)
def _window(length: int) -> Doubles:
    """Of unit power."""
    return np.sqrt(2) * np.sin(np.pi * (np.arange(length) + 0.5) / length)


def _powers(blocks: Floats, sample_rate: int, edges: tuple[int, ...]) -> Doubles:
    """Power of blocks [n, samples] in each band, dB [n, bands]."""
    length = blocks.shape[1]
    power = np.abs(np.fft.rfft(_window(length) * blocks)) ** 2 * (2 / length**2)
    bins = [edge * length // sample_rate for edge in edges]
    return 10 * np.log10(np.add.reduceat(power[:, : bins[-1]], bins[:-1], axis=1) + FLOOR)


def _moments(narrow: Floats) -> Doubles:
    """Momentary amplitude above 4 kHz, of all but the ends."""
    high = np.convolve(narrow, HIGH_PASS, "valid")
    return np.sqrt(np.convolve(high**2, MOMENT, "valid"))


class HighBand:
    """Learns from the good audio of a call, and gives a synthesis at 16 kHz its high band. Mono.

    sample_rate: of the output; nothing is given where it holds nothing above 8 kHz. seed: of the
    noise.
    """

    def __init__(self, sample_rate: int, seed: int = 1) -> None:
        self._rate = sample_rate
        self._noise = _noise(sample_rate, seed)
        self._at = 0  # place in the noise
        self._tail = np.zeros(0, np.float32)  # of good audio: it belongs to the next block as well
        self._heard: list[Floats] = []  # since then, not learnt from yet
        self._active = False
        self._forget(0)

    def _forget(self, bands: int) -> None:
        self._bands = bands  # that the packets carry
        self._shapes: Doubles = np.zeros((0, len(SHAPE) - 1))
        self._ratios: Doubles = np.zeros((0, bands))

    def learn(self, pcm: Floats, bandwidth: str) -> None:
        """Hear a frame [n] that really came from the sender. bandwidth: of its packet, as in
        `Toc`; what was learnt at another one is of no use."""
        bands = min(CARRIED.get(bandwidth, 0), len(self._noise))
        if bands != self._bands:
            self._catch_up()
            self._forget(bands)
        if bands:
            self._heard.append(pcm)
            if len(self._heard) == TOGETHER:
                self._catch_up()

    def _catch_up(self) -> None:
        """Learn from what was heard since the last time."""
        block, window = (self._rate * ms // 1000 for ms in (BLOCK_MS, WINDOW_MS))
        audio = np.concatenate([self._tail, *self._heard])
        self._heard.clear()
        count = max(0, (len(audio) - window) // block + 1)
        self._tail = audio[count * block :]
        if not count:
            return
        blocks = np.lib.stride_tricks.sliding_window_view(audio, window)[::block]
        powers = _powers(blocks, self._rate, SHAPE + EDGES[1 : self._bands + 1])
        shapes, high = np.split(powers, [len(SHAPE) - 1], axis=1)
        self._shapes = np.concatenate([self._shapes, shapes])[-MEMORY:]
        self._ratios = np.concatenate([self._ratios, high - shapes[:, -1:]])[-MEMORY:]

    def begin(self, past: Floats) -> None:
        """A gap begins. past: 20 ms or more at 16 kHz, up to the first sample of the synthesis."""
        self._catch_up()
        self._tail = self._tail[:0]
        self._active = self._bands > 0 and len(self._shapes) >= FEWEST
        if self._active:
            self._loudest = np.max(self._shapes[:, -1:] + self._ratios, axis=0)
            usual = self._likely(self._shapes[-1:], len(self._shapes) - 1)
            self._apart = np.clip(self._ratios[-1] - usual, -LARGEST_DB, LARGEST_DB)
            self._past = past[-CORE_RATE * WINDOW_MS // 1000 :]
            self._gains = self._wanted(_moments(self._past))

    def above(self, narrow: Floats, length: int) -> Floats:
        """The high band [length] of what an up-sampler makes of the next samples at 16 kHz."""
        if not self._active:
            return np.zeros(length, np.float32)
        audio = np.concatenate([self._past, narrow])
        self._past = audio[-len(self._past) :]
        moments = _moments(audio)
        before, self._gains = self._gains, self._wanted(moments)
        # A fall takes a millisecond: with the gain of a pause, the burst after it would be a bang.
        spans = np.where(self._gains < before, self._rate // 1000, length)
        fade = np.maximum(0, 1 - np.arange(length) / spans[:, None])
        gains = self._gains[:, None] + fade * (before - self._gains)[:, None]
        noise = np.sum(gains * self._noise[: self._bands, self._at : self._at + length], axis=0)
        self._at = (self._at + length) % NOISE
        times = len(moments) - np.arange(length, 0, -1) * CORE_RATE / self._rate
        return (np.interp(times, np.arange(len(moments)), moments) * noise).astype(np.float32)

    def _wanted(self, moments: Doubles) -> Doubles:
        """Amplitude of each band against the momentary level, for what was synthesised last."""
        shape = _powers(self._past[None], CORE_RATE, SHAPE)
        bands = shape[0, -1] + self._likely(shape, len(self._shapes)) + self._apart
        self._apart *= STAYS
        level = np.mean(moments[-len(self._past) :] ** 2)
        return np.sqrt(10 ** (np.minimum(bands, self._loudest) / 10) / (level + FLOOR))

    def _likely(self, shape: Doubles, known: int) -> Doubles:
        """Mean ratios of the pairs, of the oldest `known`, whose shape is like this one [1, n]."""
        difference = self._shapes[:known] - shape
        # Mean and variance; numpy's own take several times as long over rows so short.
        level = np.einsum("ij->i", difference) / shape.size
        spread = np.einsum("ij,ij->i", difference, difference) / shape.size - level**2
        unlike = spread / SHAPE_DB**2 + level**2 / LEVEL_DB**2
        weights = np.exp((unlike.min() - unlike) / 2)
        return weights @ self._ratios[:known] / weights.sum()
