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
# A vector is the mean of so many descriptions, the best of so many that cover its time. Packets in
# a row code chunks that overlap by half, so that much of their errors is not common to them.
FUSED, SEARCHED = 2, 4
# Squared error of a vector: so much more per quantiser level, and so much more behind the newest
# chunk, which the initial state describes as well (measured, of the cepstrum).
ERROR_PER_LEVEL, ERROR_OLDER = 1.15, 1.4
PITCH = 18  # its place in a vector
SAME_PITCH = 0.1  # octaves; what differs by more has no meaningful mean


def fused(rows: list[Floats], errors: list[float]) -> Floats:
    """Mean of vectors of one time, the best first, weighted by their expected squared errors.

    The weight is 1 / error^2: a part of the error is common to all, so that the inverse would give
    the worse ones too much.
    """
    weights = np.array(errors, np.float32) ** -2
    mean: Floats = (weights / weights.sum()) @ np.stack(rows)
    pitch = np.array([row[PITCH] for row in rows])
    alike = weights * (np.abs(pitch - pitch[0]) < SAME_PITCH)
    mean[PITCH] = (alike / alike.sum()) @ pitch
    return mean


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

    def error(self, centre: int) -> float:
        """Expected squared error of the vector for a time that is covered, in units of that of the
        finest possible."""
        k = self.index(centre)
        level = check(lib.dred_decoder_level(self._decoder.raw, k))
        older: float = 1.0 if k < lib.DRED_CHUNK_STEPS else ERROR_OLDER
        return older * ERROR_PER_LEVEL**level

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
        """The vector for this time out of the best packets that have one, or None."""
        best = sorted(self._covering(centre), key=lambda known: known.error(centre))[:FUSED]
        rows = [row for known in best if (row := known.vector(centre)) is not None]
        return fused(rows, [known.error(centre) for known in best]) if rows else None

    def _covering(self, centre: int) -> list[Description]:
        """The first descriptions of this time: of a later one's, too little would come to be worth
        its decoding."""
        covering: list[Description] = []
        for number, packet, start in self._waiting:
            if start - centre > REACH or len(covering) == SEARCHED:
                break
            if number not in self._made:
                self._made[number] = Description(self._models, packet, start)
            if self._made[number].covers(centre):
                covering.append(self._made[number])
        return covering

    def cover(self, begin: int, end: int) -> bool:
        """Whether every step of a gap that begins and ends at these times has its vector: all that
        `vectors` will be asked for."""
        starts = range(begin - 2 * STEP, end, STEP)
        return all(self._covering(start + LOOKAHEAD) for start in starts)

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
