# SPDX-License-Identifier: BSD-3-Clause
"""Numbers that wrap around, continued without wrapping; knows no packets."""

from __future__ import annotations

# RFC 3550 A.1: numbers that are further ahead or behind are of a sender that began anew.
MAX_DROPOUT, MAX_MISORDER = 3000, 100


def far_off(sequence: int, newest: int) -> bool:
    """Whether a 16-bit sequence number is too far from the newest one for loss or reordering."""
    ahead = (sequence - newest + 0x8000) % 0x10000 - 0x8000
    return not -MAX_MISORDER <= ahead <= MAX_DROPOUT


class Unwrapper:
    """Continues numbers of so many bits: each is taken to lie nearest to the newest one.

    `newest` is None before the first number; older numbers are placed but do not move it.
    """

    def __init__(self, bits: int) -> None:
        self._modulus = 1 << bits
        self.newest: int | None = None

    def place(self, number: int) -> int:
        """Where a number lies, without taking note of it."""
        number %= self._modulus
        if self.newest is None:
            return number
        half = self._modulus // 2
        return self.newest + (number - self.newest + half) % self._modulus - half

    def push(self, number: int) -> int:
        """Where a number lies; the newest one leads what follows."""
        placed = self.place(number)
        if self.newest is None or placed > self.newest:
            self.newest = placed
        return placed
