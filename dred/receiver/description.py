# SPDX-License-Identifier: BSD-3-Clause
"""Feature vectors by time, out of the DRED of the packets that are here; makes no audio."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dred._core import ffi, lib
from dred._native import Floats, Handle, check, pointer
from dred.models import Models
from dred.receiver.bridge import Bridge

STEP = lib.DRED_STEP
UNIT = 40  # 16 kHz samples in the 2.5 ms of the wire
# The vocoder wants the newest of its vectors centred this far behind the start of its step.
LOOKAHEAD = 240
# No payload reaches further back than this from the start of its packet, silence left out included.
REACH = 5 * lib.DRED_SAMPLE_RATE


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


class Descriptions:
    """The payloads of the packets that wait, each decoded when a time first needs it."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._waiting: list[tuple[int, bytes, int]] = []
        self._made: dict[int, Description] = {}
        self.bridge: Bridge | None = None

    def look_at(self, waiting: list[tuple[int, bytes, int]]) -> None:
        """Packets here now, in order: (number, packet, time of its first decoded sample)."""
        self._waiting = waiting
        numbers = {number for number, _, _ in waiting}
        self._made = {number: made for number, made in self._made.items() if number in numbers}
        for number, _, start in waiting:
            if number in self._made:  # a lost frame may have been longer than was thought
                self._made[number].start = start

    def vector(self, centre: int) -> Floats | None:
        """The vector for this time out of the earliest packet that has one, or None."""
        for number, packet, start in self._waiting:
            if start - centre > REACH:
                return None
            if number not in self._made:
                self._made[number] = Description(self._models, packet, start)
            row = self._made[number].vector(centre)
            if row is not None:
                return row
        return None

    def vectors(self, step_start: int, wanted: int) -> tuple[Floats, npt.NDArray[np.uint8]]:
        """Vectors [wanted, 20] for the step that starts at this time, and which are known.

        The last one is the step's own, those before it belong to the steps before: a vocoder that
        starts needs them.
        """
        rows = np.zeros((wanted, lib.DRED_FEATURES), np.float32)
        known = np.zeros(wanted, np.uint8)
        for i in range(wanted):
            centre = step_start + LOOKAHEAD - (wanted - 1 - i) * STEP
            row = self.vector(centre)
            if row is None and self.bridge is not None:
                row = self.bridge.vector(centre)
            if row is not None:
                rows[i], known[i] = row, 1
        return rows, known
