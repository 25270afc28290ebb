# SPDX-License-Identifier: BSD-3-Clause
"""How often the past of a given age will have to be described; knows no bits and no levels.

A packet's description is heard when packets before it were lost. Where every packet carries one,
what is d packets old is needed if a burst of losses was at least d packets long: most losses are
single ones and need the newest chunk alone; everything older is worth the less, the shorter the
bursts are. Where only every second or third packet does, each is needed for more of the past.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dred._core import lib

MAX_CHUNKS: int = lib.DRED_MAX_CHUNKS
STEP_MS = 10
STEPS_PER_CHUNK = 4

# Mean burst in packets of 20 ms where real calls lose a fifth: four of five losses belong to short
# bursts, the rest to others that are longer than the mean by LONGER_BY on average.
TYPICAL_BURST = 1.9
SHORT_BURST, LONGER_BY = 1.35, 2.4
TYPICAL_LOSS = 0.2
# Statistics are never known exactly: each age is needed after so many of all bursts at least.
UNFORESEEN = 0.001
# Bursts that outlast what most payloads describe are rare, but hold a tenth of all losses. Where
# the receiver waits long enough to hear several payloads, and they have bits to spare, every third
# goes further back (24 validation files, PESQ: 48 kb/s +.067, 32: +.017; 24, with 456 bits: -.019).
FAR_EVERY, FAR_BURST, FAR_WAIT_MS, FAR_BITS = 3, 8.0, 600.0, 550
# The step that lies in the packet itself is spoken as well, to fade from it, but heard half.
RUN_ON = 0.5

Weights = npt.NDArray[np.float64]


def survival(burst: float, packets: int) -> Weights:
    """Probability that a burst of losses lasts at least 1, 2, ... packets.

    burst: mean length in packets, 1 or more. A mixture of two geometric distributions: one of short
    bursts, which is the same at any mean, and one of long bursts, which make the mean what it is.
    """
    share, ends = _mixture(burst)
    ages = np.arange(packets)
    return (1 - share) * (1 - ends[0]) ** ages + share * (1 - ends[1]) ** ages


def _mixture(burst: float) -> tuple[float, tuple[float, float]]:
    """Share of long bursts, and how likely each packet ends a short one and a long one."""
    if not burst >= 1:
        raise ValueError(f"burst: expected a mean length of at least 1 packet, got {burst}")
    short, long = min(burst, SHORT_BURST), burst + LONGER_BY
    return (burst - short) / (long - short), (1 / short, 1 / long)


@dataclass(frozen=True)
class Need:
    """What decides how often the past is needed.

    burst: mean length of losses in packets. lbrr: whether the packet behind a frame brings it back.
    spacing: packets from one payload to the next. wait_ms: play-out delay; what comes later comes
    in vain. None: no limit. loss: share of packets; it says how soon one burst follows another.
    """

    burst: float = TYPICAL_BURST
    frame_ms: int = 20
    lbrr: bool = False
    spacing: int = 1
    wait_ms: float | None = None
    loss: float = TYPICAL_LOSS


def turns(need: Need, bits: float) -> tuple[Need, ...]:
    """What a stream's payloads of so many bits are made for, one after another, over and over."""
    if need.wait_ms is None or need.wait_ms < FAR_WAIT_MS or bits < FAR_BITS:
        return (need,)
    far = replace(need, burst=max(need.burst, FAR_BURST))
    return (need,) * (FAR_EVERY - 1) + (far,)


@lru_cache(maxsize=64)
def needed(need: Need) -> Weights:
    """Weight of each of 26 chunks, newest first, in packets per burst.

    Vector k of a description serves the step that ends 10 (k - 1) ms before its packet: vector 0 a
    step inside it, vectors 1 and 2 the frame before (of 20 ms), and so on. A lost frame needs the
    first payload behind it that arrives; with LBRR the one before a packet that does needs none.
    """
    frame_ms = need.frame_ms
    vectors = np.arange(MAX_CHUNKS * STEPS_PER_CHUNK)
    ages = -(-vectors * STEP_MS // frame_ms)  # in packets; 0: the packet itself
    lost, left = _chances(need, int(ages[-1]) + 1)
    if need.wait_ms is not None:
        timely = np.arange(len(lost)) * frame_ms <= need.wait_ms
        lost, left = lost * timely, left * timely
    oldest_in_time = 2 if need.lbrr else 1
    lost[oldest_in_time:] = np.maximum(lost[oldest_in_time:], UNFORESEEN)
    weights = lost[ages]
    first_steps = weights[:: frame_ms // STEP_MS]  # of each frame
    first_steps += RUN_ON * left[: len(first_steps)]
    weights *= STEP_MS / frame_ms / need.spacing
    chunks = weights.reshape(MAX_CHUNKS, STEPS_PER_CHUNK).sum(axis=1)
    chunks.flags.writeable = False
    return chunks


def _chances(need: Need, ages: int) -> tuple[Weights, Weights]:
    """For packets 0, 1, ... before a payload, per burst: how often the frame is lost, and how often
    it follows a lost one, where this payload is the first to arrive that describes it.

    Losses are a Markov chain with three states: none, and the two kinds of bursts of `survival`. A
    frame that LBRR brings back is not lost, and can follow a lost one."""
    long_share, ends = _mixture(need.burst)
    begins = need.loss / ((1 - need.loss) * need.burst)
    chain = np.array([
        [1 - begins, begins * (1 - long_share), begins * long_share],
        [ends[0], 1 - ends[0], 0.0],
        [ends[1], 0.0, 1 - ends[1]],
    ])  # fmt: skip
    arrives, fails = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 1.0])
    lost_now = np.array([0.0, (1 - long_share) / ends[0], long_share / ends[1]])
    lost_next = lost_now @ chain  # the state one packet later, and two
    lost_both = (lost_next * fails) @ chain
    # By the state so many packets before the payload: that it arrives, and none until then did.
    ahead = [arrives]
    for age in range(1, ages + 1):
        here = fails if age % need.spacing == 0 else 1.0
        ahead.append(here * (chain @ ahead[-1]))
    behind = np.array([arrives * 0, *ahead[:-1]])  # the same, one packet later
    if not need.lbrr:
        return behind @ lost_next, np.array(ahead) @ (lost_next * arrives)
    return behind @ (lost_next * fails), behind @ (lost_both * arrives)
