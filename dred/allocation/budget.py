# SPDX-License-Identifier: BSD-3-Clause
"""An account of the bits that were sent, so that a stream keeps its bitrate; knows no levels."""

from __future__ import annotations

from dred.allocation.split import SIGNALLING_BYTES


class Budget:
    """Bits for DRED, packet by packet: a token bucket.

    The allowance follows the long-term balance alone: regular frames are large just where speech is
    hard to conceal, and must not push the payload aside.
    """

    HORIZON = 50  # packets in which a saving or a debt is to be worked off
    LEAST, MOST = 0.6, 1.6  # a packet's allowance against the mean

    def __init__(self, packet_bits: float, mean_bits: float, spacing: int = 1) -> None:
        """packet_bits: of all that a packet holds; mean_bits: what of it is DRED's. spacing:
        packets from one payload to the next."""
        self._packet_bits, self._spacing = packet_bits, spacing
        self._mean = max(spacing * mean_bits - 8 * SIGNALLING_BYTES, 1.0)
        self._saved = 0.0

    def allowance(self) -> float:
        """Bits that the next payload should cost if it is like the mean one."""
        bits = self._mean + self._spacing * self._saved / self.HORIZON
        return min(max(bits, self.LEAST * self._mean), self.MOST * self._mean)

    def spend(self, packet_bytes: int) -> None:
        """Account for a finished packet."""
        limit = self.HORIZON * self._mean
        self._saved += self._packet_bits - 8 * packet_bytes
        self._saved = min(max(self._saved, -limit), limit)
