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
    DTX = "dtx"  # the sender is silent on purpose: comfort noise of the decoder
    WAITING = "waiting"  # nothing has been played yet

    # Frames are counted by source; the hash of Enum itself is Python code.
    __hash__ = object.__hash__


# Why no description covers a frame that is guessed.
NOTHING_BEHIND = "nothing behind it yet"
NO_DRED_BEHIND = "no DRED behind it"
TOO_SHORT = "DRED too short"
SILENCE_LEFT_OUT = "silence left out"
UNUSED = "DRED not used"


def why_guessed(*, used: bool, waiting: bool, described: bool, newer: bool) -> str:
    """Why a frame is guessed.

    used: descriptions are looked at. waiting: a packet behind the frame is here; described: one of
    these describes anything at all. newer: the frame lies behind the newest moment described.
    """
    if not used:
        return UNUSED
    if not waiting:
        return NOTHING_BEHIND
    if not described:
        return NO_DRED_BEHIND
    return SILENCE_LEFT_OUT if newer else TOO_SHORT


def choose_source(*, here: bool, copy: bool, next_has_lbrr: bool, dred: bool, dtx: bool) -> Source:
    """The best source of one frame: its packet or a full copy, LBRR, DRED, silence, or a guess.

    here: its packet is here; copy: as a RED copy. next_has_lbrr: the packet after it is here with
    in-band FEC. dred: a packet that is here describes some of its time. dtx: the last packet said
    that the sender is silent.
    """
    if here:
        return Source.RED if copy else Source.REGULAR
    if next_has_lbrr:
        return Source.LBRR
    if dred:
        return Source.DRED
    return Source.DTX if dtx else Source.PLC
