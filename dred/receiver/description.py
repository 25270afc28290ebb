# SPDX-License-Identifier: BSD-3-Clause
"""Feature vectors by time, out of the DRED of the packets that are here; makes no audio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from dred._core import ffi, lib
from dred._native import Floats, Handle, check, pointer
from dred.models import Models
from dred.receiver.bridge import Bridge

STEP = lib.DRED_STEP
# The vocoder wants the newest of its vectors centred this far behind the start of its step.
LOOKAHEAD = 240
# No payload reaches further back than this from the start of its packet, silence left out included.
REACH = 5 * lib.DRED_SAMPLE_RATE
# A vector is made from the first so many payloads that describe its time.
SEARCHED: int = lib.DRED_FEATURES_FROM


class Descriptions:
    """The payloads of the packets that wait, each parsed when a time first needs it."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._version = models.profile.version
        self._waiting: list[tuple[int, bytes]] = []
        self._start_of: Callable[[int], int] = int
        self._looked = 0  # so many of them were looked at
        self._decoders: list[Any] = []  # of those of them that describe something
        self._starts: list[int] = []
        # By number, over several looks: the packet and its decoder, None where it holds no payload.
        self._parsed: dict[int, tuple[bytes, Handle | None]] = {}
        self._idle: list[Handle] = []
        self.bridge: Bridge | None = None

    def look_at(self, waiting: list[tuple[int, bytes]], start_of: Callable[[int], int]) -> None:
        """Packets here now, in order: (number, packet). start_of: time of the first decoded sample
        of the packet with a number, in 16 kHz samples of output."""
        self._waiting, self._start_of = waiting, start_of
        self._looked = 0
        self._decoders, self._starts = [], []
        for number in [n for n in self._parsed if not waiting or n < waiting[0][0]]:
            self._forget(number)

    def _forget(self, number: int) -> None:
        _, decoder = self._parsed.pop(number)
        if decoder is not None:
            self._idle.append(decoder)

    def _look_further(self, centre: int) -> bool:
        """Take up the next packet that describes something; False where none can reach back to
        this time."""
        while self._looked < len(self._waiting):
            number, packet = self._waiting[self._looked]
            start = self._start_of(number)
            if start - centre > REACH:
                return False
            self._looked += 1
            decoder = self._parse(number, packet)
            if decoder is not None:
                self._decoders.append(decoder.raw)
                self._starts.append(start)
                return True
        return False

    def _parse(self, number: int, packet: bytes) -> Handle | None:
        """The decoder that holds this packet's payload, None where it has none."""
        if number in self._parsed:
            if self._parsed[number][0] is packet:
                return self._parsed[number][1]
            self._forget(number)  # another stream began
        decoder = None
        offset, size, frame = (ffi.new("int *") for _ in range(3))
        if lib.dred_packet_find(packet, len(packet), self._version, offset, size, frame) >= 0:
            decoder = self._idle.pop() if self._idle else Handle("decoder", self._models)
            payload = packet[offset[0] : offset[0] + size[0]]
            check(
                lib.dred_decoder_parse(
                    decoder.raw, payload, len(payload), frame[0], lib.DRED_MAX_CHUNKS
                )
            )
        self._parsed[number] = packet, decoder
        return decoder

    def _best(self, centre: int, out: Any) -> int:
        """Write the best vector for a time, unless out is NULL; how many payloads describe it."""
        count = len(self._decoders)
        found: int = lib.dred_features_at(self._decoders, self._starts, count, centre, out)
        return found

    @property
    def newest(self) -> int | None:
        """Of the payloads looked at, the newest time that any describes; None without one."""
        ends = [
            start + 40 * lib.dred_decoder_offset(decoder)
            for decoder, start in zip(self._decoders, self._starts, strict=True)
        ]
        return max(ends, default=None)

    def covers(self, centre: int) -> bool:
        """Whether there is a vector for this time. Of later packets than the first few that have
        one, too little would come to be worth their parsing."""
        found = self._best(centre, ffi.NULL)
        while found < SEARCHED and self._look_further(centre):
            found = self._best(centre, ffi.NULL)
        return found > 0

    def vector(self, centre: int) -> Floats | None:
        """The vector for this time out of the best packets that have one, or None."""
        if not self.covers(centre):
            return None
        row = np.zeros(lib.DRED_FEATURES, np.float32)
        self._best(centre, pointer(row))
        return row

    def reach(self, begin: int, end: int) -> bool:
        """Whether any step of a gap that begins and ends at these times has its vector."""
        return any(self.covers(start + LOOKAHEAD) for start in range(begin, end, STEP))

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
