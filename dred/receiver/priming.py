# SPDX-License-Identifier: BSD-3-Clause
"""Substitute packets: give a stock decoder, in a gap, a past that sounds like what is played.

After a gap an Opus decoder goes on from its own concealment, which damages the first frames that
are received again. Here the synthetic audio is encoded with a local encoder, in the mode and
bandwidth of the last real packet, and decoded in the place of what was lost. Knows no DRED.
"""

from __future__ import annotations

from dred._native import Floats
from dred.opus import OpusEncoder
from dred.packet import Toc
from dred.pcm import clipped

WARM_UP_MS = 20  # encoded and thrown away, for the encoder's own state; more is no better
SILK_RATE = 16000
BITRATE = 40000  # per channel; more does not help
CELT_BITRATE = 64000
COMPLEXITY = 2  # more costs time and is not heard


class Primer:
    """Encodes what is played in gaps; one encoder per kind of packet met so far."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._encoders: dict[tuple[int, int], OpusEncoder] = {}
        self._encoder: OpusEncoder | None = None
        self.rate = SILK_RATE  # of the audio to give
        self.lookahead = 0  # samples by which that audio has to be ahead of the packet's time
        self.channels = 1

    def begin(self, toc: Toc) -> None:
        """A gap begins after a packet of this kind."""
        # SILK works at 16 kHz at the most; the other modes need the full band.
        silk = toc.mode == "silk" or self._sample_rate < SILK_RATE
        self.rate = SILK_RATE if silk else self._sample_rate
        self.channels = 2 if toc.stereo else 1
        key = (self.rate, self.channels)
        if key not in self._encoders:
            self._encoders[key] = OpusEncoder(self.rate, self.channels)
        self._encoder = self._encoders[key]
        self._encoder.reset()
        bitrate = CELT_BITRATE if toc.mode == "celt" else BITRATE
        self._encoder.configure(
            bitrate=bitrate * self.channels,
            mode=toc.mode,
            bandwidth=toc.bandwidth,
            complexity=COMPLEXITY,
        )
        self.lookahead = self._encoder.lookahead

    def encode(self, pcm: Floats) -> bytes:
        """A packet of [n, channels] samples of the rate and lead that `begin` asked for."""
        assert self._encoder is not None
        return self._encoder.encode(clipped(pcm))
