# SPDX-License-Identifier: BSD-3-Clause
"""Packets, some of them lost, to audio by libopus alone, as an application of it would use it; our
own receiver is another."""

from __future__ import annotations

import numpy as np

from dred._native import Floats
from dred.errors import DredError, PacketError
from dred.packet import duration_ms, has_lbrr
from dred.peer.codec import NEURAL, DredDecoder, DredParser, require
from dred.receiver.jitter import JitterBuffer
from dred.receiver.recovery import Source
from dred.receiver.stats import Stats

LONGEST_MS = 1000  # of the past that is asked for


class LibopusReceiver:
    """A jitter buffer with the decoder of libopus behind it: push packets, pull frames.

    Of a gap, the last frame comes from in-band FEC of the packet behind it and the others from its
    DRED; no other packet is searched. Frames that its DRED does not reach are left to the same
    call, which conceals them (`stats` says so), and all are concealed where it has none.
    complexity: of the decoder, from 5 on with neural concealment. The other arguments are those of
    `Receiver`.
    """

    def __init__(
        self,
        sample_rate: int = 48000,
        channels: int = 1,
        jitter_ms: float = 60,
        *,
        frame_ms: float = 20,
        use_lbrr: bool = True,
        use_dred: bool = True,
        complexity: int = NEURAL,
    ) -> None:
        require()
        self.sample_rate, self.channels = sample_rate, channels
        self._decoder = DredDecoder(sample_rate, channels, complexity)
        self._parser = DredParser(sample_rate)
        self._parsed = b""  # the packet that it holds
        self._span = (0, 0)  # samples before that packet: from, to
        self._buffer = JitterBuffer(jitter_ms)
        self._frame_ms = frame_ms
        self._clock_ms = 0.0
        self._use_lbrr, self._use_dred = use_lbrr, use_dred
        self.stats = Stats()

    def restart(self) -> None:
        """Forget the packets that wait, as `Receiver.restart`."""
        self._buffer.restart()

    def push(
        self, packet: bytes, sequence: int, arrival_ms: float | None = None, *, copy: bool = False
    ) -> None:
        """Take a packet, as `Receiver.push`."""
        self.stats.received += 1
        try:
            duration_ms(packet)
        except PacketError:
            self.stats.malformed += 1
            return
        arrival = self._clock_ms if arrival_ms is None else arrival_ms
        self._buffer.push(bytes(packet), sequence, arrival, copy=copy)

    def pull(self) -> Floats:
        """The next frame, [n] or [n, channels]: a frame time passes."""
        if self._buffer.playing(self._clock_ms):
            frame, source = self._next_frame()
        else:
            frame, source = np.zeros((self._length, self.channels), np.float32), Source.WAITING
        self.stats.note(source)
        self._clock_ms += len(frame) * 1000 / self.sample_rate
        return frame[:, 0] if self.channels == 1 else frame

    @property
    def _length(self) -> int:
        """Samples of a frame."""
        return round(self._frame_ms * self.sample_rate / 1000)

    def _next_frame(self) -> tuple[Floats, Source]:
        packet = self._buffer.take()
        if packet is None:
            return self._lost()
        self._frame_ms = duration_ms(packet)
        try:
            source = Source.RED if self._buffer.took_copy else Source.REGULAR
            return self._decoder.decode(packet, self._length), source
        except DredError:  # a frame that libopus rejects is a lost one
            self.stats.malformed += 1
            return self._decoder.decode(None, self._length), Source.PLC

    def _lost(self) -> tuple[Floats, Source]:
        ahead, after = self._buffer.ahead(), self._buffer.next
        if ahead and after is not None:
            number, packet = ahead[0]
            missing = number - after + 1  # frames, this one included
            if missing == 1 and self._use_lbrr and has_lbrr(packet):
                return self._decoder.decode(packet, self._length, fec=True), Source.LBRR
            begin, end = self._described(packet, missing)
            if begin:
                offset = missing * self._length
                frame = self._decoder.decode_dred(self._parser, offset, self._length)
                known = end < offset - self._length // 2 < begin
                return frame, Source.DRED if known else Source.PLC
        return self._decoder.decode(None, self._length), Source.PLC

    def _described(self, packet: bytes, missing: int) -> tuple[int, int]:
        """What the DRED of the packet behind a gap describes, from `begin` to `end` samples before
        it; (0, 0) is nothing. It is parsed once, as far back as the gap goes from here."""
        if not self._use_dred:
            return 0, 0
        if packet is not self._parsed:
            longest = LONGEST_MS * self.sample_rate // 1000
            self._parsed = packet
            try:
                self._span = self._parser.parse(packet, min(longest, missing * self._length))
            except DredError:  # malformed extensions
                self._span = 0, 0
        return self._span
