# SPDX-License-Identifier: BSD-3-Clause
"""Which source a frame is made from: one pure decision; knows no audio."""

from __future__ import annotations

from enum import Enum


class Source(Enum):
    """What a frame of output was made from."""

    REGULAR = "regular"
    LBRR = "lbrr"
    RED = "red"
    DRED = "dred"
    PLC = "plc"
    WAITING = "waiting"  # nothing has been played yet


def choose_source(*, here: bool, next_has_lbrr: bool, red: bool, dred: bool) -> Source:
    """The best source of one frame: its packet, a full copy, LBRR, DRED, or a guess.

    here: its packet has arrived. red: a full copy of it has. next_has_lbrr: the packet after it is
    here with in-band FEC. dred: a packet that is here describes some of its time.
    """
    if here:
        return Source.REGULAR
    if red:
        return Source.RED
    if next_has_lbrr:
        return Source.LBRR
    return Source.DRED if dred else Source.PLC
