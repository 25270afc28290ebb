# SPDX-License-Identifier: BSD-3-Clause
"""What the bits of a stream are spent on: regular frames, LBRR, DRED, its levels and its length.
Knows no audio and no packets.

`split` decides for a stream and `levels` for a packet, by the same sum: how often something will be
heard (`need`) times what it costs then (`tables`). `budget` keeps the account.
"""

from dred.allocation.budget import Budget
from dred.allocation.levels import Levels, choices
from dred.allocation.need import TYPICAL_BURST, Need, turns
from dred.allocation.split import SIGNALLING_BYTES, Split, split_bitrate

__all__ = [
    "SIGNALLING_BYTES",
    "TYPICAL_BURST",
    "Budget",
    "Levels",
    "Need",
    "Split",
    "choices",
    "split_bitrate",
    "turns",
]
