# SPDX-License-Identifier: BSD-3-Clause
"""Training of the encoder, compatible profile: rate-distortion through the teacher's decoder, and
ours, with fixed tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dred.train.rdovae import Coded, RdovaeTask, coder_terms, encode, frozen, means
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder
from dred.train.rdovae_runs import RdovaeConfig, any_length


class InTurns(nn.Module):
    """Several decoders as one: each decodes its share of the runs."""

    def __init__(self, decoders: list[nn.Module]) -> None:
        super().__init__()
        self.decoders = nn.ModuleList(decoders)

    def forward(self, latents: Tensor, state: Tensor) -> Tensor:
        count = len(self.decoders)
        shares = [d(latents[i::count], state[i::count]) for i, d in enumerate(self.decoders)]
        row = torch.arange(latents.shape[0], device=latents.device)
        return torch.cat(shares)[torch.cat([row[i::count] for i in range(count)]).argsort()]


class EncoderTask(RdovaeTask):
    """The encoder: first to agree with the teacher's, which is quick, then by rate-distortion
    through the teacher's decoder, which is what counts, and through ours (half of the runs), where
    there is one. Only the encoder changes.

    A few loud outliers make most of a distortion and of its gradient, and few steps end up as the
    state of a run: so latents and states agree with the teacher's at all steps, also then."""

    name = "rdovae_encoder"

    def __init__(
        self,
        config: RdovaeConfig,
        data: Path,
        valid: Path,
        teacher: Path,
        decoder: Path | None = None,
    ):
        super().__init__(config, data, valid, teacher)
        ours = [frozen(RdovaeDecoder(), decoder, config.device)] if decoder else []
        self.decoders = InTurns([self.teacher, *ours])
        self.model = RdovaeEncoder().to(config.device)
        for layer in (self.model.zdense, self.model.gdense2):
            layer.lr_scale = 10.0  # outputs are in quantiser steps, tens of units wide
        self.example = frozen(RdovaeEncoder(), teacher, config.device)
        self.matching = True

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]:
        """Sequences and decoder runs, of most payloads the newest chunks are played. Notes how far
        the training is."""
        self.matching = progress < self.config.matching
        return self._batch(rng, any_length(rng))

    def terms(self, coded: Coded, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rates and distortions of latents and states with the decoders and tables."""
        return coder_terms(coded, self.decoders, self.latent, self.state, batch)

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Mismatch, and later (D + lambda R)/sqrt(lambda) beside it, which weighs all levels
        alike."""
        coded = encode(self.model, batch["features"])
        latent, state = self._mismatch(coded, batch)
        metrics = {"latent_steps": float(latent.detach()), "state_steps": float(state.detach())}
        if self.matching:
            return latent + state, metrics
        t = self.terms(coded, batch)
        loss = self.weighted(t, batch, "latent", "state") + self.distance(t, batch)
        return loss + self.config.agreement * (latent + state), {**means(t), **metrics}

    def _mismatch(self, coded: Coded, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Mean difference from the teacher's latents and states, in quantiser steps at the level
        of the newest chunk."""
        with torch.no_grad():
            wanted = encode(self.example, batch["features"])
        level = batch["state_level"][:, :1]
        errors = [
            quantiser.levels(got, level) - quantiser.levels(true, level)
            for quantiser, got, true in zip((self.latent, self.state), coded, wanted, strict=True)
        ]
        latent, state = (e.abs().mean() for e in errors)
        return latent, state

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Rate and distortion on fixed validation excerpts, and the mismatch there."""
        batch = self.validation_batch()
        coded = encode(model, batch["features"])
        latent, state = self._mismatch(coded, batch)
        figures = self.figures(self.terms(coded, batch), batch)
        return {**figures, "latent_steps": float(latent), "state_steps": float(state)}
