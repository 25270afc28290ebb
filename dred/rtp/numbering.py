# SPDX-License-Identifier: BSD-3-Clause
"""Which frame of a call a packet is: sequence numbers and timestamps to frame numbers.

A receiver of audio counts frame times, not packets: where a sender falls silent (DTX), timestamps
go on and sequence numbers do not, and redundant copies have a timestamp only. Knows no audio.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from dred.rtp.serial import Unwrapper
from dred.units import CLOCK

# After a pause, a packet may come earlier by so much than all of late would have: they were slow.
# Where timestamps are further ahead of arrivals, the sender has set its clock: were they believed,
# all that follows would wait for so long.
MARGIN_MS = 500.0
# Packets whose time in the network is remembered.
MEMORY = 50


@dataclass(frozen=True)
class _Place:
    """A packet: sequence number and timestamp (continued), its number, its frame's duration in
    timestamp units (0: not known), when it came."""

    sequence: int
    timestamp: int
    number: int
    duration: int
    arrival_ms: float


class Numbering:
    """Frame numbers of one source, from 0 where `begin` is not given.

    A packet lies as many frames after the newest one before it as its timestamp says, and at least
    as many as its sequence number says. A timestamp that arrival times contradict is not believed:
    then these say how long a pause was. A frame lasts as long as the packet before it.
    """

    def __init__(self, begin: int = 0) -> None:
        self._begin = begin
        self._sequence, self._timestamp = Unwrapper(16), Unwrapper(32)
        self._places: list[_Place] = []  # in order of sequence
        # Times in the network in ms, up to a constant.
        self._transits: deque[float] = deque(maxlen=MEMORY)
        self.jumps = 0  # of the timestamp, that were not believed

    def push(self, sequence: int, timestamp: int, duration: int, arrival_ms: float) -> int:
        """The number of a packet of so many timestamp units that came at a time, of any clock."""
        sequence = self._sequence.push(sequence)
        timestamp = self._timestamp.push(timestamp)
        transit_ms = arrival_ms - timestamp / CLOCK
        number = self._number(sequence, timestamp, arrival_ms, transit_ms)
        self._transits.append(transit_ms)
        if not self._places or sequence > self._places[-1].sequence:
            if not duration and self._places:  # an empty packet, to keep the connection alive
                duration = self._places[-1].duration
            place = _Place(sequence, timestamp, number, duration, arrival_ms)
            self._places = [*self._places[-2:], place]
        return number

    def after(self, arrival_ms: float) -> int:
        """The number of a packet that comes at a time, where its own numbers say nothing."""
        if not self._places:
            return self._begin
        last = self._places[-1]
        # When it would have come, were it as fast as the fastest: rather too much delay than too
        # little, which would make all that follows late.
        came_ms = last.timestamp / CLOCK + min(self._transits)
        by_arrival = round((arrival_ms - came_ms) * CLOCK / last.duration) if last.duration else 1
        return last.number + max(1, by_arrival)

    def of_copy(self, number: int, offset: int, duration: int) -> int:
        """The number of a copy that is so much older than the packet of this number."""
        return number - max(1, round(offset / duration)) if duration else number

    def _number(
        self, sequence: int, timestamp: int, arrival_ms: float, transit_ms: float
    ) -> int:  # fmt: skip
        if not self._places:
            return self._begin
        earlier = [place for place in self._places if place.sequence <= sequence]
        if not earlier:  # older than all that is remembered: only the distance can be told
            first = self._places[0]
            return first.number + sequence - first.sequence
        before = earlier[-1]
        by_sequence = sequence - before.sequence
        if not before.duration:
            return before.number + by_sequence
        frame_ms = before.duration / CLOCK
        by_time = round((timestamp - before.timestamp) / before.duration)
        more_ms = (by_time - by_sequence) * frame_ms
        ahead_ms = min(self._transits, default=transit_ms) - transit_ms
        if more_ms >= -MARGIN_MS and (more_ms <= 0 or ahead_ms <= MARGIN_MS):
            return before.number + max(by_sequence, by_time)
        self.jumps += 1
        self._transits.clear()
        by_arrival = round((arrival_ms - before.arrival_ms) / frame_ms)
        paused = (by_arrival - by_sequence) * frame_ms > MARGIN_MS
        return before.number + (by_arrival if paused else by_sequence)
