# SPDX-License-Identifier: BSD-3-Clause
"""How long packets must wait so that nearly all of them are in time: jitter, measured.

Times are handed in, in ms of any clock; knows no packets, no codec and no audio.
"""

from __future__ import annotations

from collections import deque

import numpy as np

BIN_MS = 5.0
BINS = 200  # delays beyond a second are counted as a second
# Share of packets that are to be in time; the others are left to redundancy and concealment.
QUANTILE = 0.97
# Weight that a packet keeps when the next one comes. Late packets lift the quantile as soon as they
# are 3 % of the weight, which is after 15 of them; they sink below it half a minute later: fast up,
# slow down.
KEEP = 0.998
# The fastest packet of so many slots is what delays count from: about 10 s. It follows a clock that
# drifts by 100 ppm (1 ms in 10 s), and routes that change.
SLOT, SLOTS = 64, 8
# Until so many packets have been seen, the jitter is taken to be no smaller than this.
FEW, FEW_MARGIN_MS = 25, 20.0


class DelayHistogram:
    """Delays of packets against the fastest of late."""

    def __init__(self) -> None:
        self._weights = np.zeros(BINS)
        self._minima: deque[float] = deque(maxlen=SLOTS)
        self._count = 0
        self.margin_ms = FEW_MARGIN_MS

    @property
    def base_ms(self) -> float:
        """Delay of the fastest packet of late; 0 before the first one."""
        return min(self._minima, default=0.0)

    def push(self, delay_ms: float) -> None:
        """A packet took so long, counted from anything that stays the same."""
        if self._count % SLOT == 0:
            self._minima.append(delay_ms)
        self._minima[-1] = min(self._minima[-1], delay_ms)
        self._count += 1
        # A plain mean at first, so that the first packet does not count for a thousand.
        keep = min(KEEP, 1 - 1 / self._count)
        self._weights *= keep
        later = int((delay_ms - self.base_ms) / BIN_MS)
        self._weights[min(later, BINS - 1)] += 1 - keep
        below = np.searchsorted(np.cumsum(self._weights), QUANTILE * self._weights.sum())
        margin = BIN_MS * (int(below) + 1)
        self.margin_ms = max(margin, FEW_MARGIN_MS) if self._count < FEW else margin
