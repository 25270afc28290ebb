# SPDX-License-Identifier: BSD-3-Clause
"""Captured calls as traces: sequence numbers tell what was lost, timestamps when it was sent."""

from __future__ import annotations

import os

import numpy as np

from dred.errors import PacketError, TraceError
from dred.rtp.capture import open_capture, write_capture
from dred.rtp.packet import RtpPacket
from dred.rtp.serial import Unwrapper
from dred.rtp.session import OPUS_TYPE
from dred.traces.transit import Times, Transit

CLOCK = 48  # RTP timestamp units of Opus per ms (RFC 7587 section 4.1)
# Written captures begin here: RFC 3550 section 5.1 asks for no number in particular, and all that
# read them meet the wrap-around.
FIRST_SEQUENCE = 65_000
# First bytes of Opus packets of one mono frame (RFC 6716 section 3.1), by duration in ms.
TOC = {2.5: 28 << 3, 5.0: 29 << 3, 10.0: 30 << 3, 20.0: 31 << 3, 40.0: 10 << 3, 60.0: 11 << 3}


def read_capture_transit(path: str | os.PathLike[str]) -> Transit:
    """The longest Opus stream of a pcap or pcapng file, from the first to the last packet that
    came: what was lost before and after nobody can see."""
    try:
        streams = open_capture(path).streams
    except PacketError as reason:
        raise TraceError(str(reason)) from None
    if not streams:
        raise TraceError(f"{path}: holds no RTP stream with Opus; capture the media")
    numbers, stamps = Unwrapper(16), Unwrapper(32)
    arrivals: dict[int, list[float]] = {}
    sent: dict[int, float] = {}
    sizes: dict[int, int] = {}
    for arrival_ms, packet in streams[0].packets:
        number = numbers.push(packet.sequence)
        arrivals.setdefault(number, []).append(arrival_ms)
        sent[number] = stamps.push(packet.timestamp) / CLOCK
        sizes[number] = len(packet.payload)
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
