# SPDX-License-Identifier: BSD-3-Clause
"""Features across a gap from the speech on both of its sides; makes no audio.

Where the packets behind a gap are already waiting to be played, a guess need not look back alone:
between the last vector heard and the first one to come, vectors are interpolated.
"""

from __future__ import annotations

import numpy as np

from dred._core import lib
from dred._native import Floats
from dred.models import Models
from dred.stages import analyse

STEP = lib.DRED_STEP
PITCH, VOICING = 18, 19  # behind the cepstrum
CLEAR = 160  # samples from the edge of a gap to the centre of the first window outside it
PAST = 10 * STEP  # heard speech that the analysis needs to be settled at the gap
FUTURE_MS = 40  # speech behind the gap, for one window of it


class Bridge:
    """Vectors by time (16 kHz samples) between the two sides of one gap."""

    def __init__(self, audio: Floats, start: int, gap: tuple[int, int], models: Models) -> None:
        """audio: 16 kHz samples from time `start` on: past, anything in the gap, future. gap: times
        of the first sample that is missing and of the first one that is not."""
        rows = analyse(audio, models)[:, : lib.DRED_FEATURES]
        left = (gap[0] - CLEAR - start) // STEP
        right = min(-(-(gap[1] + CLEAR - start) // STEP), len(rows) - 1)
        self._begin, self._end = start + left * STEP, start + right * STEP
        self._before, self._difference = rows[left], rows[right] - rows[left]
        # Between a pitch and none there is no mean.
        voiced = max(rows[left], rows[right], key=lambda row: float(row[VOICING]))
        alike = min(rows[left, VOICING], rows[right, VOICING]) >= 0
        self._pitch = None if alike else voiced[PITCH]

    def vector(self, centre: int) -> Floats | None:
        """The vector for this time, or None outside the gap."""
        if not self._begin <= centre <= self._end:
            return None
        way = np.float32((centre - self._begin) / (self._end - self._begin))
        row: Floats = self._before + way * self._difference
        if self._pitch is not None:
            row[PITCH] = self._pitch
        return row
