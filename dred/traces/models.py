# SPDX-License-Identifier: BSD-3-Clause
"""Loss models: from a text such as `gilbert:p=0.06,r=0.25` to traces; knows no codec.

The random generator is handed in, so that a seed repeats a trace.

    bernoulli:p=0.2                  every packet is lost with probability p
    gilbert:p=0.06,r=0.25[,h=0,k=1]  Gilbert-Elliott: p = good to bad, r = bad to good,
                                     h, k = a packet arrives in the bad, the good state
    burst:every=2s,length=300ms      a burst of this length at the end of every period
    trace:FILE                       a recorded trace, repeated where it is too short
"""

import re
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np

from dred.errors import TraceError
from dred.traces.formats import Trace, read_trace

# Duration of a packet where the caller names none.
DEFAULT_PACKET_MS = 20.0


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
            raise TraceError("gilbert: p and r are both 0, so its state never changes")

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
            raise TraceError("burst: length must be positive and at most every")

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


USAGE = "bernoulli:p=0.2, gilbert:p=0.06,r=0.25, burst:every=2s,length=300ms or trace:FILE"


def parse_model(text: str) -> LossModel:
    """A loss model from its text."""
    kind, _, rest = text.partition(":")
    if kind == "trace" and rest:
        return Recorded(read_trace(rest))
    if kind == "bernoulli":
        return Bernoulli(**_probabilities(text, rest, Bernoulli))
    if kind == "gilbert":
        return GilbertElliott(**_probabilities(text, rest, GilbertElliott))
    if kind == "burst":
        values = _parameters(text, rest, {"every", "length"}, {"every", "length"})
        return Bursts(*(_milliseconds(values[name], text) for name in ("every", "length")))
    raise TraceError(f"unknown loss model {text!r}; use {USAGE}")


def _parameters(text: str, rest: str, known: set[str], needed: set[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        name, equals, value = part.partition("=")
        if not equals or name not in known or name in values:
            raise TraceError(f"loss model {text!r}: {part!r} is not understood; use {USAGE}")
        values[name] = value
    for name in sorted(needed - set(values)):
        raise TraceError(f"loss model {text!r}: {name} is missing; use {USAGE}")
    return values


def _probabilities(text: str, rest: str, model: type) -> dict[str, float]:
    names = {field.name for field in fields(model)}
    needed = {"p", "r"} & names
    values = {}
    for name, value in _parameters(text, rest, names, needed).items():
        try:
            values[name] = float(value)
        except ValueError:
            values[name] = float("nan")
        if not 0 <= values[name] <= 1:
            raise TraceError(f"loss model {text!r}: {name} must be from 0 to 1, not {value!r}")
    return values


def _milliseconds(text: str, model: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", text, re.ASCII)
    if match is None:
        raise TraceError(f"loss model {model!r}: {text!r} is no duration such as 300ms or 2s")
    return float(match[1]) * (1000 if match[2] == "s" else 1)
