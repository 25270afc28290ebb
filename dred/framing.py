# SPDX-License-Identifier: BSD-3-Clause
"""Samples of any number cut into the frames of a codec; knows no codec."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dred._native import Floats
from dred.pcm import interleaved


class Framer:
    """frame: samples per channel in a frame."""

    def __init__(self, frame: int, channels: int) -> None:
        self._frame, self._channels = frame, channels
        self._pending = np.zeros((0, channels), np.float32)
        self._fed = 0  # samples that have to be heard: given to push, or added by a flush
        self._flushed = 0  # samples that a flush took care of
        self._cut = 0  # frames

    def push(self, pcm: npt.ArrayLike) -> Floats:
        """Take samples, [n] or [n, channels]; give whole frames [k, frame, channels]."""
        samples = interleaved(pcm, self._channels)
        self._fed += len(samples)
        return self._frames(samples)

    def flush(self, lookahead: int) -> Floats:
        """Frames with what is left, and zeros until all of it comes out of a codec that is so many
        samples late."""
        if self._fed == self._flushed:
            return self._frames(self._pending[:0])
        missing = self._fed + lookahead - self._cut * self._frame
        padding = -(-missing // self._frame) * self._frame - len(self._pending)
        frames = self._frames(np.zeros((padding, self._channels), np.float32))
        self._fed = self._flushed = self._cut * self._frame
        return frames

    def _frames(self, samples: Floats) -> Floats:
        pending = np.concatenate([self._pending, samples])
        count = len(pending) // self._frame
        self._pending = pending[count * self._frame :]
        self._cut += count
        return pending[: count * self._frame].reshape(count, self._frame, self._channels)
