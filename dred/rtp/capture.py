# SPDX-License-Identifier: BSD-3-Clause
"""Captured calls: the RTP streams of a pcap file, and the frames inside them; makes no audio."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from dred.errors import PacketError
from dred.io.ogg import packet_duration
from dred.io.pcap import SECOND, parse_pcap, read_pcap, write_pcap
from dred.io.udp import Datagram, Endpoint, read_datagrams, write_datagrams
from dred.rtp import red
from dred.rtp.packet import RtpPacket, is_rtcp
from dred.rtp.session import RED_TYPE, FrameReceiver, RtpReceiver
from dred.units import CLOCK

# Fewer packets in a row make no stream: other protocols now and then look like RTP.
LEAST_PACKETS = 3
NEIGHBOURS = 0.5  # share of packets that must follow another one's number closely
CLOSE = 100
DYNAMIC_TYPES = range(96, 128)
FRAME_MS = 20.0  # where no packet tells
# A capture's clock may be set while it runs. Steps outside of these are not believed, and a pause
# is played no longer: packets are stored out of order by less, and nobody listens to more.
MOST_BACK_MS, LONGEST_PAUSE_MS = 1000.0, 60_000.0


@dataclass
class CapturedStream:
    """The RTP packets of one source between two endpoints, in order of arrival.

    payload_type: of Opus (inside RED, where there is RED). red_type: None where there is none.
    rtcp: datagrams between the same hosts, with their times.
    """

    ssrc: int
    payload_type: int
    source: Endpoint
    destination: Endpoint
    packets: list[tuple[float, RtpPacket]] = field(default_factory=list)
    red_type: int | None = None

    @property
    def seconds(self) -> float:
        return (self.packets[-1][0] - self.packets[0][0]) / 1000

    @property
    def frame_ms(self) -> float:
        """Duration of the first Opus packet that has one: the first RTP packet may be a tone or
        empty."""
        for _, packet in self.packets:
            with suppress(PacketError):
                for block in self.blocks(packet)[-1:]:
                    if duration := packet_duration(block.data):
                        return duration / CLOCK
        return FRAME_MS

    def receiver(self, receiver: FrameReceiver) -> RtpReceiver:
        """What feeds a receiver of Opus packets from this stream."""
        return RtpReceiver(receiver, self.payload_type, self.red_type)

    def blocks(self, packet: RtpPacket) -> list[red.Block]:
        """Opus packets in one RTP packet, copies first; none where it has another type."""
        if packet.payload_type == self.red_type:
            return red.parse(packet.payload)
        if packet.payload_type == self.payload_type:
            return [red.Block(self.payload_type, 0, packet.payload)]
        return []


@dataclass
class Capture:
    """What a file holds. rtcp: (arrival in ms, datagram)."""

    streams: list[CapturedStream]
    rtcp: list[tuple[float, bytes]]
    datagrams: int
    warnings: list[str]


def read_capture(
    path: str | os.PathLike[str], payload_type: int | None = None, red_type: int | None = None
) -> list[CapturedStream]:
    """The Opus streams of a pcap or pcapng file, the longest first. Arrival times in ms count from
    the first datagram of the file. Types not given are told from what the packets look like."""
    return open_capture(path, payload_type, red_type).streams


def open_capture(
    path: str | os.PathLike[str],
    payload_type: int | None = None,
    red_type: int | None = None,
    *,
    data: bytes | None = None,
) -> Capture:
    """The same with all else that was found. data: of the file, where it has been read already, as
    standard input can be only once."""
    file = read_pcap(path) if data is None else parse_pcap(data, os.fspath(path))
    datagrams = read_datagrams(file.frames)
    start = datagrams[0].time_ns if datagrams else 0
    found: dict[tuple[Any, ...], list[tuple[float, RtpPacket]]] = {}
    rtcp = []
    for datagram in datagrams:
        arrival_ms = (datagram.time_ns - start) / 1e6
        if is_rtcp(datagram.payload):
            rtcp.append((arrival_ms, datagram.payload))
            continue
        try:
            packet = RtpPacket.parse(datagram.payload)
        except PacketError:
            continue
        key = (datagram.source, datagram.destination, packet.ssrc)
        found.setdefault(key, []).append((arrival_ms, packet))
    streams = []
    for (source, destination, ssrc), packets in found.items():
        if not _plausible(packets):
            continue
        types = _types([packet for _, packet in packets], payload_type, red_type)
        if types is not None:
            opus, redundant = types
            streams.append(
                CapturedStream(ssrc, opus, source, destination, packets, redundant)
            )  # fmt: skip
    streams.sort(key=lambda stream: -len(stream.packets))
    return Capture(streams, rtcp, len(datagrams), file.warnings)


def write_capture(
    path: str | os.PathLike[str],
    packets: Iterable[tuple[float, RtpPacket | bytes]],
    source: Endpoint = ("127.0.0.1", 5002),
    destination: Endpoint = ("127.0.0.1", 5004),
    start_ns: int = 0,
) -> None:
    """Write (time in ms, RTP packet or RTCP datagram) as a capture of one direction of a call."""
    datagrams = (
        Datagram(start_ns + round(time_ms * SECOND / 1000), source, destination, bytes(packet))
        for time_ms, packet in packets
    )
    write_pcap(path, write_datagrams(datagrams))


def arrivals(
    stream: CapturedStream, frame_ms: float = 20
) -> Iterator[tuple[RtpPacket | None, float]]:
    """A stream as it happened, for a receiver that is driven by frames: (packet, arrival) where one
    came, (None, time) where a frame time has passed. Times in ms from the first packet on, without
    the steps of a clock that was set. Ends with the last packet."""
    clock_ms = 0.0
    for packet, arrival_ms in _steady(stream.packets):
        while clock_ms + frame_ms <= arrival_ms:
            clock_ms += frame_ms
            yield None, clock_ms
        yield packet, arrival_ms


def _steady(packets: list[tuple[float, RtpPacket]]) -> Iterator[tuple[RtpPacket, float]]:
    """Packets with their arrivals from 0 on. Where the capture's clock makes a step that cannot be,
    the packets' own tells how much time has passed, up to the longest pause."""
    arrival_ms = 0.0
    for (before_ms, before), (time_ms, packet) in pairwise(packets[:1] + packets):
        step_ms = time_ms - before_ms
        if not -MOST_BACK_MS <= step_ms <= LONGEST_PAUSE_MS:
            counted = (packet.timestamp - before.timestamp + 2**31) % 2**32 - 2**31
            step_ms = min(max(0.0, counted / CLOCK), LONGEST_PAUSE_MS)
        arrival_ms += step_ms
        yield packet, arrival_ms


def _plausible(packets: list[tuple[float, RtpPacket]]) -> bool:
    if len(packets) < LEAST_PACKETS:
        return False
    numbers = [packet.sequence for _, packet in packets]
    steps = [(after - before + CLOSE) & 0xFFFF for before, after in pairwise(numbers)]
    return sum(step <= 2 * CLOSE for step in steps) >= NEIGHBOURS * len(steps)


def _types(
    packets: list[RtpPacket], opus: int | None, redundant: int | None
) -> tuple[int, int | None] | None:
    """Payload types of Opus and of RED in a stream, or None where it holds no Opus."""
    kinds: dict[int, list[RtpPacket]] = {}
    for packet in packets:
        kinds.setdefault(packet.payload_type, []).append(packet)
    by_count = sorted(kinds, key=lambda kind: -len(kinds[kind]))
    for kind in by_count:
        if kind == redundant or (redundant is None and kind != opus and _is_red(kinds[kind])):
            inside = red.parse(kinds[kind][0].payload)[-1].payload_type
            if opus in (None, inside):
                return inside, kind
    if opus is not None:
        return (opus, redundant) if opus in kinds else None
    for kind in by_count:
        if kind in DYNAMIC_TYPES and any(packet_duration(p.payload) for p in kinds[kind]):
            return kind, None
    return None


def _is_red(packets: list[RtpPacket]) -> bool:
    """Whether payloads are RED of Opus: blocks of one type that is not their own, offsets in whole
    units of 2.5 ms, in all of them. An Opus stream would have to keep to one first byte for that,
    and be cut in the right places."""
    if packets[0].payload_type not in (RED_TYPE, *DYNAMIC_TYPES):
        return False
    inside: set[int] = set()
    longest = 0
    for packet in packets:
        try:
            blocks = red.parse(packet.payload)
        except PacketError:
            return False
        inside |= {block.payload_type for block in blocks}
        longest = max(longest, len(blocks))
        if any(block.offset % 120 for block in blocks) or len(inside) > 1:
            return False
    # Without a single copy, the one byte in front could be the first byte of Opus.
    return longest > 1 and packets[0].payload_type not in inside
