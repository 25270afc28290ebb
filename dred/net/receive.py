# SPDX-License-Identifier: BSD-3-Clause
"""The receiving end of a live call: packets in, frames of audio pulled by a clock, reports out;
writes no file."""

from __future__ import annotations

import secrets
import select
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dred.errors import PacketError
from dred.net.address import Address, drain, never, open_socket
from dred.net.heard import Heard
from dred.rtp import rtcp
from dred.rtp.packet import RtpPacket, is_rtcp
from dred.rtp.serial import Unwrapper, far_off
from dred.rtp.session import RED_TYPE, RtpReceiver
from dred.units import CLOCK

if TYPE_CHECKING:
    from dred.receiver import Playout, Receiver

Floats = npt.NDArray[np.float32]

REPORT_MS = 1000.0
POLL_S = 0.1  # how often the limits of time are looked at while nothing comes


class LiveReceiver:
    """Plays what arrives at an address into a `dred.Receiver`, or a `Playout` around one.

    realtime: frames are pulled as time passes, and late packets are late. Otherwise time is what
    the RTP timestamps say, so that a call sent as fast as possible is played as it was meant.
    The call ends with the sender's BYE, after `idle_s` seconds without a packet, or after
    `seconds` of audio, or when `ended` says so. Reports go back to where the packets come from.
    """

    def __init__(
        self,
        listen: Address,
        receiver: Receiver | Playout,
        payload_type: int | None = None,
        red_type: int | None = RED_TYPE,
        *,
        realtime: bool = True,
        send_rtcp: bool = True,
        seconds: float | None = None,
        idle_s: float = 5.0,
        jitter_ms: float = 60.0,
        name: str = "dred",
        on_second: Callable[[int, LiveReceiver], None] | None = None,
        ended: Callable[[], bool] = never,
    ) -> None:
        self.receiver = receiver
        self.rtp = RtpReceiver(receiver, payload_type, red_type)
        self._realtime, self._send_rtcp, self._name = realtime, send_rtcp, name
        self._seconds, self._idle_s, self._jitter_ms = seconds, idle_s, jitter_ms
        self._on_second, self._ended = on_second, ended
        self._socket = open_socket(bind=listen)
        self._ssrc = secrets.randbits(32)
        self._heard = Heard(receiver)
        self._start = 0.0  # monotonic time of the first packet
        self._last = 0.0  # the same of the last one
        self._peer: Address | None = None
        self._left = False  # the sender has said good-bye
        self._media = _MediaClock()
        self._reports: tuple[int, float] = (0, 0.0)  # the last sender report, and when it came
        self._next_report_ms = REPORT_MS

    @property
    def address(self) -> Address:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def run(self) -> Floats:
        """All audio of the call, [n] or [n, channels]: `heard`, as one."""
        channels = self.receiver.channels
        empty = np.zeros((0,) if channels == 1 else (0, channels), np.float32)
        return np.concatenate([empty, *self.heard()])

    def heard(self) -> Iterator[Floats]:
        """Frames from the first one played on, [n] or [n, channels]. What was concealed while
        nothing came any more is left out."""
        return self._heard.sent_only(self.frames())

    def frames(self) -> Iterator[Floats]:
        """Frames as they are due. Waits for the first packet without limit, unless `seconds` is one
        or packets of other types alone arrive."""
        opened, strays_since = time.monotonic(), float("inf")
        try:
            while self.rtp.reception is None:
                now = time.monotonic()
                if self._ended() or now - strays_since > self._idle_s:
                    return
                if self._seconds is not None and now - opened > self._seconds:
                    return
                yield from self._take(POLL_S)
                if self.rtp.stats.other_types:
                    strays_since = min(strays_since, now)
            self._last = time.monotonic()  # from here on, silence counts
            while not self._finished():
                if self._realtime:
                    due = self._start + self._heard.clock_ms / 1000
                    yield from self._take(min(POLL_S, max(0.0, due - time.monotonic())))
                    if time.monotonic() >= due:
                        yield from self._pull()
                else:
                    yield from self._take(POLL_S)
            yield from self._rest()
        finally:
            self._socket.close()

    def _full(self) -> bool:
        """Whether `seconds` of audio have been made."""
        return self._seconds is not None and self._heard.clock_ms >= 1000 * self._seconds

    def _finished(self) -> bool:
        is_idle = time.monotonic() - self._last > self._idle_s
        return self._full() or self._left or self._ended() or is_idle

    def _rest(self) -> Iterator[Floats]:
        """What still waits in the buffer, as far as `seconds` go."""
        while not self._full() and self._heard.waits(self.rtp.newest):
            yield from self._pull()

    def _take(self, timeout_s: float) -> Iterator[Floats]:
        """Push what arrives within a time; gives the frames that fall due by it in media time."""
        if not select.select([self._socket], [], [], timeout_s)[0]:
            return
        for data, peer in drain(self._socket):
            now = time.monotonic()
            if is_rtcp(data):
                self._take_rtcp(data, now)
                continue
            try:
                packet = RtpPacket.parse(data)
            except PacketError:
                self.rtp.stats.malformed += 1
                continue
            if self.rtp.reception is None:
                self._start = now
            arrival_ms = 1000 * (now - self._start)
            if not self._realtime:
                arrival_ms = self._media.time_ms(packet, self._heard.clock_ms)
                yield from self._pull_until(arrival_ms)
            if self.rtp.push_packet(packet, arrival_ms):
                self._last, self._peer = now, peer

    def _pull_until(self, arrival_ms: float) -> Iterator[Floats]:
        """Frames whose time is over before a packet comes, but no endless silence."""
        begun = self._heard.clock_ms
        while self.rtp.reception is not None and self._heard.clock_ms + 20 <= arrival_ms:
            if self._full() or self._heard.clock_ms - begun > 1000 * self._idle_s:
                return
            yield from self._pull()

    def _pull(self) -> Iterator[Floats]:
        before = int(self._heard.clock_ms // 1000)
        frame = self._heard.pull()
        if self._heard.clock_ms >= self._next_report_ms:
            self._next_report_ms += REPORT_MS
            self._report()
        if self._on_second is not None and self._heard.clock_ms // 1000 > before:
            self._on_second(before + 1, self)
        if frame is not None:
            yield frame

    def _take_rtcp(self, data: bytes, now: float) -> None:
        reception = self.rtp.reception
        try:
            found = rtcp.parse(data)
        except PacketError:
            return
        for packet in found:
            if reception is None:
                return
            if isinstance(packet, rtcp.SenderReport) and packet.ssrc == reception.ssrc:
                self._reports = (packet.middle, now)
            if isinstance(packet, rtcp.Bye) and reception.ssrc in packet.ssrcs:
                self._left = True

    def _report(self) -> None:
        reception = self.rtp.reception
        if not self._send_rtcp or reception is None or self._peer is None:
            return
        last_sr, when = self._reports
        delay_ms = 1000 * (time.monotonic() - when) if last_sr else 0.0
        begin, flags = reception.unreported()
        packets: list[rtcp.Rtcp] = [
            rtcp.ReceiverReport(self._ssrc, (reception.report(last_sr, delay_ms),))
        ]
        # Before the name: Wireshark 4.0 finds fault with loss runs at the end of a datagram.
        if flags:
            packets.append(rtcp.LossRuns(self._ssrc, reception.ssrc, begin, tuple(flags)))
        packets.append(self._playout_delay(reception.ssrc))
        packets.append(rtcp.SourceName(self._ssrc, self._name))
        with suppress(OSError):  # reports are for those who want them
            self._socket.sendto(rtcp.build(packets), self._peer)

    def _playout_delay(self, ssrc: int) -> rtcp.PlayoutDelay:
        nominal, longest = self.receiver.jitter_ms, self._jitter_ms
        return rtcp.PlayoutDelay(
            self._ssrc, ssrc, int(nominal), int(max(nominal, longest)), longest > nominal
        )


class _MediaClock:
    """Time of packets by their timestamps, going on where another source takes over, or the present
    one begins anew."""

    def __init__(self) -> None:
        self._ssrc: int | None = None
        self._sequence = 0
        self._timestamps = Unwrapper(32)
        self._base = 0.0

    def time_ms(self, packet: RtpPacket, now_ms: float) -> float:
        if packet.ssrc != self._ssrc or far_off(packet.sequence, self._sequence):
            self._ssrc, self._timestamps = packet.ssrc, Unwrapper(32)
            self._base = now_ms - packet.timestamp / CLOCK
        self._sequence = packet.sequence
        return self._base + self._timestamps.push(packet.timestamp) / CLOCK
