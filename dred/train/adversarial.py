# SPDX-License-Identifier: BSD-3-Clause
"""Adversarial training of a pre-trained vocoder: its task beside that of the discriminators.

Losses and schedule after Valin, Mustafa, Büthe, "Very low complexity speech synthesis using
framewise autoregressive GAN (FARGAN) with pitch prediction" (2024): least squares, matching of the
discriminators' inner layers, spectral loss kept; the discriminators learn alone for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dred.train.discriminators import SIZES, Discriminators
from dred.train.fargan import FarganConfig, FarganTask
from dred.train.losses import feature_matching_loss, judge_loss, judged_real_loss


@dataclass
class AdversarialConfig(FarganConfig):
    """Defaults for an hour on one CPU core, from a pre-trained vocoder."""

    minutes: float = 60.0
    batch: int = 32
    frames: int = 20
    optimiser: str = "adamw"  # steps of a set size, as Muon makes, are too large here
    lr: float = 1e-4
    beta2: float = 0.99
    critic_lr: float = 3e-4
    critic_alone: float = 0.03  # share of the time in which only the discriminators learn
    continuity: float = 0.1
    adversarial: float = 0.5  # weight of the verdicts beside the spectral loss
    matching: float = 0.5  # weight of the discriminators' inner layers
    critic_channels: int = 16
    critics: int = 2  # discriminators drawn per step out of five
    freeze_conditioning: bool = False


class AdversarialTask(FarganTask):
    """Vocoder against discriminators; the training loop drives both optimisers."""

    config: AdversarialConfig

    def __init__(
        self, config: AdversarialConfig, data: Path, valid: Path, predictor: Path | None = None
    ):
        super().__init__(config, data, valid, predictor)
        self.critic: nn.Module = Discriminators(config.critic_channels).to(config.device)
        if config.freeze_conditioning:
            self.model.conditioning.requires_grad_(False)
            self.model.signal.gain.requires_grad_(False)

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Distance from the true signal, and what the discriminators find wrong."""
        produced = self._produce(self.model, batch)
        distance, metrics = self._distance(produced, batch["signal"])
        batch["produced"] = produced.detach()
        self.critic.requires_grad_(False)
        chosen = torch.randperm(len(SIZES))[: self.config.critics].tolist()
        judged = self.critic(produced, chosen)
        verdict = judged_real_loss(judged)
        matching = feature_matching_loss(self.critic(batch["signal"], chosen), judged)
        self.critic.requires_grad_(True)
        metrics |= {"fool": float(verdict.detach()), "match": float(matching.detach())}
        config = self.config
        return distance + config.adversarial * verdict + config.matching * matching, metrics

    def critic_loss(self, batch: dict[str, Tensor]) -> Tensor:
        """How badly the discriminators tell true signals from those `loss` has produced."""
        chosen = torch.randperm(len(SIZES))[: self.config.critics].tolist()
        return judge_loss(
            self.critic(batch["signal"], chosen), self.critic(batch["produced"], chosen)
        )
