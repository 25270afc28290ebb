# SPDX-License-Identifier: BSD-3-Clause
"""Audio to packets as an application of libopus makes them; our own sender is another."""

from __future__ import annotations

from collections import Counter

import numpy.typing as npt

from dred._native import Floats
from dred.framing import Framer
from dred.packet import why_no_dred
from dred.peer.codec import DredEncoder, require


class LibopusSender:
    """Packets from audio, one per frame.

    The arguments are those of `Sender`; how the bitrate is shared between frames, in-band FEC and
    DRED is libopus's own choice. `stats` counts packets by what they carry.
    """

    def __init__(
        self,
        sample_rate: int = 48000,
        channels: int = 1,
        frame_ms: int = 20,
        bitrate: int = 32000,
        dred_ms: int = 1000,
        lbrr: bool = False,
        loss_percent: int = 20,
        *,
        application: str = "voip",
        complexity: int = 10,
    ) -> None:
        require()
        self._opus = DredEncoder(sample_rate, channels, application)
        self._opus.configure(
            bitrate=bitrate, vbr=True, complexity=complexity, lbrr=lbrr, loss_percent=loss_percent
        )
        self._opus.set_dred_ms(dred_ms)
        self._framer = Framer(sample_rate * frame_ms // 1000, channels)
        self.stats: Counter[str] = Counter()

    @property
    def lookahead(self) -> int:
        """Samples by which decoded audio comes later than the input."""
        return self._opus.lookahead

    def push(self, pcm: npt.ArrayLike) -> list[bytes]:
        """Take samples, [n] or [n, channels], float32 in +-1 or int16; give finished packets."""
        return self._encode(self._framer.push(pcm))

    def flush(self) -> list[bytes]:
        """Packets with what is left, so that all that was pushed will be heard."""
        return self._encode(self._framer.flush(self.lookahead))

    def _encode(self, frames: Floats) -> list[bytes]:
        packets = [self._opus.encode(frame) for frame in frames]
        self.stats.update(why_no_dred(packet) or "dred" for packet in packets)
        return packets
