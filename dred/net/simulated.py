# SPDX-License-Identifier: BSD-3-Clause
"""A call in simulated time: RTP from a sender through losses and delays to a receiver, and back.

The same parts as a live call, but no sockets and no waiting: an hour takes minutes, and every run
gives the same.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat

from dred._native import Floats
from dred.receiver import Playout, Receiver, Source
from dred.rtp import RtpReceiver, RtpSender
from dred.sender import Sender

# Time, share of packets lost since the last report, and which: what a sender learns.
OnReport = Callable[[float, float, list[int]], None]


class SimulatedCall:
    """One direction of a call, made as its audio is asked for.

    lost: a flag for each RTP packet, none after the last. delays_ms: likewise, the time in the
    network. skew: the listener's clock runs 1 + skew as fast as the sender's. on_report is called
    every report_ms of the sender's time with what a report says then, its way back included.
    """

    def __init__(
        self,
        sender: Sender,
        rtp: RtpSender,
        receiver: Receiver | Playout,
        *,
        lost: Iterable[int] = (),
        delays_ms: Iterable[float] = (),
        skew: float = 0.0,
        on_report: OnReport | None = None,
        report_ms: float = 1000.0,
    ) -> None:
        self._sender, self._rtp, self._receiver = sender, rtp, receiver
        self.rtp = RtpReceiver(receiver)
        self._lost = chain(lost, repeat(0))
        self._delays = chain(delays_ms, repeat(0.0))
        self._speed = 1 + skew
        self._on_report, self._report_ms = on_report, report_ms
        self._next_report_ms = report_ms
        self._flying: list[tuple[float, int, bytes]] = []  # by arrival on the listener's clock
        self.sent = self.octets = 0  # RTP payloads

    @property
    def kbps(self) -> float:
        """Of RTP payloads so far."""
        return self.octets * 8 / (self.sent * self._sender.frame_ms) if self.sent else 0.0

    def frames(self, pcm: Iterable[Floats]) -> Iterator[Floats]:
        """Audio from the first frame played on; pcm: stretches of input, as they are recorded."""
        heard_ms = 0.0  # on the listener's clock
        for packet in self._packets(pcm):
            now_ms = self.sent * self._sender.frame_ms
            self._send(packet, now_ms)
            while heard_ms < (now_ms + self._sender.frame_ms) * self._speed:
                yield from self._listen(heard_ms)
                heard_ms = self._receiver.clock_ms
        while self._flying or self._receiver.stats.played < self.rtp.frames:
            yield from self._listen(heard_ms)
            heard_ms = self._receiver.clock_ms

    def _packets(self, pcm: Iterable[Floats]) -> Iterator[bytes]:
        # Frame by frame, as settings may change between them.
        size = self._sender.sample_rate * self._sender.frame_ms // 1000
        for stretch in pcm:
            for begin in range(0, len(stretch), size):
                yield from self._sender.push(stretch[begin : begin + size])
        yield from self._sender.flush()

    def _send(self, packet: bytes, now_ms: float) -> None:
        sent = self._rtp.send(packet)
        self.sent += 1
        if sent is not None:
            self.octets += len(sent.payload)
            arrival_ms = (now_ms + next(self._delays)) * self._speed
            if not next(self._lost):
                heapq.heappush(self._flying, (arrival_ms, self.sent, bytes(sent)))
        if self._on_report is not None and now_ms >= self._next_report_ms:
            self._next_report_ms += self._report_ms
            if self.rtp.reception is not None:
                block = self.rtp.reception.report()
                _, flags = self.rtp.reception.unreported()
                self._on_report(now_ms, block.fraction_lost / 256, flags)

    def _listen(self, now_ms: float) -> Iterator[Floats]:
        while self._flying and self._flying[0][0] <= now_ms:
            arrival_ms, _, data = heapq.heappop(self._flying)
            self.rtp.push(data, arrival_ms)
        frame = self._receiver.pull()
        if self._receiver.stats.last is not Source.WAITING:
            yield frame
