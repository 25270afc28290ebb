# SPDX-License-Identifier: BSD-3-Clause
"""Which frame of a call a packet is: sequence numbers and timestamps to frame numbers.

A receiver of audio counts frame times, not packets: where a sender falls silent (DTX), timestamps
go on and sequence numbers do not, and redundant copies have a timestamp only. Knows no audio.
"""

from __future__ import annotations

from dred.rtp.serial import Unwrapper

# A longer jump of time is a sender that set its clock anew, not silence: 30 s of 20 ms frames.
MAX_GAP = 1500


class Numbering:
    """Frame numbers of one source, from 0 where `begin` is not given.

    A packet lies as many frames after the newest one before it as its timestamp says, and at least
    as many as its sequence number says. A frame lasts as long as the packet before it.
    """

    def __init__(self, begin: int = 0) -> None:
        self._begin = begin
        self._sequence, self._timestamp = Unwrapper(16), Unwrapper(32)
        # Places in order of sequence: (sequence, timestamp, number, duration).
        self._places: list[tuple[int, int, int, int]] = []
        self.jumps = 0  # of the timestamp, that were not believed

    def push(self, sequence: int, timestamp: int, duration: int) -> int:
        """The number of a packet of so many timestamp units."""
        sequence = self._sequence.push(sequence)
        timestamp = self._timestamp.push(timestamp)
        number = self._number(sequence, timestamp)
        if not self._places or sequence > self._places[-1][0]:
            self._places = [*self._places[-2:], (sequence, timestamp, number, duration)]
        return number

    def of_copy(self, number: int, offset: int, duration: int) -> int:
        """The number of a copy that is so much older than the packet of this number."""
        return number - max(1, round(offset / duration)) if duration else number

    def _number(self, sequence: int, timestamp: int) -> int:
        if not self._places:
            return self._begin
        earlier = [place for place in self._places if place[0] <= sequence]
        if not earlier:  # older than all that is remembered: only the distance can be told
            first = self._places[0]
            return first[2] + sequence - first[0]
        then, stamp, number, duration = earlier[-1]
        by_sequence = sequence - then
        by_time = round((timestamp - stamp) / duration) if duration else by_sequence
        if abs(by_time - by_sequence) > MAX_GAP:
            self.jumps += 1
            return number + by_sequence
        return number + max(by_sequence, by_time)
