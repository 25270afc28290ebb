# SPDX-License-Identifier: BSD-3-Clause
"""Settings of the redundancy coder's trainings, and the runs of chunks that are decoded in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from dred.train.config import TrainConfig
from dred.train.quantiser import LEVELS, SLOPES, chunk_levels

MAX_CHUNKS = 26


@dataclass
class RdovaeConfig(TrainConfig):
    """Defaults of both parts."""

    LEAST = TrainConfig.LEAST | {"dframes": 2 * MAX_CHUNKS}  # the longest run

    minutes: float = 35.0
    batch: int = 24
    lr: float = 1e-3
    muon_lr: float = 0.005
    clip: float = 1.0
    dframes: int = 80  # length of a sequence in steps of 20 ms
    chunks: int = 52  # decoded chunks per sequence (in one to many runs)
    lambda_min: float = 2e-4
    lambda_max: float = 0.04
    state_weight: float = 0.04  # one state is sent per packet, but every step has one
    flat_share: float = 0.45  # share of runs that have one level throughout, beside those by chance
    fine_share: float = 0.35  # share of runs whose newest level leans to the finest ones
    newest_weight: float = 0.1  # extra weight of the newest chunk's distortion (encoder)
    recent_weight: float = 3.0  # extra weight of the newest chunk, halved per chunk (decoder)
    outliers: float = 160.0  # weight of squares of pitch and voicing errors (decoder)
    true_weight: float = 0.05  # of the distortion from the true features beside agreement (decoder)
    agreed_weight: float = 3.0  # of the distortion from the teacher's features (decoder)
    agreement: float = 2.0  # weight of the mismatch beside rate-distortion (encoder)
    matching: float = 0.5  # share of the time that only matches the teacher's encoder (encoder)
    reuse: int = 6  # steps per batch that encoders and teacher worked out (decoder)
    level_low: float = -15.0
    level_high: float = 9.0
    variety: float = 0.35  # chance of each change of throat, pitch, pace, equaliser, background


class RunPlan:
    """Which chunks are decoded in one batch: runs of equal length, random levels."""

    def __init__(
        self, rng: np.random.Generator, config: RdovaeConfig, count: int, chunks: int | None = None
    ):
        self.chunks = chunks or int(rng.integers(2, MAX_CHUNKS + 1))
        self.runs = max(2, config.chunks // self.chunks)
        oldest = 2 * self.chunks - 1
        newest = rng.integers(oldest, config.dframes, (count, self.runs))
        self.latents = newest[..., None] - 2 * np.arange(self.chunks)
        # Coarse levels forgive: what a network is off by shows at fine ones.
        fine = rng.random(newest.shape) < config.fine_share
        q0 = (LEVELS * rng.random(newest.shape) ** (1.0 + fine)).astype(np.int64)
        # Old chunks at fine levels are rare with any other slope.
        flat = rng.random(newest.shape) < config.flat_share
        dq = np.where(flat, 0, rng.integers(0, len(SLOPES), newest.shape))
        qmax = np.where(
            rng.random(newest.shape) < 0.75, LEVELS - 1, rng.integers(0, LEVELS, newest.shape)
        )
        self.state_level = q0
        self.levels = chunk_levels(q0, dq, qmax, self.chunks)
        # frames covered, newest first: latent j describes steps 2j+1, 2j, 2j-1, 2j-2
        self.frames = (2 * self.latents[..., None] + 1 - np.arange(4)).reshape(
            count, self.runs, 4 * self.chunks
        )


def any_length(rng: np.random.Generator) -> int:
    """Chunks of a run, 1 to 26: half of the draws even, half even on a logarithmic scale."""
    if rng.random() < 0.5:
        return int(rng.integers(2, MAX_CHUNKS + 1))
    return int(np.exp(rng.uniform(0.0, np.log(MAX_CHUNKS + 1.0))))


def gather_rows(rows: Tensor, index: Tensor) -> Tensor:
    """rows [batch, time, width] at index [batch, runs, n] -> [batch * runs, n, width]."""
    flat = index.flatten(1)[..., None].expand(-1, -1, rows.shape[-1])
    return rows.gather(1, flat).view(-1, index.shape[-1], rows.shape[-1])
