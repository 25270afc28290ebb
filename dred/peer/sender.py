# SPDX-License-Identifier: BSD-3-Clause
"""Audio to packets as an application of libopus makes them; our own sender is another."""

from __future__ import annotations

from collections import Counter

from dred._native import Floats
from dred.framing import FrameEncoder
from dred.packet import why_no_dred
from dred.peer.codec import DredEncoder, require


class LibopusSender(FrameEncoder):
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
        super().__init__(sample_rate * frame_ms // 1000, channels)
        self._opus.configure(
            bitrate=bitrate, vbr=True, complexity=complexity, lbrr=lbrr, loss_percent=loss_percent
        )
        self._opus.set_dred_ms(dred_ms)
        self.stats: Counter[str] = Counter()

    @property
    def lookahead(self) -> int:
        """Samples by which decoded audio comes later than the input."""
        return self._opus.lookahead

    def _encode(self, frames: Floats) -> list[bytes]:
        packets = [self._opus.encode(frame) for frame in frames]
        self.stats.update(why_no_dred(packet) or "dred" for packet in packets)
        return packets
