# SPDX-License-Identifier: BSD-3-Clause
"""Captured calls as traces: sequence numbers tell what was lost, timestamps when it was sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np

from dred.errors import PacketError, TraceError
from dred.rtp.capture import CapturedStream, open_capture, write_capture
from dred.rtp.packet import RtpPacket
from dred.rtp.serial import Unwrapper, far_off
from dred.rtp.session import OPUS_TYPE
from dred.traces.transit import Times, Transit
from dred.units import CLOCK

# Written captures begin here: RFC 3550 section 5.1 asks for no number in particular, and all that
# read them meet the wrap-around.
FIRST_SEQUENCE = 65_000
# First bytes of Opus packets of one mono frame (RFC 6716 section 3.1), by duration in ms.
TOC = {2.5: 28 << 3, 5.0: 29 << 3, 10.0: 30 << 3, 20.0: 31 << 3, 40.0: 10 << 3, 60.0: 11 << 3}


def longest_stream(path: str, data: bytes) -> CapturedStream:
    """Of a capture, the Opus stream of most packets."""
    try:
        streams = open_capture(path, data=data).streams
    except PacketError as reason:
        raise TraceError(str(reason)) from None
    if not streams:
        raise TraceError(f"{path}: holds no RTP stream with Opus; capture the media")
    return streams[0]


def stream_transit(stream: CapturedStream) -> Transit:
    """A stream from the first to the last packet that came: what was lost before and after nobody
    can see."""
    arrivals: dict[int, list[float]] = {}
    sent: dict[int, float] = {}
    sizes: dict[int, int] = {}
    for number, sent_ms, arrival_ms, size_bytes in _numbered(stream.packets):
        arrivals.setdefault(number, []).append(arrival_ms)
        sent[number] = sent_ms
        sizes[number] = size_bytes
    first, count = min(sent), max(sent) - min(sent) + 1
    known = np.array(sorted(sent)) - first
    arrival = np.full(count, np.inf)
    arrival[known] = [arrivals[number + first][0] for number in known.tolist()]
    size = np.zeros(count, np.int64)
    size[known] = [sizes[number + first] for number in known.tolist()]
    begun = sent[first]
    return Transit(
        _between(known, np.array([sent[n + first] - begun for n in known.tolist()]), count),
        arrival,
        size,
        tuple((n - first, ms) for n, (_, *again) in sorted(arrivals.items()) for ms in again),
    )


def _numbered(
    packets: Sequence[tuple[float, RtpPacket]],
) -> Iterator[tuple[int, float, float, int]]:
    """Number, ms of sending, ms of arrival and size of each packet. Where a sender begins its
    numbers anew, which two neighbours tell (RFC 3550 appendix A.1), they go on, after the time
    that passed."""
    numbers, stamps = Unwrapper(16), Unwrapper(32)
    number_shift = stamp_shift = 0
    following = [packet.sequence for _, packet in packets[1:]] + [-1]
    before_ms = 0.0
    for (arrival_ms, packet), after in zip(packets, following, strict=True):
        newest, stamp = numbers.newest, stamps.newest
        confirmed = after == (packet.sequence + 1) & 0xFFFF
        if confirmed and newest is not None and stamp is not None:
            sequence = (packet.sequence - number_shift) & 0xFFFF
            if far_off(sequence, newest & 0xFFFF):
                number_shift = packet.sequence - newest - 1
                passed = round(CLOCK * (arrival_ms - before_ms))
                stamp_shift = packet.timestamp - stamp - passed
        number = numbers.push((packet.sequence - number_shift) & 0xFFFF)
        sent = stamps.push((packet.timestamp - stamp_shift) & 0xFFFFFFFF)
        before_ms = arrival_ms
        yield number, sent / CLOCK, arrival_ms, len(packet.payload)


def _between(known: np.ndarray, times: Times, count: int) -> Times:
    """Times of all packets, those lost in between evenly spread."""
    return np.interp(np.arange(count), known, times)


def write_capture_transit(path: str | os.PathLike[str], transit: Transit) -> None:
    """RTP packets that arrive as a transit says; what they hold is Opus by its first byte only."""
    packet_ms = float(transit.sent_ms[1] - transit.sent_ms[0]) if len(transit) > 1 else 20.0
    toc = TOC.get(packet_ms, TOC[20.0])
    delay = min(0.0, float(transit.arrival_ms.min(initial=0.0)))  # no times before the epoch
    packets = [
        (
            arrival_ms - delay,
            RtpPacket(
                OPUS_TYPE,
                FIRST_SEQUENCE + number & 0xFFFF,
                round(CLOCK * transit.sent_ms[number]),
                1,
                bytes([toc]) + bytes(max(1, int(transit.sizes[number]) - 1)),
            ),
        )
        for arrival_ms, number in transit.arrivals()
    ]
    write_capture(path, packets)
