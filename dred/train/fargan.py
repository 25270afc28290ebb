# SPDX-License-Identifier: BSD-3-Clause
"""Training task of the vocoder: excerpts with two given frames, spectral and continuity loss."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dred.train.data import STEP, SpeechData, shift_level
from dred.train.fargan_net import PREEMPHASIS, Fargan, period_of
from dred.train.loop import TrainConfig
from dred.train.losses import RESOLUTIONS, continuity_loss, spectral_loss

DELAY = 80  # the feature of a step is centred in the pcm frame that starts 80 samples earlier


@dataclass
class FarganConfig(TrainConfig):
    """Defaults for about two hours on one CPU core."""

    minutes: float = 120.0
    batch: int = 64
    lr: float = 1e-3
    frames: int = 15
    long_share: float = 0.1  # share of batches in which sequences are twice as long
    resolutions: int = 3  # drawn per step out of six: half the cost, the same gradient
    continuity: float = 0.15
    level_low: float = -25.0  # dB relative to the material's level
    level_high: float = 9.0
    feature_noise: float = 0.03
    decoded_share: float = 0.4  # share of sequences with features as DRED decodes them


def next_period(features: Tensor) -> Tensor:
    """Periods [batch, frames] as at run time: the first free frame still has the previous one."""
    periods = period_of(features[:, 1:-1, 18])
    periods[:, 2] = periods[:, 1]
    return periods


class FarganTask:
    """Vocoder pre-training."""

    name = "fargan"

    def __init__(self, config: FarganConfig, data: Path, valid: Path):
        torch.manual_seed(config.seed)
        self.config = config
        self.model: nn.Module = Fargan().to(config.device)
        self.data, self.valid = SpeechData(data), SpeechData(valid)
        self.decoded = None
        if self.data.has("decoded.f32"):
            self.decoded = self.data.rows("decoded.f32", 20)

    def _draw(
        self, data: SpeechData, rng: np.random.Generator, count: int, frames: int, augment: bool
    ) -> dict[str, Tensor]:
        starts = data.starts(rng, count, frames + 4)
        features = data.excerpt(data.features, starts, frames + 2)
        first = (starts + 1) * STEP - DELAY
        pcm = data.waveform(first - 1, frames * STEP + 1)
        if augment:
            config = self.config
            if self.decoded is not None:
                use = rng.random(count) < config.decoded_share
                features[use] = data.excerpt(self.decoded, starts[use], frames + 2)
            gain = rng.uniform(config.level_low, config.level_high, count).astype(np.float32)
            peak = np.abs(pcm).max(1)
            gain = np.minimum(gain, -20.0 * np.log10(peak + 1e-4))
            features = shift_level(features, gain)
            size = config.feature_noise * rng.random((count, 1, 1))
            noise = rng.standard_normal(features.shape) * size
            noise[..., 18] *= 0.1
            features = features + noise
            sign = rng.choice([-1.0, 1.0], count)
            pcm = pcm * (sign * 10.0 ** (gain / 20.0))[:, None]
        signal = pcm[:, 1:] - PREEMPHASIS * pcm[:, :-1]
        signal[:, 0] = 0.0
        device = self.config.device
        return {
            "features": torch.from_numpy(features.astype(np.float32)).to(device),
            "signal": torch.from_numpy(signal.astype(np.float32)).to(device),
        }

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]:
        """A batch; now and then half as many sequences of twice the length."""
        count, frames = self.config.batch, self.config.frames
        if rng.random() < self.config.long_share:
            count, frames = count // 2, frames * 2
        return self._draw(self.data, rng, count, frames, True)

    def _losses(
        self, model: nn.Module, batch: dict[str, Tensor], resolutions: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        signal = batch["signal"]
        given = signal[:, : 2 * STEP]
        produced = model(batch["features"], given, next_period(batch["features"]))
        produced = produced.reshape(signal.shape)
        free = slice(2 * STEP, 3 * STEP)
        return (
            spectral_loss(produced, signal, resolutions),
            continuity_loss(produced[:, free], signal[:, free]),
        )

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Spectral loss and a little continuity into the first free frame."""
        chosen = torch.randperm(len(RESOLUTIONS))[: self.config.resolutions]
        resolutions = tuple(RESOLUTIONS[int(i)] for i in chosen)
        spectral, continuity = self._losses(self.model, batch, resolutions)
        metrics = {"spec": float(spectral.detach()), "cont": float(continuity.detach())}
        return spectral + self.config.continuity * continuity, metrics

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Both losses on fixed excerpts of the validation set, without augmentation."""
        rng = np.random.default_rng(0)
        batch = self._draw(self.valid, rng, 256, 30, False)
        spectral, continuity = self._losses(model, batch, RESOLUTIONS)
        return {"spec": float(spectral), "cont": float(continuity)}

    def audio_seconds(self, batch: dict[str, Tensor]) -> float:
        """Audio that a batch trains on."""
        return batch["signal"].numel() / 16000.0
