# SPDX-License-Identifier: BSD-3-Clause
"""What redundant copies leave of a bitrate for the Opus packets; knows no packets."""

from __future__ import annotations

from dred.allocation import regular_bitrate

LEAST = 6000  # bit/s, where Opus ends


def opus_bitrate(total: int, copies: int, loss_percent: int, lbrr: bool | None, dred: bool) -> int:
    """Bit/s for Opus packets, DRED included, so that with this many copies of their regular frames
    (copies carry no DRED) the whole makes `total`."""
    if copies == 0:
        return total
    low, high = LEAST, total
    while high - low > 100:
        middle = (low + high) // 2
        regular = regular_bitrate(middle, loss_percent, lbrr) if dred else middle
        if middle + copies * regular > total:
            high = middle
        else:
            low = middle
    return low
