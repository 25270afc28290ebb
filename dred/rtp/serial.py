# SPDX-License-Identifier: BSD-3-Clause
"""Numbers that wrap around, continued without wrapping; knows no packets."""

from __future__ import annotations


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
