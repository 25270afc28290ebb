# SPDX-License-Identifier: BSD-3-Clause
"""How many bits go to DRED, and at which quantiser levels; knows no audio and no packets.

The figures are measured ones: mean bits of a latent vector and of an initial state at each of the
sixteen quantiser levels, as the statistics tables of the bitstream give them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dred._core import ffi, lib

MAX_CHUNKS = lib.DRED_MAX_CHUNKS
LEVELS = lib.DRED_LEVELS
HEADER_BITS = 18  # q0, dQ, offset, qmax, and half a byte of rounding
# Prefix, extension byte, count byte and padding length of a packet that had no padding.
SIGNALLING_BYTES = 5

LATENT_BITS = np.array(
    [64.7, 57.8, 50.9, 44.3, 37.8, 31.5, 25.5, 20.5, 17.4, 11.0, 8.6, 6.4, 5.2, 4.5, 3.9, 3.4]
)
STATE_BITS = np.array([158, 147, 135, 125, 115, 106, 98, 90, 81, 89, 83, 78, 70, 60, 51, 43.0])

# Probability that a chunk is the one needed falls by this much per 40 ms of age, down to a floor
# that stands for long bursts.
AGE_DECAY, AGE_FLOOR = 0.55, 0.02

# Share of the whole bitrate that the regular frames get: (total kb/s, regular kb/s).
REGULAR = ((12, 9), (16, 11), (24, 14), (32, 18), (40, 21), (48, 25), (64, 34), (96, 60), (128, 90))
REGULAR_LBRR = ((16, 13), (24, 18), (32, 23), (40, 28), (48, 33), (64, 44), (96, 68), (128, 96))


@dataclass(frozen=True)
class Levels:
    """Quantiser settings of one payload."""

    q0: int
    dq: int
    qmax: int


@lru_cache(maxsize=1)
def _settings() -> tuple[list[Levels], np.ndarray, np.ndarray]:
    """All settings, from fine to coarse; expected bits [setting, chunks]; the damage they do."""
    weights = AGE_DECAY ** np.arange(MAX_CHUNKS) + AGE_FLOOR
    header = ffi.new("dred_payload_header *")
    rows = []
    for q0 in range(LEVELS):
        for dq in range(8):
            for qmax in sorted({15, 12, 9, min(q0 + 4, 15)}) if dq and q0 < 14 else (15,):
                if dq and qmax <= q0:
                    continue
                header.q0, header.dq, header.qmax = q0, dq, qmax
                levels = np.array(
                    [lib.dred_quantizer_level(header, i) for i in range(MAX_CHUNKS)]
                )
                bits = HEADER_BITS + STATE_BITS[q0] + np.cumsum(LATENT_BITS[levels])
                rows.append((float(weights @ levels), Levels(q0, dq, qmax), bits))
    rows.sort(key=lambda row: row[0])
    return [row[1] for row in rows], np.array([row[2] for row in rows]), np.arange(len(rows))


def choose_levels(chunks: int, bits: float) -> tuple[Levels, float]:
    """The finest setting whose payload of this many chunks is expected to fit, and its bits.

    The coarsest where none fits: fewer chunks will then be coded.
    """
    settings, expected, _ = _settings()
    fitting = np.flatnonzero(expected[:, chunks - 1] <= bits)
    index = int(fitting[0]) if len(fitting) else int(np.argmin(expected[:, chunks - 1]))
    return settings[index], float(expected[index, chunks - 1])


def regular_bitrate(total: int, lbrr: bool) -> int:
    """Bits per second for the regular frames (LBRR included) of a stream with DRED."""
    table = REGULAR_LBRR if lbrr else REGULAR
    rates, shares = zip(*table, strict=True)
    if total <= rates[0] * 1000:
        return int(total * shares[0] / rates[0])
    if total >= rates[-1] * 1000:
        return total - (rates[-1] - shares[-1]) * 1000
    return int(np.interp(total / 1000, rates, shares) * 1000)


class Budget:
    """Bits for DRED, packet by packet, so that the whole stream keeps its bitrate.

    What easy packets leave is saved, up to a limit, and spent on hard ones.
    """

    SAVING_PACKETS = 12  # how many packets' allowance can be saved
    SPENDING = 0.15  # share of the savings that one packet may take
    MOST = 1.7  # a packet's payload against the mean

    def __init__(self, packet_bits: float, mean_bits: float) -> None:
        self._packet_bits = packet_bits
        self._mean = max(mean_bits, 1.0)
        self._saved = 0.0

    def allowance(self, regular_bytes: int) -> float:
        """Bits for the payload of the packet whose regular frame has this size."""
        left = self._packet_bits - 8 * (regular_bytes + SIGNALLING_BYTES)
        bits = left + self.SPENDING * self._saved
        return float(np.clip(bits, 0.4 * self._mean, self.MOST * self._mean))

    def spend(self, packet_bytes: int) -> None:
        """Account for a finished packet."""
        limit = self.SAVING_PACKETS * self._packet_bits
        self._saved += self._packet_bits - 8 * packet_bytes
        self._saved = float(np.clip(self._saved, -limit, limit))
