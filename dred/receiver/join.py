# SPDX-License-Identifier: BSD-3-Clause
"""Joins of audio that was made in different ways, without clicks; knows no packets and no clock.

Audio is float32 [n, channels].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dred._native import Floats

# Steps between samples may be so much larger than the largest one elsewhere.
STEEPER = 1.5
# Stretches may be so much louder (RMS) than those before, and than those of another decoder. Of
# 3227 frames behind gaps 6 were; the other decoder's was nearer to the truth in 5. With 1.5 and 3
# there are 18, but PESQ falls.
LOUDER, FAR_LOUDER = 2.0, 3.5
STRETCHES = 4  # of a frame


def equal_gain(first: Floats, second: Floats) -> Floats:
    """Fade from one stretch [n, channels] to another of the same length, weights summing to 1."""
    ramp = (np.arange(len(first), dtype=np.float32) + 0.5) / max(len(first), 1)
    weight = (0.5 - 0.5 * np.cos(np.pi * ramp)).astype(np.float32)[:, None]
    return first + weight * (second - first)


def rings(frame: Floats, before: Floats, other: Callable[[], Floats]) -> bool:
    """Whether a frame is clearly steeper than what was heard before it, and than the same packet's
    frame out of another decoder, which remembers another past and is asked only then.

    Where a decoder's filters remember another past than the encoder's did, they may ring, far above
    the speech, for a few milliseconds. An onset is in the packet: both decoders have it. A pitch
    pulse that goes on is as steep as those before.
    """
    here = steepest(frame)
    return here > STEEPER * steepest(before) and here > STEEPER * steepest(other())


def blares(frame: Floats, before: Floats, other: Callable[[], Floats]) -> bool:
    """The same of loudness, for the first frame behind a gap, where filters ring at low frequencies
    too, for the whole frame. A decoder that heard silence in the gap is quieter as a rule: only
    where the difference is large it is the better one."""
    here = loudest(frame)
    return here > LOUDER * loudest(before) and here > FAR_LOUDER * loudest(other())


def steepest(pcm: Floats) -> float:
    """The largest step from one sample to the next; 0 where there is none."""
    return float(np.abs(pcm[1:] - pcm[:-1]).max()) if len(pcm) > 1 else 0.0


def loudest(pcm: Floats) -> float:
    """RMS of the loudest of four stretches; 0 where there is nothing."""
    size = len(pcm) // STRETCHES
    if not size:
        return 0.0
    mono = pcm[: size * STRETCHES].reshape(STRETCHES, -1)
    return float(np.sqrt(np.square(mono).mean(1).max()))
