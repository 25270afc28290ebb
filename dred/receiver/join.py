# SPDX-License-Identifier: BSD-3-Clause
"""Joins of audio that was made in different ways, without clicks; knows no packets and no clock.

Audio is float32 [n, channels].
"""

from __future__ import annotations

import numpy as np

from dred._native import Floats

# Steps between samples may be so much larger than the largest one around.
STEEPER = 1.25


def equal_gain(first: Floats, second: Floats) -> Floats:
    """Fade from one stretch [n, channels] to another of the same length, weights summing to 1."""
    ramp = (np.arange(len(first), dtype=np.float32) + 0.5) / max(len(first), 1)
    weight = (0.5 - 0.5 * np.cos(np.pi * ramp)).astype(np.float32)[:, None]
    return first + weight * (second - first)


def settle(frame: Floats, before: Floats, settling: int) -> Floats:
    """The frame, its first `settling` samples no steeper than what is around them.

    before: what was heard until then, [m] or [m, channels]. Where a decoder's filters remember
    another past than the encoder's did, they may ring at first: far above the speech, for a few
    milliseconds. What is as steep as the speech before or behind it, a pitch pulse say, stays.
    """
    own = max(steepest(before), steepest(frame[settling:]))
    if steepest(frame[: settling + 1]) <= STEEPER * own:
        return frame
    out = frame.copy()
    for at in range(1, settling):
        out[at] = out[at - 1] + np.clip(frame[at] - out[at - 1], -STEEPER * own, STEEPER * own)
    return out


def steepest(pcm: Floats) -> float:
    """The largest step from one sample to the next; 0 where there is none."""
    return float(np.abs(np.diff(pcm, axis=0)).max()) if len(pcm) > 1 else 0.0
