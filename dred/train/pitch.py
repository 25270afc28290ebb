# SPDX-License-Identifier: BSD-3-Clause
"""Training task of the pitch network: agreement with a teacher's class probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from dred.train import export
from dred.train.config import TrainConfig
from dred.train.data import SpeechData
from dred.train.pitch_net import IF_FEATURES, LAGS, PitchNet, pitch_of

INPUTS = IF_FEATURES + LAGS
ARRAY = "pitch.i8"


@dataclass
class PitchConfig(TrainConfig):
    """Defaults of the pitch network."""

    LEAST = TrainConfig.LEAST | {"frames": 1}

    minutes: float = 15.0
    batch: int = 32
    lr: float = 3e-3
    frames: int = 100
    voicing_weight: float = 4.0  # how much more a fully voiced frame counts
    error_weight: float = 5.0  # of the pitch itself beside the class probabilities


class PitchTask:
    """Distillation: soft targets over the classes, and the pitch they are read out as."""

    name = "pitch"

    def __init__(self, config: PitchConfig, data: Path, valid: Path, teacher: Path):
        torch.manual_seed(config.seed)
        self.config = config
        self.model: nn.Module = PitchNet().to(config.device)
        self.teacher = PitchNet().to(config.device).eval().requires_grad_(False)
        export.load(self.teacher, teacher)
        self.data, self.valid = SpeechData(data, ARRAY, INPUTS), SpeechData(valid, ARRAY, INPUTS)
        self.valid.long_enough(config.frames)

    def _draw(self, data: SpeechData, rng: np.random.Generator, count: int) -> dict[str, Tensor]:
        frames = self.config.frames
        starts = data.starts(rng, count, frames)
        inputs = data.excerpt(data.rows(ARRAY, INPUTS, "i1"), starts, frames)
        voicing = data.excerpt(data.features, starts, frames)[..., 19]
        device = self.config.device
        return {
            "inputs": torch.from_numpy(inputs.astype(np.float32) / np.float32(127)).to(device),
            "voicing": torch.from_numpy(voicing.copy()).to(device),
        }

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]:
        """Input sequences and how voiced their frames are."""
        return self._draw(self.data, rng, self.config.batch)

    def _logits(self, network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        inputs = batch["inputs"]
        return network(inputs[..., :IF_FEATURES], inputs[..., IF_FEATURES:])

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Divergence from the teacher's probabilities, more in voiced frames."""
        with torch.no_grad():
            wanted = self._logits(self.teacher, batch)
        logits = self._logits(self.model, batch)
        weight = 1.0 + self.config.voicing_weight * (batch["voicing"] + 0.5).clamp(0.0, 1.0)
        divergence = fn.kl_div(
            fn.log_softmax(logits, -1),
            fn.log_softmax(wanted, -1),
            reduction="none",
            log_target=True,
        ).sum(-1)
        error = (pitch_of(logits) - pitch_of(wanted)).abs().clamp_max(0.1)
        total = (weight * (divergence + self.config.error_weight * error)).mean()
        return total, {
            "divergence": float(divergence.detach().mean()),
            "error": float(error.detach().mean()),
        }

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Share of frames within 0.01 of the teacher (0.0083 is half a class)."""
        batch = self._draw(self.valid, np.random.default_rng(0), 256)
        difference = (
            pitch_of(self._logits(model, batch)) - pitch_of(self._logits(self.teacher, batch))
        ).abs()
        voiced = batch["voicing"] > 0.0
        near = (difference < 0.01).float()
        return {
            "agree_voiced": float(near[voiced].mean()),
            "agree_all": float(near.mean()),
            "gross_voiced": float((difference[voiced] > 0.1).float().mean()),
        }

    def cost(self, figures: dict[str, float]) -> float:
        """Share of voiced frames that disagree."""
        return 1.0 - figures["agree_voiced"]

    def audio_seconds(self, batch: dict[str, Tensor]) -> float:
        """Audio that a batch trains on."""
        return batch["voicing"].numel() / 100.0
