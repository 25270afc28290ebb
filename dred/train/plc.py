# SPDX-License-Identifier: BSD-3-Clause
"""Training task of the feature predictor: bursts of lost packets over speech features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dred.train import export
from dred.train.config import TrainConfig
from dred.train.data import SpeechData, shift_level
from dred.train.losses import band_logs, concealment_loss
from dred.train.plc_net import PlcNet

BURG = 36


@dataclass
class PlcConfig(TrainConfig):
    """Defaults of the feature predictor."""

    LEAST = TrainConfig.LEAST | {"frames": 2}

    minutes: float = 20.0
    batch: int = 32
    lr: float = 2e-3
    frames: int = 300
    loss_low: float = 0.05  # share of lost packets, drawn per sequence
    loss_high: float = 0.45
    burst_low: float = 1.1  # mean burst in packets of 20 ms, drawn per sequence
    burst_high: float = 5.0
    redundant_bursts: float = 0.3  # share of bursts for which features arrive after all
    agreement: float = 2.0  # weight of the agreement with a teacher, where there is one
    spared: float = 0.1  # share of lost steps turned into received ones
    level_low: float = -25.0
    level_high: float = 9.0


def gilbert(
    rng: np.random.Generator, loss: np.ndarray, burst: np.ndarray, packets: int
) -> np.ndarray:
    """Lost packets [sequences, packets] of two-state chains with given loss share and burst."""
    leave = 1.0 / burst
    enter = np.minimum(leave * loss / (1.0 - loss), 0.9)
    draws = rng.random((packets, len(loss)))
    state = draws[0] < loss
    lost = np.empty((packets, len(loss)), bool)
    for t in range(packets):
        lost[t] = state
        state = np.where(state, draws[t] >= leave, draws[t] < enter)
    return lost.T


def flags(rng: np.random.Generator, config: PlcConfig, count: int, frames: int) -> np.ndarray:
    """Flag of every step: 1 received, 0 lost, -1 features known without Burg analysis."""
    loss = rng.uniform(config.loss_low, config.loss_high, count)
    burst = np.exp(rng.uniform(np.log(config.burst_low), np.log(config.burst_high), count))
    lost = gilbert(rng, loss, burst, frames // 2 + 1).repeat(2, 1)
    lost = np.where(rng.random(count)[:, None] < 0.5, lost[:, 1 : frames + 1], lost[:, :frames])
    # every burst is redundant or not as a whole: number the bursts, then draw per number
    begins = lost & ~np.pad(lost, ((0, 0), (1, 0)))[:, :-1]
    number = begins.cumsum(1)
    redundant = rng.random((count, frames + 1)) < config.redundant_bursts
    redundant = np.take_along_axis(redundant, number, 1)
    out = np.where(lost, np.where(redundant, -1.0, 0.0), 1.0)
    out[(out == 0) & (rng.random(out.shape) < config.spared)] = 1.0
    out[(out == 1) & (rng.random(out.shape) < 0.05)] = -1.0
    return out.astype(np.float32)


class PlcTask:
    """Prediction of the features of lost steps. `teacher`: weight file of a predictor whose
    guesses, less erratic than the truth, are a second target."""

    name = "plc"

    def __init__(self, config: PlcConfig, data: Path, valid: Path, teacher: Path | None = None):
        torch.manual_seed(config.seed)
        self.config = config
        self.model: nn.Module = PlcNet().to(config.device)
        self.data, self.valid = SpeechData(data), SpeechData(valid)
        self.valid.long_enough(config.frames)  # told now, not after minutes at the first validation
        self.teacher: nn.Module | None = None
        if teacher is not None:
            self.teacher = PlcNet().to(config.device).eval().requires_grad_(False)
            export.load(self.teacher, teacher)

    def _draw(
        self, data: SpeechData, rng: np.random.Generator, count: int, augment: bool
    ) -> dict[str, Tensor]:
        config, frames = self.config, self.config.frames
        starts = data.starts(rng, count, frames)
        features = data.excerpt(data.features, starts, frames)
        burg = data.excerpt(data.rows("burg.f32", BURG), starts, frames)
        if augment:
            gain = rng.uniform(config.level_low, config.level_high, count).astype(np.float32)
            features, burg = shift_level(features, gain), shift_level(burg, gain)
        flag = flags(rng, config, count, frames)
        known = features
        if data.has("decoded.f32") and augment:
            decoded = shift_level(data.excerpt(data.rows("decoded.f32", 20), starts, frames), gain)
            known = np.where((flag == -1)[..., None], decoded, features)
        x = np.concatenate(
            [burg * (flag == 1)[..., None], known * (flag != 0)[..., None], flag[..., None]], -1
        )
        device = config.device
        return {
            "inputs": torch.from_numpy(x.astype(np.float32)).to(device),
            "features": torch.from_numpy(features.astype(np.float32)).to(device),
            "lost": torch.from_numpy((flag == 0).astype(np.float32)).to(device),
        }

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]:
        """Sequences with fresh loss patterns."""
        return self._draw(self.data, rng, self.config.batch, True)

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Errors on lost steps only."""
        predicted = self.model(batch["inputs"])
        truth = concealment_loss(predicted, batch["features"], batch["lost"])
        if self.teacher is None:
            return truth, {}
        with torch.no_grad():
            guess = self.teacher(batch["inputs"])
        distance = concealment_loss(predicted, guess, batch["lost"])
        metrics = {"truth": float(truth.detach()), "teacher": float(distance.detach())}
        return truth + self.config.agreement * distance, metrics

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Loss, and mean absolute errors of log spectrum and pitch on lost steps."""
        batch = self._draw(self.valid, np.random.default_rng(0), 128, False)
        predicted = model(batch["inputs"])
        lost = batch["lost"] > 0
        error = (predicted - batch["features"])[lost]
        voiced = batch["features"][lost][:, 19] > 0
        return {
            "loss": float(concealment_loss(predicted, batch["features"], batch["lost"])),
            "bands": float(band_logs(error[:, :18]).abs().mean()),
            "pitch_voiced": float(error[voiced, 18].abs().mean()),
        }

    def cost(self, figures: dict[str, float]) -> float:
        """The loss on held-out speech."""
        return figures["loss"]

    def audio_seconds(self, batch: dict[str, Tensor]) -> float:
        """Audio that a batch trains on."""
        return batch["lost"].numel() / 100.0
