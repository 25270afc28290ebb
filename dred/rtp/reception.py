# SPDX-License-Identifier: BSD-3-Clause
"""What arrived of one source: loss, bursts, jitter (RFC 3550 A.3, A.8); knows no audio.

Times are handed in, in ms of any clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from dred.rtp.rtcp import ReportBlock
from dred.rtp.serial import Unwrapper
from dred.units import CLOCK

# Packets whose fate is remembered, for bursts: 20 s at 20 ms.
MEMORY = 1000
_LOST_LIMIT = (1 << 23) - 1


@dataclass(frozen=True)
class LossFigures:
    """Losses among the packets remembered; lengths in packets."""

    expected: int
    lost: int
    bursts: int
    mean_burst: float
    longest_burst: int

    @property
    def rate(self) -> float:
        return self.lost / self.expected if self.expected else 0.0


class Reception:
    """Counts of one source, by its sequence numbers. Duplicates count as received once."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.received = self.duplicates = 0
        self.jitter = 0.0  # timestamp units
        self._sequence = Unwrapper(16)
        self._first: int | None = None
        self._transit: float | None = None
        self._recent: set[int] = set()
        self._order: deque[int] = deque()
        self._reported = (0, 0)  # expected, received at the last report
        self._report_end = 0  # extended number after the last one reported by loss_runs

    def push(self, sequence: int, timestamp: int, arrival_ms: float) -> None:
        """A packet arrived. timestamp: continued without wrap-around or modulo 2^32."""
        number = self._sequence.push(sequence)
        if self._first is None:
            self._first = self._report_end = number
        self._first = min(self._first, number)
        if number in self._recent:
            self.duplicates += 1
            return
        self._recent.add(number)
        self._order.append(number)
        while len(self._order) > 2 * MEMORY:
            self._recent.discard(self._order.popleft())
        self.received += 1
        transit = arrival_ms * CLOCK - timestamp
        if self._transit is not None:
            # Modulo 2^32, so that timestamps may wrap.
            step = (transit - self._transit + 2**31) % 2**32 - 2**31
            self.jitter += (abs(step) - self.jitter) / 16
        self._transit = transit

    @property
    def newest(self) -> int:
        """Highest sequence number, continued without wrap-around."""
        return self._sequence.newest or 0

    @property
    def expected(self) -> int:
        return 0 if self._first is None else self.newest - self._first + 1

    @property
    def lost(self) -> int:
        return max(0, self.expected - self.received)

    @property
    def jitter_ms(self) -> float:
        return self.jitter / CLOCK

    def flags(self, begin: int, end: int) -> list[int]:
        """0 (received) or 1 (lost) for a stretch of continued sequence numbers."""
        return [int(number not in self._recent) for number in range(begin, end)]

    def recent(self) -> list[int]:
        """The same for the packets remembered, up to the newest."""
        if self._first is None:
            return []
        return self.flags(max(self._first, self.newest + 1 - MEMORY), self.newest + 1)

    def figures(self) -> LossFigures:
        """Loss rate and bursts among the packets remembered."""
        return loss_figures(self.recent())

    def report(self, last_sr: int = 0, delay_ms: float = 0.0) -> ReportBlock:
        """The block of a receiver report; its fraction counts from the last call on."""
        expected, received = self.expected, self.received
        new = expected - self._reported[0]
        lost = new - (received - self._reported[1])
        self._reported = (expected, received)
        return ReportBlock(
            self.ssrc,
            fraction_lost=min(255, lost * 256 // new) if new > 0 and lost > 0 else 0,
            cumulative_lost=min(expected - received, _LOST_LIMIT),
            highest_sequence=self.newest & 0xFFFFFFFF,
            jitter=int(self.jitter),
            last_sr=last_sr,
            delay_since_sr=min(int(delay_ms * 65.536), 0xFFFFFFFF),
        )

    def unreported(self) -> tuple[int, list[int]]:
        """Sequence number and flags of the packets since the last call, for a loss report."""
        begin = max(self._report_end, self.newest + 1 - MEMORY)
        self._report_end = self.newest + 1
        return begin & 0xFFFF, self.flags(begin, self._report_end)


def loss_figures(flags: list[int]) -> LossFigures:
    """Loss rate and bursts of 0/1 flags."""
    bursts: list[int] = []
    before = 0
    for flag in flags:
        if flag and not before:
            bursts.append(0)
        if flag:
            bursts[-1] += 1
        before = flag
    return LossFigures(
        expected=len(flags),
        lost=sum(bursts),
        bursts=len(bursts),
        mean_burst=sum(bursts) / len(bursts) if bursts else 0.0,
        longest_burst=max(bursts, default=0),
    )
