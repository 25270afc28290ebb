# SPDX-License-Identifier: BSD-3-Clause
"""How many bits go to DRED, and at which quantiser levels; knows no audio and no packets.

The figures are measured ones: mean bits of a latent vector and of an initial state at each of the
sixteen quantiser levels, as the statistics tables of the bitstream give them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

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

# What a level does to the features: the statistics were trained with rate-distortion weights from
# 0.0002 (finest) to 0.04 (coarsest) in equal ratios: each step down costs weight times bits saved.
_WEIGHTS = 2e-4 * 200 ** ((np.arange(LEVELS - 1) + 0.5) / (LEVELS - 1))
DAMAGE = np.concatenate([[0.0], np.cumsum(_WEIGHTS * -np.diff(LATENT_BITS))])

# Probability that a gap needs a chunk: the first two serve every gap, older ones the longer bursts.
AGE_DECAY, AGE_FLOOR = 0.5, 0.01
NEEDED = np.minimum(1.0, AGE_DECAY ** (np.arange(MAX_CHUNKS) - 1.0) + AGE_FLOOR)

# (total, regular) kb/s of the best split that was measured at 20 % loss, without and with LBRR
# (which libopus does not send in wide-band frames below about 21 kb/s).
REGULAR = ((12, 8), (24, 12), (32, 14), (40, 17), (48, 19), (64, 27), (96, 52), (128, 82))
REGULAR_LBRR = ((24, 24), (32, 23), (40, 24), (48, 26), (64, 34), (96, 60), (128, 90))
TUNED_LOSS_PERCENT = 20


@dataclass(frozen=True)
class Levels:
    """Quantiser settings of one payload."""

    q0: int
    dq: int
    qmax: int


@lru_cache(maxsize=1)
def _settings() -> tuple[list[Levels], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """All settings; their expected bits and expected damage, [setting, chunks sent - 1]."""
    header = ffi.new("dred_payload_header *")
    rows = []
    for q0 in range(LEVELS):
        for dq in range(8):
            for qmax in sorted({15, 12, 9, min(q0 + 4, 15)}) if dq and q0 < 14 else (15,):
                if dq and qmax <= q0:
                    continue
                header.q0, header.dq, header.qmax = q0, dq, qmax
                levels = np.array([lib.dred_quantizer_level(header, i) for i in range(MAX_CHUNKS)])
                bits = HEADER_BITS + STATE_BITS[q0] + np.cumsum(LATENT_BITS[levels])
                rows.append((Levels(q0, dq, qmax), bits, np.cumsum(NEEDED * DAMAGE[levels])))
    settings, bits, damage = zip(*rows, strict=True)
    return list(settings), np.array(bits), np.array(damage)


def choose_levels(chunks: int, bits: float) -> Levels:
    """The least damaging setting whose payload of this many chunks should fit.

    The cheapest where none fits: fewer chunks will then be coded.
    """
    settings, expected, damage = _settings()
    cost = expected[:, chunks - 1]
    fitting = np.where(cost <= bits, damage[:, chunks - 1], np.inf)
    index = int(np.argmin(fitting))
    return settings[index if cost[index] <= bits else int(np.argmin(cost))]


def regular_bitrate(total: int, loss_percent: int, lbrr: bool) -> int:
    """Bits per second for the regular frames (LBRR included) of a stream with DRED.

    With less loss announced than the tables were measured at, redundancy gets less: its worth falls
    with the share of time in which it is heard, and what it costs falls slower, hence the root.
    """
    rates, shares = zip(*(REGULAR_LBRR if lbrr else REGULAR), strict=True)
    kbps = total / 1000
    if kbps <= rates[0]:
        tuned = kbps * shares[0] / rates[0]
    elif kbps >= rates[-1]:
        tuned = kbps - rates[-1] + shares[-1]
    else:
        tuned = float(np.interp(kbps, rates, shares))
    worth = min(1.0, loss_percent / TUNED_LOSS_PERCENT) ** 0.5
    return int(1000 * (kbps - worth * (kbps - tuned)))


class Budget:
    """Bits for DRED, packet by packet, so that the whole stream keeps its bitrate.

    The payload follows the long-term balance alone: regular frames are large just where speech is
    hard to conceal, and must not push it aside.
    """

    HORIZON = 50  # packets in which a saving or a debt is to be worked off
    LEAST, MOST = 0.6, 1.6  # a packet's payload against the mean

    def __init__(self, packet_bits: float, mean_bits: float) -> None:
        self._packet_bits = packet_bits
        self._mean = max(mean_bits - 8 * SIGNALLING_BYTES, 1.0)
        self._saved = 0.0

    def allowance(self) -> float:
        """Bits for the payload of the next packet."""
        bits = self._mean + self._saved / self.HORIZON
        return min(max(bits, self.LEAST * self._mean), self.MOST * self._mean)

    def spend(self, packet_bytes: int) -> None:
        """Account for a finished packet."""
        limit = self.HORIZON * self._mean
        self._saved += self._packet_bits - 8 * packet_bytes
        self._saved = min(max(self._saved, -limit), limit)
