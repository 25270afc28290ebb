# SPDX-License-Identifier: BSD-3-Clause
"""Opus packets to RTP packets and back (RFC 7587), redundant copies included; opens no socket.

Works between a `dred.Sender` and a `dred.Receiver`, but knows only bytes and numbers of theirs.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from dred.errors import PacketError
from dred.io.ogg import packet_duration
from dred.packet import Packet
from dred.rtp import red
from dred.rtp.numbering import Numbering
from dred.rtp.packet import HEADER, RtpPacket
from dred.rtp.reception import Reception
from dred.rtp.serial import far_off
from dred.units import DTX_BYTES

OPUS_TYPE, RED_TYPE = 111, 63  # dynamic types, those that browsers use
# Leaves room for IPv6, UDP, SRTP and tunnels in 1500 bytes.
MTU = 1200


class FrameReceiver(Protocol):
    """What takes Opus packets by number: `dred.Receiver`."""

    def push(
        self, packet: bytes, sequence: int, arrival_ms: float | None = None, *, copy: bool = False
    ) -> Any: ...


@runtime_checkable
class Restartable(Protocol):
    """A FrameReceiver that can be told where play-out begins anew. Others see the numbers jump, and
    may take the first packet for a stray."""

    def restart(self) -> Any: ...


class RtpSender:
    """RTP packets from Opus packets, one by one.

    red: earlier packets to repeat in each (0 to 4), without their padding: the DRED of a later
    packet says more than theirs. max_bytes: of a whole RTP packet; copies give way first.
    skip_dtx: of each pause send the first packet alone, which tells the other end that the rest is
    silence and not loss; timestamps go on, sequence numbers do not.
    ssrc, sequence and timestamp begin at random where not given (RFC 3550 section 5.1).
    ValueError: RED and Opus of one payload type, which nobody could tell apart.
    """

    def __init__(
        self,
        ssrc: int | None = None,
        payload_type: int = OPUS_TYPE,
        red_copies: int = 0,
        red_type: int = RED_TYPE,
        max_bytes: int = MTU,
        *,
        sequence: int | None = None,
        timestamp: int | None = None,
        skip_dtx: bool = False,
    ) -> None:
        self.ssrc = secrets.randbits(32) if ssrc is None else ssrc
        # From the lower half, so that a wrap does not come among the first losses.
        self._sequence = secrets.randbits(15) if sequence is None else sequence
        self.timestamp = secrets.randbits(32) if timestamp is None else timestamp
        if payload_type == red_type:
            raise ValueError(f"payload_type, red_type: are both {red_type}; change one")
        self._payload_type, self._red_type = payload_type, red_type
        self._max_payload = max_bytes - HEADER.size
        self._red: red.RedEncoder | None = None
        self.repeat(red_copies)
        self._skip_dtx = skip_dtx
        self._talking = self._silent = False
        self.packets = self.octets = 0  # of payload, as sender reports count

    def repeat(self, copies: int) -> None:
        """So many copies (0 to 4) from the next packet on."""
        if copies == 0:
            self._red = None
        elif self._red is None:
            self._red = red.RedEncoder(self._payload_type, copies, self._max_payload)
        else:
            self._red.resize(copies)

    def send(self, packet: bytes) -> RtpPacket | None:
        """The RTP packet for an Opus packet; None for one that stays unsent."""
        duration = packet_duration(packet)
        if not duration:
            raise PacketError("not an Opus packet: its duration cannot be told")
        timestamp = self.timestamp
        self.timestamp = (timestamp + duration) & 0xFFFFFFFF
        silent = len(packet) <= DTX_BYTES
        told, self._silent = self._silent, silent
        if silent and told and self._skip_dtx:
            return None
        payload = packet
        if self._red is not None:
            copy = b"" if silent else bytes(Packet.parse(packet).without_extensions())
            payload = self._red.encode(packet, timestamp, copy)
        # The first packet of a talkspurt (RFC 3551 section 4.1).
        marker, self._talking = not self._talking and not silent, not silent
        kind = self._payload_type if self._red is None else self._red_type
        result = RtpPacket(
            kind, self._sequence, timestamp, self.ssrc, payload, marker=marker
        )  # fmt: skip
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return result


@dataclass
class RtpStats:
    """Counts of an RtpReceiver over all sources."""

    packets: int = 0
    malformed: int = 0
    other_types: int = 0
    strays: int = 0  # single packets of a source, or far from all others, that never went on
    sources: int = 0  # one that began its numbers anew counts again
    copies: int = 0  # redundant blocks
    copies_used: int = 0  # of packets that had not arrived when the copy did


class RtpReceiver:
    """Feeds a receiver of Opus packets from RTP packets.

    payload_type: of Opus; None: that of the first packet. A new source, or new numbers of the same
    one, take over once two packets of it in a row have come (RFC 3550 A.1 asks for such a
    probation); the first one is believed at once, its payload type only as long as it goes on.
    Malformed packets are counted, never raised.
    """

    # Numbers of a new source lie this far on, so that a jitter buffer sees a new stream.
    SOURCE_STEP = 1 << 14
    # Numbers remembered, to know which copies are needed.
    MEMORY = 1024
    # After a longer pause nothing waits any more, and clocks may have been set: play-out begins
    # anew. Shorter ones are told from the timestamps.
    LONGEST_PAUSE_MS = 30_000.0

    def __init__(
        self,
        receiver: FrameReceiver,
        payload_type: int | None = None,
        red_type: int | None = RED_TYPE,
    ) -> None:
        self._receiver = receiver
        self._payload_type, self._red_type = payload_type, red_type
        self._guessed = False
        self.stats = RtpStats()
        self.reception: Reception | None = None
        self._numbering = Numbering()
        self._first = self._newest = 0
        self._given: set[int] = set()
        self._candidate: _Arrival | None = None
        self._last_ms = 0.0  # arrival of the newest packet taken
        self._lost_before = 0  # of the sources before this one

    @property
    def lost(self) -> int:
        """Packets of all sources that did not come, by their sequence numbers."""
        return self._lost_before + (0 if self.reception is None else self.reception.lost)

    @property
    def newest(self) -> int:
        """Number of the newest frame that the receiver was given, modulo 2^16 as it was told."""
        return self._newest & 0xFFFF

    @property
    def frames(self) -> int:
        """Frame times from the first packet of the present source to its newest."""
        return 0 if self.reception is None else self._newest - self._first + 1

    def push(self, data: bytes, arrival_ms: float) -> bool:
        """Take a datagram; False where it was no packet of the stream."""
        try:
            packet = RtpPacket.parse(data)
        except PacketError:
            self.stats.malformed += 1
            return False
        return self.push_packet(packet, arrival_ms)

    def push_packet(self, packet: RtpPacket, arrival_ms: float) -> bool:
        """The same for a packet that was parsed."""
        if self._payload_type is None and packet.payload_type != self._red_type:
            self._payload_type, self._guessed = packet.payload_type, True
        known = packet.payload_type in (self._payload_type, self._red_type)
        if not known and not self._may_be_the_call(packet):
            self.stats.other_types += 1
            return False
        try:
            blocks = self._blocks(packet)
        except PacketError:
            self.stats.malformed += 1
            return False
        arrived = _Arrival(packet, blocks, arrival_ms)
        waiting = []
        if self.reception is None:
            self._begin(packet.ssrc, 0)
        elif self._is_new(packet, self.reception):
            candidate, self._candidate = self._candidate, arrived
            if candidate is None or not _follows(packet, candidate.packet):
                self.stats.strays += candidate is not None
                return False
            waiting = [candidate]
            if not known:
                self._payload_type = packet.payload_type
            self._take_over(packet.ssrc, candidate.time_ms)
        elif self._has_paused(arrival_ms):
            self._play_anew()
        self.stats.strays += self._candidate is not None and not waiting
        self._candidate = None
        for each in (*waiting, arrived):
            self._accept(each)
        return True

    def _may_be_the_call(self, packet: RtpPacket) -> bool:
        """Whether a packet of another type may be of the call that is waited for: the type was
        taken from a single datagram of another source, which may have been anything."""
        first = self.reception.ssrc if self.reception is not None else None
        return self._guessed and self.stats.packets <= 1 and packet.ssrc != first

    @staticmethod
    def _is_new(packet: RtpPacket, present: Reception) -> bool:
        """Whether a packet is of another source, or of this one with new numbers."""
        return packet.ssrc != present.ssrc or far_off(packet.sequence, present.newest)

    def _has_paused(self, arrival_ms: float) -> bool:
        return arrival_ms - self._last_ms > self.LONGEST_PAUSE_MS

    def _take_over(self, ssrc: int, arrival_ms: float) -> None:
        """A source begins, or the present one anew, with a packet that came then."""
        assert self.reception is not None
        if ssrc == self.reception.ssrc and not self._has_paused(arrival_ms):
            # The call goes on: what waits of it is played, and nothing has to wait again.
            self._begin(ssrc, self._numbering.after(arrival_ms))
        else:
            self._begin(ssrc, 0)
            self._play_anew()

    def _begin(self, ssrc: int, number: int) -> None:
        self._lost_before = self.lost
        self.reception = Reception(ssrc)
        self.stats.sources += 1
        self._count_from(number)

    def _play_anew(self) -> None:
        """Give up what the receiver still has."""
        self._count_from(self._newest + self.SOURCE_STEP)
        if isinstance(self._receiver, Restartable):
            self._receiver.restart()

    def _count_from(self, number: int) -> None:
        self._numbering = Numbering(number)
        self._first = number
        self._given.clear()

    def _accept(self, arrived: _Arrival) -> None:
        assert self.reception is not None
        packet, arrival_ms = arrived.packet, arrived.time_ms
        *copies, primary = arrived.blocks
        self._last_ms = arrival_ms
        self.stats.packets += 1
        self.reception.push(packet.sequence, packet.timestamp, arrival_ms)
        duration = packet_duration(primary.data)
        number = self._numbering.push(packet.sequence, packet.timestamp, duration, arrival_ms)
        for copy in copies:
            if copy.payload_type == primary.payload_type:
                self._give_copy(copy, number, arrival_ms)
        self._give(primary.data, number, arrival_ms)

    def _blocks(self, packet: RtpPacket) -> list[red.Block]:
        if packet.payload_type == self._red_type:
            return red.parse(packet.payload)
        return [red.Block(packet.payload_type, 0, packet.payload)]

    def _give_copy(self, copy: red.Block, number: int, arrival_ms: float) -> None:
        """Use a copy where its packet has not come. Copies of what was sent before the first packet
        that came are left alone: they would only delay the call."""
        self.stats.copies += 1
        duration = packet_duration(copy.data)
        older = self._numbering.of_copy(number, copy.offset, duration)
        if duration and older >= self._first and older not in self._given:
            self.stats.copies_used += 1
            self._give(copy.data, older, arrival_ms, copy=True)

    def _give(self, data: bytes, number: int, arrival_ms: float, *, copy: bool = False) -> None:
        self._newest = max(self._newest, number)
        self._given.add(number)
        if len(self._given) > 2 * self.MEMORY:
            self._given = {n for n in self._given if n > self._newest - self.MEMORY}
        self._receiver.push(data, number & 0xFFFF, arrival_ms, copy=copy)


@dataclass(frozen=True)
class _Arrival:
    """A packet that came, and what is in it: copies first."""

    packet: RtpPacket
    blocks: list[red.Block]
    time_ms: float


def _follows(packet: RtpPacket, before: RtpPacket) -> bool:
    return packet.ssrc == before.ssrc and (packet.sequence - before.sequence) & 0xFFFF == 1
