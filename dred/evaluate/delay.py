# SPDX-License-Identifier: BSD-3-Clause
"""How long a receiver had to wait for what its frames were made from; knows no audio.

A scheme that brings a frame back with a later packet needs a play-out delay to use it: one frame
for LBRR, a whole burst for DRED. That delay is part of its price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dred.packet import Packet
from dred.simulate import Simulation, find_scheme


@dataclass(frozen=True)
class Delay:
    """ms beyond what the fastest packet takes, over the frames that are not made up: the wait that
    serves 95 % of them, and all."""

    p95_ms: float
    longest_ms: float


def needed_delay(result: Simulation) -> Delay:
    """Zeros where every frame is made up."""
    transit, copies = result.transit, find_scheme(result.scheme).red
    base = float(np.min(transit.arrival_ms - transit.sent_ms, initial=np.inf))
    # From each packet on, the next arrival of one that describes the past: not every packet does.
    describes = [Packet(packet).dred_payload() is not None for packet in result.sent.packets]
    carriers = np.where(describes, transit.arrival_ms, np.inf)
    soonest = np.minimum.accumulate(carriers[::-1])[::-1]
    waits = []
    for i, source in enumerate(result.sources[: len(transit)]):
        if source == "regular":
            came = transit.arrival_ms[i]
        elif source == "red":
            came = transit.arrival_ms[i + 1 : i + 1 + copies].min(initial=np.inf)
        elif source == "lbrr":
            came = transit.arrival_ms[i + 1 : i + 2].min(initial=np.inf)
        elif source == "dred":
            came = soonest[i + 1] if i + 1 < len(soonest) else np.inf
        else:
            continue
        waits.append(came - transit.sent_ms[i] - base)
    known = np.array([wait for wait in waits if np.isfinite(wait)])
    if not len(known):
        return Delay(0.0, 0.0)
    return Delay(float(np.quantile(known, 0.95)), float(known.max()))
