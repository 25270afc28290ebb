# SPDX-License-Identifier: BSD-3-Clause
"""Pre-training of the vocoder: excerpts with two given frames, spectral and continuity loss."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dred.train.concealed import LEAD, PredictedFeatures
from dred.train.config import TrainConfig
from dred.train.data import PREEMPHASIS, STEP, SpeechData, shift_level
from dred.train.fargan_net import Fargan, period_of
from dred.train.losses import RESOLUTIONS, band_difference, continuity_loss, spectral_loss
from dred.train.perceptual import heard_difference, points_lost

LOW = 7  # bands up to 1.2 kHz
JUDGED = 30  # frames of a sequence in an evaluation
DELAY = 80  # the feature of a step is centred in the pcm frame that starts 80 samples earlier


@dataclass
class FarganConfig(TrainConfig):
    """Defaults for about two hours on one CPU core."""

    LEAST = TrainConfig.LEAST | {"frames": 3}

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
    predicted_share: float = 0.1  # ... as the predictor continues them, where there is one


def next_period(features: Tensor) -> Tensor:
    """Periods [batch, frames] as at run time: the first free frame still has the previous one."""
    periods = period_of(features[:, 1:-1, 18])
    periods[:, 2] = periods[:, 1]
    return periods


class FarganTask:
    """Vocoder pre-training. `predictor`: weight file of the feature predictor."""

    name = "fargan"

    def __init__(
        self, config: FarganConfig, data: Path, valid: Path, predictor: Path | None = None
    ):
        torch.manual_seed(config.seed)
        self.config = config
        self.model: nn.Module = Fargan().to(config.device)
        self.data, self.valid = SpeechData(data), SpeechData(valid)
        self.valid.long_enough(JUDGED + 4)
        self.decoded = None
        if self.data.has("decoded.f32"):
            self.decoded = self.data.rows("decoded.f32", 20)
        self.predicted = PredictedFeatures(self.data, predictor) if predictor else None

    def _degrade(
        self, features: np.ndarray, starts: np.ndarray, gain: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Features at another level, some decoded or predicted, all with a little noise."""
        config, (count, steps, _) = self.config, features.shape
        kind = rng.random(count)
        decoded = kind < config.decoded_share
        predicted = ~decoded & (kind < config.decoded_share + config.predicted_share)
        if self.decoded is not None:
            features[decoded] = self.data.excerpt(self.decoded, starts[decoded], steps)
        features = shift_level(features, gain)
        if self.predicted is not None and np.any(predicted):
            # vector 2 is centred in the second given frame, and reaches beyond its end
            features[predicted, 2:] = self.predicted.continued(
                starts[predicted] + 2, steps - 2, gain[predicted]
            )
        noise = rng.standard_normal(features.shape)
        noise *= config.feature_noise * rng.random((count, 1, 1))
        noise[..., 18] *= 0.1
        return features + noise

    def _draw(
        self, data: SpeechData, rng: np.random.Generator, count: int, frames: int, augment: bool
    ) -> dict[str, Tensor]:
        lead = LEAD if augment and self.predicted is not None else 0
        starts = lead + data.starts(rng, count, lead + frames + 4)
        features = data.excerpt(data.features, starts, frames + 2)
        first = (starts + 1) * STEP - DELAY
        pcm = data.waveform(first - 1, frames * STEP + 1)
        factor = np.ones((count, 1), np.float32)
        if augment:
            config = self.config
            gain = rng.uniform(config.level_low, config.level_high, count).astype(np.float32)
            peak = np.abs(pcm).max(1)
            gain = np.minimum(gain, -20.0 * np.log10(peak + 1e-4))
            features = self._degrade(features, starts, gain, rng)
            sign = rng.choice([-1.0, 1.0], count)
            factor = (10.0 ** (gain / 20.0)).astype(np.float32)[:, None]
            pcm = pcm * sign[:, None] * factor
        signal = pcm[:, 1:] - PREEMPHASIS * pcm[:, :-1]
        signal[:, 0] = 0.0
        device = self.config.device
        return {
            "features": torch.from_numpy(features.astype(np.float32)).to(device),
            "signal": torch.from_numpy(signal.astype(np.float32)).to(device),
            "gain": torch.from_numpy(factor).to(device),
        }

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]:
        """A batch; now and then half as many sequences of twice the length."""
        count, frames = self.config.batch, self.config.frames
        if rng.random() < self.config.long_share:
            count, frames = max(1, count // 2), frames * 2
        return self._draw(self.data, rng, count, frames, True)

    @staticmethod
    def _produce(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        """Pre-emphasised signals [batch, samples], the two given frames in front."""
        given = batch["signal"][:, : 2 * STEP]
        produced: Tensor = model(batch["features"], given, next_period(batch["features"]))
        return produced.reshape(batch["signal"].shape)

    @staticmethod
    def _losses(
        produced: Tensor, signal: Tensor, resolutions: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        free = slice(2 * STEP, 3 * STEP)
        return (
            spectral_loss(produced, signal, resolutions),
            continuity_loss(produced[:, free], signal[:, free]),
        )

    def _distance(self, produced: Tensor, signal: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Spectral loss and a little continuity into the first free frame."""
        chosen = torch.randperm(len(RESOLUTIONS))[: self.config.resolutions]
        resolutions = tuple(RESOLUTIONS[int(i)] for i in chosen)
        spectral, continuity = self._losses(produced, signal, resolutions)
        metrics = {"spec": float(spectral.detach()), "cont": float(continuity.detach())}
        return spectral + self.config.continuity * continuity, metrics

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Distance from the true signal."""
        return self._distance(self._produce(self.model, batch), batch["signal"])

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Both losses on fixed excerpts of the validation set, without augmentation; error (of
        all bands, of those up to 1.2 kHz) and bias of band energies in tens of dB; what is heard of
        the differences, in points of PESQ."""
        rng = np.random.default_rng(0)
        batch = self._draw(self.valid, rng, 256, JUDGED, False)
        produced = self._produce(model, batch)
        spectral, continuity = self._losses(produced, batch["signal"], RESOLUTIONS)
        free = slice(2 * STEP, None)
        difference = band_difference(produced[:, free], batch["signal"][:, free])
        figures = {
            "spec": spectral,
            "cont": continuity,
            "bands": difference.abs().mean(),
            "low": difference[:, :LOW].abs().mean(),
            "bias": difference.mean(),
            "heard": points_lost(heard_difference(produced, batch["signal"])).mean(),
        }
        return {name: float(value) for name, value in figures.items()}

    def cost(self, figures: dict[str, float]) -> float:
        """The spectral loss on held-out speech."""
        return figures["spec"]

    def audio_seconds(self, batch: dict[str, Tensor]) -> float:
        """Audio that a batch trains on."""
        return batch["signal"].numel() / 16000.0
