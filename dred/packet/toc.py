# SPDX-License-Identifier: BSD-3-Clause
"""The first byte of an Opus packet (RFC 6716 section 3.1); knows nothing of what follows it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dred.errors import PacketError
from dred.units import units_to_ms

# Per mode: durations in units of 2.5 ms, in the order of the configuration's low bits.
_SILK_UNITS = (4, 8, 16, 24)
_HYBRID_UNITS = (4, 8)
_CELT_UNITS = (1, 2, 4, 8)
_SILK_BANDS = ("nb", "mb", "wb")
_HYBRID_BANDS = ("swb", "fb")
_CELT_BANDS = ("nb", "wb", "swb", "fb")


@dataclass(frozen=True)
class Toc:
    """Mode ("silk", "hybrid", "celt"), bandwidth ("nb", "mb", "wb", "swb", "fb"), duration of a
    frame, channels, and the code that says how frames are packed (0 to 3)."""

    byte: int
    mode: str
    bandwidth: str
    frame_units: int
    stereo: bool
    code: int

    @classmethod
    def parse(cls, data: bytes | int) -> Toc:
        """From a packet or from its first byte."""
        if isinstance(data, int):
            if not 0 <= data <= 255:
                raise ValueError(f"not a byte: {data}")
            byte = data
        else:
            if not len(data):
                raise PacketError("empty packet")
            byte = data[0]
        return cls._of(byte)

    @classmethod
    @lru_cache(maxsize=256)
    def _of(cls, byte: int) -> Toc:
        config = byte >> 3
        if config < 12:
            mode, bandwidth, units = "silk", _SILK_BANDS[config >> 2], _SILK_UNITS[config & 3]
        elif config < 16:
            mode, bandwidth = "hybrid", _HYBRID_BANDS[(config - 12) >> 1]
            units = _HYBRID_UNITS[config & 1]
        else:
            mode, bandwidth = "celt", _CELT_BANDS[(config - 16) >> 2]
            units = _CELT_UNITS[config & 3]
        return cls(byte, mode, bandwidth, units, bool(byte & 4), byte & 3)

    @property
    def frame_ms(self) -> float:
        return units_to_ms(self.frame_units)

    @property
    def channels(self) -> int:
        return 2 if self.stereo else 1
