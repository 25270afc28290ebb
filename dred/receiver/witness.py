# SPDX-License-Identifier: BSD-3-Clause
"""A second stock decoder, whose past differs where something was lost: it hears with the first one
what comes next. What only one of them gives is not in the packet; it is a memory of the gap."""

from __future__ import annotations

import numpy as np

from dred._native import Floats
from dred.opus import OpusDecoder

# Packets behind a gap, after which both decoders have forgotten it.
LISTENS = 4
# What is not decoded until somebody asks: about a second of losses, soon concealed.
WAITING = 50


class Witness:
    """Conceals what is lost in libopus's own way. Audio is float32 [n, channels] in +-1."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._decoder = OpusDecoder(sample_rate, channels)
        self._left = 0  # packets that it still wants to hear
        self._undecoded: list[tuple[bytes | None, int, bool]] = []
        self._frame = np.zeros((0, channels), np.float32)

    def begin(self, decoder: OpusDecoder) -> None:
        """A gap begins after all that this decoder has heard."""
        self._undecoded.clear()
        self._decoder.restore(decoder.save())
        self._left = LISTENS

    def hear(self, packet: bytes | None, samples: int, *, fec: bool = False) -> bool:
        """Take a packet, or one that did not come (None); False where no gap is near. samples, fec:
        as for `OpusDecoder.decode`."""
        if not self._left:
            return False
        self._left -= packet is not None
        self._undecoded.append((packet, samples, fec))
        if len(self._undecoded) > WAITING:
            self.frame()
        return True

    def frame(self) -> Floats:
        """What it makes of what it heard last. It decodes only now: of few frames, in gaps and
        behind them, does anybody ask."""
        for packet, samples, fec in self._undecoded:
            self._frame = self._decoder.decode(packet, samples, fec=fec)
        self._undecoded.clear()
        return self._frame

    def hand_over(self, decoder: OpusDecoder) -> None:
        """Give a decoder this past in the place of its own."""
        self.frame()
        decoder.restore(self._decoder.save())
        self._left = 0
