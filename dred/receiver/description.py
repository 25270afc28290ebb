# SPDX-License-Identifier: BSD-3-Clause
"""Feature vectors by time, out of the DRED of the packets that are here; makes no audio."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dred._core import ffi, lib
from dred._native import Floats, Handle, check, pointer
from dred.models import Models

STEP = lib.DRED_STEP
UNIT = 40  # 16 kHz samples in the 2.5 ms of the wire
# The vocoder wants the newest of its vectors centred this far behind the start of its step.
LOOKAHEAD = 240


class Description:
    """One payload on the time axis of the receiver (16 kHz samples of output)."""

    def __init__(self, models: Models, packet: bytes, start: int) -> None:
        """start: time of the packet's first decoded sample."""
        self._decoder = Handle("decoder", models)
        self.start = start
        self.steps = 0
        offset, size, frame = (ffi.new("int *") for _ in range(3))
        if lib.dred_packet_find(packet, len(packet), offset, size, frame) == lib.DRED_OK:
            payload = packet[offset[0] : offset[0] + size[0]]
            chunks = lib.dred_decoder_parse(
                self._decoder.raw, payload, len(payload), frame[0], lib.DRED_MAX_CHUNKS
            )
            self.steps = max(0, chunks) * lib.DRED_CHUNK_STEPS
        self.offset = lib.dred_decoder_offset(self._decoder.raw) if self.steps else 0

    @property
    def end(self) -> int:
        """Time at which the newest described step ends."""
        return self.start + UNIT * self.offset

    def index(self, centre: int) -> int:
        """The vector whose centre, end - 160 (k + 1), lies nearest to a time (the same rule as the
        reference's floor, stated for the centre)."""
        return (self.end - centre - STEP + STEP // 2) // STEP

    def covers(self, centre: int) -> bool:
        """Whether there is a vector for this time."""
        return 0 <= self.index(centre) < self.steps

    def vector(self, centre: int) -> Floats | None:
        """The vector for this time, or None."""
        if not self.covers(centre):
            return None
        out = np.zeros(lib.DRED_FEATURES, np.float32)
        check(lib.dred_decoder_features(self._decoder.raw, self.index(centre), pointer(out)))
        return out


def vectors(
    descriptions: list[Description], step_start: int, wanted: int
) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """Vectors [wanted, 20] for the step that starts at this time, and which of them are known.

    The last one is the step's own, those before it belong to the steps before (a vocoder that
    starts needs them). The first description that covers a time serves it.
    """
    rows = np.zeros((wanted, lib.DRED_FEATURES), np.float32)
    known = np.zeros(wanted, np.uint8)
    for i in range(wanted):
        centre = step_start + LOOKAHEAD - (wanted - 1 - i) * STEP
        for description in descriptions:
            row = description.vector(centre)
            if row is not None:
                rows[i], known[i] = row, 1
                break
    return rows, known
