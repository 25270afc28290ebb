# SPDX-License-Identifier: BSD-3-Clause
"""What redundant copies leave of a bitrate for the Opus packets; knows no packets."""

from __future__ import annotations

from collections.abc import Callable

from dred.rtp.red import HEADER_BYTES, PRIMARY_BYTES

LEAST = 6000  # bit/s, where Opus ends


def opus_bitrate(total: int, copies: int, frame_ms: float, regular: Callable[[int], int]) -> int:
    """Bit/s for Opus packets, DRED included, so that with this many copies of their regular frames
    (copies carry no DRED) and the headers that tell them apart, the whole makes `total`. regular:
    what those frames take of a bitrate."""
    if copies == 0:
        return total
    total -= int(8000 * (PRIMARY_BYTES + copies * HEADER_BYTES) / frame_ms)
    low, high = LEAST, max(LEAST, total)
    while high - low > 100:
        middle = (low + high) // 2
        if middle + copies * regular(middle) > total:
            high = middle
        else:
            low = middle
    return low
