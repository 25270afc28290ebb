# SPDX-License-Identifier: BSD-3-Clause
"""Markov chains of any order: losses that depend on the fate of the last n packets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dred.errors import LossModelError, TraceError
from dred.traces.formats import Trace
from dred.traces.models import DEFAULT_PACKET_MS

MAX_ORDER = 10
BURN_IN = 1000  # packets, until the beginning is forgotten


@dataclass(frozen=True)
class Markov:
    """p: [2^n], probability of loss after each history. Its number: the fate of the last n packets
    as binary digits, 1 for lost, the newest last."""

    p: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.p) not in {1 << order for order in range(1, MAX_ORDER + 1)}:
            raise LossModelError(
                f"markov: {len(self.p)} probabilities; it takes 2 for order 1, 4 for order 2, "
                f"and so on up to order {MAX_ORDER}"
            )

    @property
    def order(self) -> int:
        return len(self.p).bit_length() - 1

    def draw(
        self, packets: int, rng: np.random.Generator, packet_ms: float = DEFAULT_PACKET_MS
    ) -> Trace:
        history, mask = 0, len(self.p) - 1
        flags = np.zeros(BURN_IN + packets, np.uint8)
        for i, chance in enumerate(rng.random(len(flags)).tolist()):
            lost = chance < self.p[history]
            flags[i] = lost
            history = (history << 1 | lost) & mask
        return flags[BURN_IN:]


def histories(flags: Trace, order: int) -> npt.NDArray[np.int64]:
    """Number of the history before each packet from number `order` on, [n - order]."""
    found = np.zeros(max(0, len(flags) - order), np.int64)
    for age in range(order, 0, -1):
        found = found << 1 | flags[order - age : len(flags) - age]
    return found


def fit_markov(flags: Trace, order: int) -> Markov:
    """Maximum likelihood: the share lost after each history. After one that never came, the share
    lost of all."""
    if not 1 <= order <= MAX_ORDER:
        raise ValueError(f"order: expected 1..{MAX_ORDER}, got {order}")
    if len(flags) <= order:
        raise TraceError(f"{len(flags)} packets are too few for a chain of order {order}")
    states = histories(flags, order)
    seen = np.bincount(states, minlength=1 << order)
    lost = np.bincount(states, flags[order:], 1 << order)
    shares = np.where(seen > 0, lost / np.maximum(seen, 1), flags.mean())
    return Markov(tuple(shares.tolist()))
