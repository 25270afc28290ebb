# SPDX-License-Identifier: BSD-3-Clause
"""Loss models: which packets are lost, whatever they hold and whenever they come; knows no codec.

The random generator is handed in, so that a seed repeats a trace.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from dred.errors import LossModelError
from dred.traces.formats import Trace

# Duration of a packet where the caller names none.
DEFAULT_PACKET_MS = 20.0


@runtime_checkable
class LossModel(Protocol):
    """Something that draws traces."""

    def draw(
        self, packets: int, rng: np.random.Generator, packet_ms: float = DEFAULT_PACKET_MS
    ) -> Trace:
        """A trace of so many packets of packet_ms each."""


@dataclass(frozen=True)
class Bernoulli:
    """Independent losses."""

    p: float

    def draw(
        self, packets: int, rng: np.random.Generator, packet_ms: float = DEFAULT_PACKET_MS
    ) -> Trace:
        return (rng.random(packets) < self.p).astype(np.uint8)


@dataclass(frozen=True)
class GilbertElliott:
    """Two states, good and bad; the mean loss is (k' p_good + h' p_bad) with the stationary
    probabilities p_bad = p / (p + r), and h' = 1 - h, k' = 1 - k the losses in each state."""

    p: float
    r: float
    h: float = 0.0
    k: float = 1.0

    def __post_init__(self) -> None:
        if self.p + self.r == 0:
            raise LossModelError("gilbert: p and r are both 0, so its state never changes")

    def draw(
        self, packets: int, rng: np.random.Generator, packet_ms: float = DEFAULT_PACKET_MS
    ) -> Trace:
        is_bad = np.zeros(packets, bool)
        state = rng.random() < self.p / (self.p + self.r)
        at = 0
        while at < packets:
            leave = self.r if state else self.p
            stay = int(rng.geometric(leave)) if leave > 0 else packets
            is_bad[at : at + stay] = state
            at += stay
            state = not state
        return (rng.random(packets) >= np.where(is_bad, self.h, self.k)).astype(np.uint8)


@dataclass(frozen=True)
class Bursts:
    """Regular bursts, for demonstrations: the same number of ms in every period."""

    every_ms: float
    length_ms: float

    def __post_init__(self) -> None:
        if not 0 < self.length_ms <= self.every_ms:
            raise LossModelError(
                f"burst: length ({self.length_ms:g} ms) must be above 0 and at most every "
                f"({self.every_ms:g} ms); write burst:every=3s,length=1s to lose a second in three"
            )

    def draw(
        self, packets: int, rng: np.random.Generator, packet_ms: float = DEFAULT_PACKET_MS
    ) -> Trace:
        # Counted in whole packets, so that all bursts have the same length.
        period = max(1, round(self.every_ms / packet_ms))
        length = min(period, max(1, round(self.length_ms / packet_ms)))
        return (np.arange(packets) % period >= period - length).astype(np.uint8)


@dataclass(frozen=True)
class Recorded:
    """A trace from a file."""

    trace: Trace

    def draw(
        self, packets: int, rng: np.random.Generator, packet_ms: float = DEFAULT_PACKET_MS
    ) -> Trace:
        return np.resize(self.trace, packets)
