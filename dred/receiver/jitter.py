# SPDX-License-Identifier: BSD-3-Clause
"""The play-out buffer: packets by sequence number, driven by a clock handed in.

Does no I/O, reads no clock and knows no codec.
"""

from __future__ import annotations

SEQUENCE_MODULUS = 1 << 16
# A jump larger than this is a new stream, not a loss (RFC 3550 A.1 uses 3000 with 100 back).
RESTART_JUMP = 3000
# Packets that a gap in front of the next one may have; a longer one is skipped.
MAX_SPAN = 500
# Packets that may lie ahead of the one to be played: with more, the sender runs ahead, and nobody
# may fill the memory.
MAX_AHEAD = 3000
# So many late packets in a row with none in time: the sender paused without counting on, or the
# network became slower for good. Play-out begins anew.
LATE_ROW = 25


class JitterBuffer:
    """Packets waiting for their turn.

    Sequence numbers are taken modulo 2^16 and continued without wrap-around inside. The first
    packet is played `delay_ms` after it arrived; every `take` is one frame later.
    """

    def __init__(self, delay_ms: float) -> None:
        self.delay_ms = delay_ms
        self.duplicates = self.late = self.restarts = self.skipped = 0
        self.next: int | None = None  # extended sequence number of the next frame to play
        self._start_ms: float | None = None
        self._packets: dict[int, bytes] = {}
        self._highest = 0  # extended sequence number
        self._copies: set[int] = set()  # numbers of those that are RED copies
        self.took_copy = False  # whether the packet taken last was one
        self._doubtful: int | None = None  # last number of what may be a new stream
        self._late_row = 0

    def push(self, packet: bytes, sequence: int, arrival_ms: float, *, copy: bool = False) -> bool:
        """Take a packet; False where it is a duplicate, too late, or stray. A copy gives way to its
        original, which carries more."""
        extended = self._extend(sequence)
        if extended is None:
            return False
        if self.next is None:
            self.next = extended
            self._start_ms = arrival_ms + self.delay_ms
        if extended in self._packets and (copy or extended not in self._copies):
            self.duplicates += 1
            return False
        if extended < self.next:
            if self.playing(arrival_ms):
                self.late += 1
                self._late_row += 1
                if self._late_row < LATE_ROW:
                    return False
                self.restarts += 1
                self._start_ms = arrival_ms + self.delay_ms
            self.next = extended  # reordered before the first one was played, or a new beginning
        self._late_row = 0
        self._packets[extended] = packet
        (self._copies.add if copy else self._copies.discard)(extended)
        self._highest = max(self._highest, extended)
        if extended - self.next > MAX_AHEAD:
            self._skip_to(extended - MAX_SPAN)
        return True

    def _skip_to(self, number: int) -> None:
        """Play this one next, whatever lies before it."""
        assert self.next is not None
        self.skipped += number - self.next
        self.next = number
        self._packets = {n: packet for n, packet in self._packets.items() if n >= number}
        self._copies = {n for n in self._copies if n >= number}

    def restart(self) -> None:
        """Forget what waits; the next packet to arrive is the first one again."""
        self.restarts += 1
        self._packets.clear()
        self._copies.clear()
        self.next = self._start_ms = self._doubtful = None
        self._highest = 0
        self._late_row = 0

    def start_ms(self, now_ms: float) -> float:
        """When the next packet to play is due, if the one before it was played by now."""
        return now_ms if self._start_ms is None else max(now_ms, self._start_ms)

    def ahead_of_play(self, sequence: int) -> int | None:
        """Frames between the next one to play and this number, negative where it is past; None
        before the first packet, and where the number is far from all others."""
        if self.next is None:
            return None
        delta = self._distance(sequence, self._newest())
        return self._newest() + delta - self.next if abs(delta) < RESTART_JUMP else None

    def _newest(self) -> int:
        return max(self._highest, self.next or 0)

    @staticmethod
    def _distance(sequence: int, newest: int) -> int:
        half = SEQUENCE_MODULUS // 2
        return (sequence - newest + half) % SEQUENCE_MODULUS - half

    def _extend(self, sequence: int) -> int | None:
        if self.next is None:
            return sequence % SEQUENCE_MODULUS
        newest = self._newest()
        delta = self._distance(sequence, newest)
        if -RESTART_JUMP < delta < RESTART_JUMP:
            self._doubtful = None
            return newest + delta
        # Two neighbours in a row far from the rest are a sender that started anew.
        known, self._doubtful = self._doubtful, sequence
        if known is None or (sequence - known) % SEQUENCE_MODULUS != 1:
            return None
        self.restart()
        return sequence % SEQUENCE_MODULUS

    def playing(self, now_ms: float) -> bool:
        """Whether the first packet's time has come."""
        return self._start_ms is not None and now_ms >= self._start_ms

    def take(self) -> bytes | None:
        """The packet to play now, if it is here; steps to the next one."""
        assert self.next is not None
        here = self.next in self._packets  # nearly always; then there is no need to search
        if not here and self._packets and min(self._packets) - self.next > MAX_SPAN:
            self._skip_to(min(self._packets))
        packet = self._packets.pop(self.next, None)
        self.took_copy = self.next in self._copies
        self._copies.discard(self.next)
        self.next += 1
        return packet

    def ahead(self) -> list[tuple[int, bytes]]:
        """Waiting packets by number, in order; `next` is that of the next one to play."""
        return sorted(self._packets.items())

    def __len__(self) -> int:
        return len(self._packets)
