# SPDX-License-Identifier: BSD-3-Clause
"""At which quantiser levels, and how far back, a payload describes the past; knows no bitrate.

Expected damage is the sum over chunks of how often one is needed times what its level does to it.
For every number of chunks that the past has, only the settings matter that some price of a bit
makes the best ones: the convex hull of damage over bits.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dred._core import ffi, lib
from dred.allocation.need import MAX_CHUNKS, Need, needed
from dred.allocation.tables import tables

LEVELS: int = lib.DRED_LEVELS
HEADER_BITS = 18  # q0, dQ, offset, qmax, and half a byte of rounding


@dataclass(frozen=True)
class Levels:
    """Quantiser settings of one payload, and how many chunks it describes at most."""

    q0: int
    dq: int
    qmax: int
    chunks: int


class Choice:
    """The settings worth choosing, cheapest first. bits, damage: expected ones of each; damage per
    burst of losses."""

    def __init__(
        self,
        settings: npt.NDArray[np.int64],
        bits: npt.NDArray[np.float64],
        damage: npt.NDArray[np.float64],
    ) -> None:
        keep = _hull(bits, damage)
        self.settings, self.bits, self.damage = settings[keep], bits[keep], damage[keep]
        # Damage that the last bit before each setting saved, and the first one behind it would.
        slopes = -np.diff(self.damage) / np.diff(self.bits)
        self._falling: list[float] = (-slopes).tolist()
        self._levels = [Levels(*each) for each in self.settings.tolist()]
        # A single setting, where LBRR spares the only chunk, is the best one at any price.
        around = np.concatenate([slopes[:1], slopes, slopes[-1:]]) if len(slopes) else np.ones(2)
        self._prices = np.log(np.maximum(around[:-1] * around[1:], 1e-30)) / 2

    def at(self, price: float) -> Levels:
        """The best setting where a bit costs this much damage."""
        return self._levels[bisect_left(self._falling, -price)]

    def price(self, bits: float) -> float:
        """That at which the best setting takes about so many bits."""
        return float(np.exp(np.interp(bits, self.bits, self._prices)))

    def damage_at(self, bits: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Least expected damage for so many bits; what cannot be had for them counts as the
        cheapest setting and more, in proportion."""
        wanted = np.asarray(bits, np.float64)
        slope = -self._falling[0] if self._falling else 0.0
        missing = np.maximum(self.bits[0] - wanted, 0.0)
        return np.interp(wanted, self.bits, self.damage) + slope * missing


class Choices:
    """The choice for a past of 1, 2, ... 26 chunks: `choices[n - 1]`, worked out when asked for."""

    def __init__(self, need: Need) -> None:
        table = tables()
        self._settings, levels = _legal_settings()
        state_bits = table.state_bits[self._settings[:, 0], None]
        self._bits = HEADER_BITS + state_bits + np.cumsum(table.latent_bits[levels], axis=1)
        weights = needed(need)
        saved = np.cumsum(weights * (table.undescribed - table.chunk_damage[levels]), axis=1)
        # Of all that is lost, described in time or not.
        everything = needed(replace(need, spacing=1, wait_ms=None)).sum()
        self._damage = everything * table.undescribed - saved
        self._made: dict[int, Choice] = {}

    def __getitem__(self, index: int) -> Choice:
        most = range(MAX_CHUNKS)[index] + 1
        if most not in self._made:
            counts = np.arange(1, most + 1)
            rows = np.repeat(self._settings, most, axis=0)
            rows = np.column_stack([rows, np.tile(counts, len(self._settings))])
            self._made[most] = Choice(
                rows, self._bits[:, :most].ravel(), self._damage[:, :most].ravel()
            )
        return self._made[most]


@lru_cache(maxsize=64)
def choices(need: Need) -> Choices:
    """One table per kind of stream, shared by all senders."""
    return Choices(need)


@lru_cache(maxsize=1)
def _legal_settings() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All (q0, dq, qmax), and the level of each chunk under them, [setting, 26]."""
    header = ffi.new("dred_payload_header *")
    settings, levels = [], []
    for q0 in range(LEVELS):
        for dq in range(8):
            # Without a slope, and next to the coarsest level, qmax means nothing.
            for qmax in range(q0 + 1, LEVELS) if dq and q0 < LEVELS - 2 else (LEVELS - 1,):
                header.q0, header.dq, header.qmax = q0, dq, qmax
                settings.append((q0, dq, qmax))
                levels.append([lib.dred_quantizer_level(header, i) for i in range(MAX_CHUNKS)])
    return np.array(settings), np.array(levels)


def _hull(bits: npt.NDArray[np.float64], damage: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Points of the lower left hull, by bits: each saves less per bit than the one before."""
    order = np.lexsort((damage, bits))
    before = np.minimum.accumulate(damage[order])
    order = order[np.concatenate([[True], damage[order][1:] < before[:-1]])]
    hull: list[tuple[float, float, int]] = []
    for x, y, point in zip(bits[order], damage[order], order, strict=True):
        while len(hull) > 1 and _is_above(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y, point))
    return np.array([point for _, _, point in hull])


def _is_above(left: tuple[float, ...], middle: tuple[float, ...], right: tuple[float, ...]) -> bool:
    """Whether the second of three points lies on or above the line between the others."""
    before = (middle[1] - left[1]) * (right[0] - middle[0])
    return before >= (right[1] - middle[1]) * (middle[0] - left[0])
