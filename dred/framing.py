# SPDX-License-Identifier: BSD-3-Clause
"""Samples of any number cut into the frames of a codec; knows no codec."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from dred._native import Floats
from dred.pcm import interleaved


class FrameEncoder(ABC):
    """Takes audio in pieces of any length and encodes it in whole frames.

    frame: samples per channel in a frame.
    """

    def __init__(self, frame: int, channels: int) -> None:
        self._frame, self.channels = frame, channels
        self._pending = np.zeros((0, channels), np.float32)
        self._fed = 0  # samples that have to be heard: given to push, or added by a flush
        self._flushed = 0  # samples that a flush took care of
        self._cut = 0  # frames

    @property
    @abstractmethod
    def lookahead(self) -> int:
        """Samples by which decoded audio comes later than the input."""

    @abstractmethod
    def _encode(self, frames: Floats) -> list[bytes]:
        """A packet from each of [k, frame, channels]."""

    def push(self, pcm: npt.ArrayLike) -> list[bytes]:
        """Take samples, [n] or [n, channels], float32 in +-1 or int16; give finished packets."""
        samples = interleaved(pcm, self.channels)
        self._fed += len(samples)
        return self._encode(self._frames(samples))

    def flush(self) -> list[bytes]:
        """Packets with what is left, so that all that was pushed will be heard."""
        if self._fed == self._flushed:
            return []
        missing = self._fed + self.lookahead - self._cut * self._frame
        padding = -(-missing // self._frame) * self._frame - len(self._pending)
        frames = self._frames(np.zeros((padding, self.channels), np.float32))
        self._fed = self._flushed = self._cut * self._frame
        return self._encode(frames)

    def _frames(self, samples: Floats) -> Floats:
        pending = np.concatenate([self._pending, samples])
        count = len(pending) // self._frame
        self._pending = pending[count * self._frame :]
        self._cut += count
        return pending[: count * self._frame].reshape(count, self._frame, self.channels)
