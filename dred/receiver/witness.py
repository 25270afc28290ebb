# SPDX-License-Identifier: BSD-3-Clause
"""A second stock decoder, whose past differs where something was lost: it hears with the first one
what comes next. What only one of them gives is not in the packet; it is a memory of the gap."""

from __future__ import annotations

from dred._native import Floats
from dred.opus import OpusDecoder

# Packets behind a gap, after which both decoders have forgotten it.
LISTENS = 4


class Witness:
    """Conceals what is lost in libopus's own way. Audio is float32 [n, channels] in +-1."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._decoder = OpusDecoder(sample_rate, channels)
        self._left = 0  # packets that it still wants to hear

    def begin(self, decoder: OpusDecoder) -> None:
        """A gap begins after all that this decoder has heard."""
        self._decoder.restore(decoder.save())
        self._left = LISTENS

    def hear(self, packet: bytes | None, samples: int, *, fec: bool = False) -> Floats | None:
        """What it makes of a packet, or of one that did not come (None); None where no gap is
        near. samples, fec: as for `OpusDecoder.decode`."""
        if not self._left:
            return None
        self._left -= packet is not None
        return self._decoder.decode(packet, samples, fec=fec)

    def hand_over(self, decoder: OpusDecoder) -> None:
        """Give a decoder this past in the place of its own."""
        decoder.restore(self._decoder.save())
        self._left = 0
