# SPDX-License-Identifier: BSD-3-Clause
"""The four parameters of a Gilbert-Elliott model from a trace, by maximum likelihood.

Baum-Welch (Baum et al. 1970) for two hidden states and observations 0 and 1. A trace is cut into
blocks that are walked in step, so that numpy does the work: what a block makes of the state before
it is a 2 x 2 matrix, and only these are chained one by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dred.errors import TraceError
from dred.traces.formats import Trace
from dred.traces.models import GilbertElliott

Array = npt.NDArray[np.float64]
NOTHING = 2  # observed where a trace has ended but its last block has not
MAX_ROUNDS = 60
# Gain of log-likelihood per round below which nothing changes any more.
ENOUGH = 1e-3
# More blocks than packets in each: numpy likes long rows.
PACKETS_PER_BLOCK = 100
# Parameters are climbed as logits, within these limits: 1e-5 off the ends of 0 to 1.
LIMIT = 11.5


@dataclass(frozen=True)
class _Counts:
    """What the E-step expects. States: 0 good, 1 bad."""

    log_likelihood: float
    moves: Array  # [from, to]
    packets: Array  # [state]
    losses: Array  # [state]


def fit_gilbert_elliott(flags: Trace) -> tuple[GilbertElliott, float]:
    """The model, whose bad state is the one that loses more, and its log-likelihood (natural)."""
    loss = float(flags.mean()) if len(flags) else 0.0
    if not 0 < loss < 1:
        raise TraceError("a Gilbert-Elliott model needs a trace in which some packets are lost")
    found, likelihood = _climb(_blocks(flags), _start(flags))
    p, r, good, bad = found.tolist()
    if good > bad:
        p, r, good, bad = r, p, bad, good
    return GilbertElliott(p, r, h=1 - bad, k=1 - good), likelihood


def _start(flags: Trace) -> Array:
    """p, r and the losses in both states, somewhere near: those of a plain Gilbert model."""
    before, after = flags[:-1] == 1, flags[1:] == 1
    p = after[~before].mean() if (~before).any() else 0.5
    r = (~after[before]).mean() if before.any() else 0.5
    return np.clip([0.7 * p, 0.7 * r, 0.2 * flags.mean(), 0.8], 0.001, 0.999)


def _climb(blocks: npt.NDArray[np.uint8], start: Array) -> tuple[Array, float]:
    """Baum-Welch, whose many small steps are foreseen (SQUAREM, Varadhan and Roland 2008): two
    steps show where they lead, and a jump there counts if it is no worse."""
    theta, best = start, -math.inf
    for _ in range(MAX_ROUNDS):
        first, likelihood = _improve(blocks, theta)
        second, middle = _improve(blocks, first)
        if likelihood - best < ENOUGH and middle - likelihood < ENOUGH:
            return second, middle
        best = middle
        here = _logits(theta)
        step = _logits(first) - here
        bend = _logits(second) - _logits(first) - step
        length = max(1.0, _norm(step) / max(_norm(bend), 1e-12))
        jump = np.clip(here + 2 * length * step + length**2 * bend, -LIMIT, LIMIT)
        landed, reached = _improve(blocks, 1 / (1 + np.exp(-jump)))
        theta = landed if reached >= middle else second
    return theta, best


def _norm(vector: Array) -> float:
    return float(np.sqrt(vector @ vector))


def _logits(theta: Array) -> Array:
    inside = np.clip(theta, 1e-12, 1 - 1e-12)
    return np.clip(np.log(inside / (1 - inside)), -LIMIT, LIMIT)


def _improve(blocks: npt.NDArray[np.uint8], theta: Array) -> tuple[Array, float]:
    """One step of Baum-Welch, and the log-likelihood of where it came from."""
    p, r, good, bad = theta.tolist()
    counts = _expect(blocks, np.array([[1 - p, p], [r, 1 - r]]), np.array([good, bad]))
    moving = counts.moves / counts.moves.sum(axis=1, keepdims=True)
    losing = counts.losses / counts.packets
    return np.array([moving[0, 1], moving[1, 0], *losing]), counts.log_likelihood


def _blocks(flags: Trace) -> npt.NDArray[np.uint8]:
    """The trace cut into rows of the same length, [packet in block, block]."""
    length = min(PACKETS_PER_BLOCK, len(flags))
    blocks = np.full((-(-len(flags) // length), length), NOTHING, np.uint8)
    blocks.ravel()[: len(flags)] = flags
    return np.ascontiguousarray(blocks.T)


def _expect(blocks: npt.NDArray[np.uint8], moving: Array, losing: Array) -> _Counts:
    """Forward and backward through all blocks."""
    seen = np.array([1 - losing, losing, [1.0, 1.0]])[blocks]  # [packet, block, state]
    length, count, _ = seen.shape
    # One step from state i to j that sees what there is to see: [packet, block, i, j].
    steps = moving * seen[:, :, None, :]
    stationary = np.array([moving[1, 0], moving[0, 1]]) / (moving[0, 1] + moving[1, 0])
    # The first packet of all comes from no state: any row is its stationary start.
    steps[0, 0] = stationary * seen[0, 0]

    whole = np.broadcast_to(np.eye(2), (count, 2, 2))
    for step in steps:
        whole = np.stack([_after(whole[:, 0], step), _after(whole[:, 1], step)], axis=1)
        whole /= whole.sum(axis=(1, 2))[:, None, None]
    entry = np.zeros((count, 2))
    exit_ = np.ones((count, 2))
    entry[0] = stationary
    for k in range(1, count):
        entry[k] = _normal(entry[k - 1] @ whole[k - 1])
    for k in range(count - 2, -1, -1):
        exit_[k] = _normal(whole[k + 1] @ exit_[k + 1])

    before = np.empty_like(seen)  # of each packet: the state given all before it
    log_likelihood = 0.0
    state = entry
    for t in range(length):
        before[t] = state
        state = _after(state, steps[t])
        scale = state.sum(axis=1)
        log_likelihood += float(np.log(scale).sum())
        state /= scale[:, None]
    after = np.empty_like(seen)  # of each packet: how the rest follows from the state in it
    follows = exit_
    for t in range(length - 1, -1, -1):
        after[t] = follows
        follows = _after(follows, steps[t].swapaxes(1, 2))
        follows /= follows.sum(axis=1)[:, None]

    pairs = before[..., None] * steps * after[:, :, None, :]
    pairs /= pairs.sum(axis=(2, 3), keepdims=True)
    real = blocks != NOTHING
    shares = pairs.sum(axis=2)
    moves = pairs[real].sum(axis=0) - pairs[0, 0]
    return _Counts(
        log_likelihood,
        moves,
        shares[real].sum(axis=0),
        shares[blocks == 1].sum(axis=0),
    )


def _after(rows: Array, matrices: Array) -> Array:
    """One row vector times one 2 x 2 matrix, for each block; faster than einsum for that small."""
    return rows[:, :1] * matrices[:, 0] + rows[:, 1:] * matrices[:, 1]


def _normal(vector: Array) -> Array:
    return vector / vector.sum()
