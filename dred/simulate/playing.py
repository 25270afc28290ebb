# SPDX-License-Identifier: BSD-3-Clause
"""Packets through a network into a receiver, as time passes; makes no packets."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import count

import numpy as np
import numpy.typing as npt

from dred._native import Floats
from dred.errors import TraceError
from dred.packet import duration_ms
from dred.peer import LibopusReceiver
from dred.receiver import Receiver, Source
from dred.rtp.packet import RtpPacket
from dred.rtp.session import OPUS_TYPE, RED_TYPE, RtpReceiver
from dred.traces import LossModel, Transit, read_trace, send
from dred.units import CLOCK

Flags = npt.NDArray[np.uint8]
AnyReceiver = Receiver | LibopusReceiver
AnyTrace = Sequence[int] | npt.ArrayLike | str | os.PathLike[str] | LossModel


def fit_trace(trace: Sequence[int] | npt.ArrayLike | str | os.PathLike[str], packets: int) -> Flags:
    """Loss flags for this many packets; a shorter trace begins again."""
    if isinstance(trace, (str, os.PathLike)):
        trace = read_trace(trace)
    flags = np.asarray(trace, dtype=np.uint8).ravel()
    if packets and not len(flags):
        raise TraceError("the trace is empty; it needs one 0 or 1 per packet")
    if flags.size and flags.max() > 1:
        raise TraceError("the trace holds values other than 0 and 1")
    return np.resize(flags, packets)


def travel(trace: AnyTrace, payloads: Sequence[bytes], packet_ms: float, seed: int) -> Transit:
    """What becomes of payloads. trace: flags, a file of them, or a model, drawn with this seed."""
    sizes = np.array([len(payload) for payload in payloads], np.int64)
    if isinstance(trace, LossModel):
        return send(trace, len(sizes), np.random.default_rng(seed), packet_ms, sizes)
    return Transit.undisturbed(sizes, packet_ms).losing(fit_trace(trace, len(sizes)))


def play(
    packets: Sequence[bytes],
    way: Flags | Transit,
    receiver: AnyReceiver,
    payloads: Sequence[bytes] | None = None,
    jitter_ms: float = 0.0,
) -> tuple[Floats, list[str]]:
    """The whole of `playing`: the audio [n, channels] and the source of every frame."""
    frames = list(playing(packets, way, receiver, payloads, jitter_ms))
    empty = np.zeros((0, receiver.channels), np.float32)
    return np.concatenate([empty, *(audio for audio, _ in frames)]), [name for _, name in frames]


def playing(
    packets: Sequence[bytes],
    way: Flags | Transit,
    receiver: AnyReceiver,
    payloads: Sequence[bytes] | None = None,
    jitter_ms: float = 0.0,
) -> Iterator[tuple[Floats, str]]:
    """Give packets to a receiver when they come, and listen.

    way: which are lost, or when each came. payloads: of RTP, where copies come before each packet.
    jitter_ms: that of the receiver, where packets come out of order.
    Yields frames from the first packet's on, one per packet: audio [n, channels] and its source.
    """
    durations = [duration_ms(packet) for packet in packets]
    starts = np.concatenate([[0.0], np.cumsum(durations)])
    events = _events(way, starts)
    # Packets lost before any came: a receiver cannot know of them.
    missing = _first_played(events, jitter_ms) if events else len(packets)
    edges = np.rint(starts[: missing + 1] * receiver.sample_rate / 1000).astype(int)
    for length in np.diff(edges):
        yield np.zeros((length, receiver.channels), np.float32), Source.PLC.value
    push = _pusher(packets, receiver, payloads, starts)
    heard = _heard(receiver)
    at, left = 0, len(packets) - missing
    for k in count(missing):
        now_ms = starts[k] - starts[missing] if k < len(packets) else math.inf
        while at < len(events) and events[at][0] <= now_ms:
            push(events[at][1], events[at][0])
            at += 1
        if not left:
            return
        frame = next(heard)
        if frame is not None:
            left -= 1
            yield frame


def _events(way: Flags | Transit, starts: npt.NDArray[np.float64]) -> list[tuple[float, int]]:
    """(arrival in ms after the first arrival, packet), in order."""
    if not isinstance(way, Transit):
        way = Transit(starts[:-1], starts[:-1], np.zeros(len(way), np.int64)).losing(way)
    arrivals = way.arrivals()
    return [(arrival_ms - arrivals[0][0], number) for arrival_ms, number in arrivals]


def _first_played(events: list[tuple[float, int]], jitter_ms: float) -> int:
    """Of packets out of order, the first may come while play-out waits."""
    return min([events[0][1], *(n for arrival_ms, n in events if arrival_ms < jitter_ms)])


def _pusher(
    packets: Sequence[bytes],
    receiver: AnyReceiver,
    payloads: Sequence[bytes] | None,
    starts: npt.NDArray[np.float64],
) -> Callable[[int, float], object]:
    """What gives a packet, by number, to the receiver: through RTP where there are copies."""
    if payloads is None or payloads is packets:
        return lambda number, arrival_ms: receiver.push(packets[number], number, arrival_ms)
    rtp = RtpReceiver(receiver, OPUS_TYPE, RED_TYPE)
    return lambda number, arrival_ms: rtp.push_packet(
        RtpPacket(RED_TYPE, number & 0xFFFF, round(CLOCK * starts[number]), 1, payloads[number]),
        arrival_ms,
    )


def _heard(receiver: AnyReceiver) -> Iterator[tuple[Floats, str] | None]:
    """Frames as they are pulled, without end; None while the first packet's time has not come."""
    stats = receiver.stats  # the receiver goes on to count in it
    while True:
        frame = receiver.pull()
        source = stats.last
        if source is None or source is Source.WAITING:
            yield None
        else:
            yield frame.reshape(len(frame), -1), source.value
