# SPDX-License-Identifier: BSD-3-Clause
"""The sending end of a live call: paced packets out, reports in; encodes and reads no file."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dred.errors import PacketError
from dred.io.ogg import packet_duration
from dred.net.address import Address, drain, never, open_socket
from dred.rtp import rtcp
from dred.rtp.packet import RtpPacket, is_rtcp
from dred.rtp.reception import LossFigures, loss_figures
from dred.rtp.session import RtpSender
from dred.units import CLOCK

REPORT_MS = 1000.0
# What the reports of this many of the last packets said makes the loss figures.
LOSS_MEMORY = 500


@dataclass
class SendStats:
    """What was sent, and what the other end said last."""

    packets: int = 0
    unsent: int = 0  # silence, left out
    octets: int = 0  # RTP packets, without UDP and IP
    refused: int = 0  # the other end does not listen, or the network is away
    reports: int = 0
    reported_loss: float | None = None  # since the report before
    reported_jitter_ms: float | None = None
    round_trip_ms: float | None = None
    reported_delay_ms: float | None = None  # what the other end lets packets wait (RFC 7005)
    lost_flags: list[int] = field(default_factory=list)  # from loss reports (RFC 3611)

    def losses(self) -> LossFigures:
        """Loss rate and bursts as reported."""
        return loss_figures(self.lost_flags)


class LiveSender:
    """Sends Opus packets to an address as RTP.

    realtime: each packet leaves when its time has come; otherwise all as fast as they are made.
    Sender reports leave on the same port each second (RFC 5761), and a BYE at the end; the
    receiver's reports come back there. on_second is called with the stats once a second of the
    call, on_packet with what was sent and its time in ms, on_report with the time, the share lost
    since the last report, and flags of which where it says so; on_delay with the play-out delay
    in ms, where a report says another one than before. ended: asked before each packet, whether to
    say good-bye now.
    """

    def __init__(
        self,
        to: Address,
        rtp: RtpSender,
        *,
        realtime: bool = True,
        send_rtcp: bool = True,
        name: str = "dred",
        on_second: Callable[[int, SendStats], None] | None = None,
        on_packet: Callable[[RtpPacket, float], None] | None = None,
        on_report: Callable[[float, float, list[int]], None] | None = None,
        on_delay: Callable[[float], None] | None = None,
        ended: Callable[[], bool] = never,
    ) -> None:
        self._rtp, self._realtime, self._send_rtcp = rtp, realtime, send_rtcp
        self._name = name
        self._on_second, self._on_packet, self._on_report = on_second, on_packet, on_report
        self._on_delay, self._ended = on_delay, ended
        self.stats = SendStats()
        self._socket = open_socket(connect=to)
        self._clock_ms = 0.0  # of the call: media sent so far
        self._start = 0.0
        self._next_report_ms = 0.0

    @property
    def address(self) -> Address:
        """Where the packets come from."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def run(self, packets: Iterable[bytes]) -> SendStats:
        """Send packets, which may be made as they are asked for, and say good-bye."""
        try:
            self._start = time.monotonic()
            for packet in packets:
                if self._ended():
                    break
                self._wait()
                self._send(packet)
            self._wait()
            if self._send_rtcp:
                self._transmit(rtcp.build([*self._report(), rtcp.Bye((self._rtp.ssrc,))]))
        finally:
            self._socket.close()
        return self.stats

    def _wait(self) -> None:
        """Until the next packet's time, listening for reports."""
        while True:
            left = self._start + self._clock_ms / 1000 - time.monotonic()
            timeout = max(0.0, left) if self._realtime else 0.0
            if select.select([self._socket], [], [], timeout)[0]:
                for data, _ in drain(self._socket):
                    self._take_report(data)
            elif left <= 0 or not self._realtime:
                return

    def _send(self, packet: bytes) -> None:
        sent = self._rtp.send(packet)
        if sent is None:
            self.stats.unsent += 1
        else:
            data = bytes(sent)
            self._transmit(data)
            self.stats.packets += 1
            self.stats.octets += len(data)
            if self._on_packet is not None:
                self._on_packet(sent, self._clock_ms)
        before = int(self._clock_ms // 1000)
        self._clock_ms += packet_duration(packet) / CLOCK
        if self._send_rtcp and self._clock_ms >= self._next_report_ms:
            self._next_report_ms += REPORT_MS
            self._transmit(rtcp.build(self._report()))
        if self._on_second is not None and self._clock_ms // 1000 > before:
            self._on_second(before + 1, self.stats)

    def _transmit(self, data: bytes) -> None:
        try:
            try:
                self._socket.send(data)
            except BlockingIOError:
                # The kernel's queue is full: wait for room rather than lose what the network would
                # not.
                select.select([], [self._socket], [])
                self._socket.send(data)
        except OSError:  # a call outlives a network that is away for a moment
            self.stats.refused += 1

    def _report(self) -> list[rtcp.Rtcp]:
        rtp = self._rtp
        return [
            rtcp.SenderReport(
                rtp.ssrc, rtcp.ntp_time(time.time()), rtp.timestamp, rtp.packets, rtp.octets
            ),
            rtcp.SourceName(rtp.ssrc, self._name),
        ]

    def _take_report(self, data: bytes) -> None:
        if not is_rtcp(data):
            return
        try:
            found = rtcp.parse(data)
        except PacketError:
            return
        fraction: float | None = None
        flags: list[int] = []
        for packet in found:
            if isinstance(packet, (rtcp.ReceiverReport, rtcp.SenderReport)):
                for block in packet.reports:
                    if block.ssrc == self._rtp.ssrc:
                        self._take_block(block)
                        fraction = self.stats.reported_loss
            elif isinstance(packet, rtcp.LossRuns) and packet.ssrc == self._rtp.ssrc:
                flags += packet.flags
            elif isinstance(packet, rtcp.PlayoutDelay) and packet.ssrc == self._rtp.ssrc:
                self._take_delay(packet.nominal_ms)
        self.stats.lost_flags = [*self.stats.lost_flags, *flags][-LOSS_MEMORY:]
        if fraction is not None and self._on_report is not None:
            self._on_report(self._clock_ms, fraction, flags)

    def _take_delay(self, milliseconds: float) -> None:
        changed = milliseconds != self.stats.reported_delay_ms
        self.stats.reported_delay_ms = milliseconds
        if changed and self._on_delay is not None:
            self._on_delay(milliseconds)

    def _take_block(self, block: rtcp.ReportBlock) -> None:
        self.stats.reports += 1
        self.stats.reported_loss = block.fraction_lost / 256
        self.stats.reported_jitter_ms = block.jitter / CLOCK
        round_trip = block.round_trip_ms(rtcp.ntp_time(time.time()))
        if round_trip is not None:
            self.stats.round_trip_ms = round_trip
