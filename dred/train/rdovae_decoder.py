# SPDX-License-Identifier: BSD-3-Clause
"""Training of the decoder, compatible profile: agreement with the teacher's decoder on symbols of
both encoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dred.train.losses import band_logs, feature_distortion
from dred.train.rdovae import RdovaeTask, decode, encode, frozen
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder
from dred.train.rdovae_runs import RdovaeConfig, any_length, gather_rows
from dred.train.replay import Replay

POOL = 96  # batches kept to be drawn again


class DecoderTask(RdovaeTask):
    """Agreement with the teacher's decoder on symbols of both encoders."""

    name = "rdovae_decoder"

    def __init__(
        self,
        config: RdovaeConfig,
        data: Path,
        valid: Path,
        teacher: Path,
        encoder: Path | None,
    ):
        super().__init__(config, data, valid, teacher)
        self.model = RdovaeDecoder().to(config.device)
        self.model.output.lr_scale = 0.03  # what larger steps add to a read-out is mostly noise
        self.replay = Replay(self._make, config.reuse, POOL)
        weights = [teacher] + ([encoder] if encoder else [])
        if config.batch < len(weights):
            raise ValueError(f"batch: must be at least {len(weights)}, a sequence for each encoder")
        self.encoders = [frozen(RdovaeEncoder(), file, config.device) for file in weights]

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]:
        """Decoder runs and what the teacher makes of them, worked out now or before (encoders and
        teacher take longer than the step itself)."""
        return self.replay.draw(rng)

    def _make(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Half of the runs are of any length, half even on a logarithmic scale: every gap begins
        with the newest chunk, and errors grow with age where long runs are rare."""
        batch = self._batch(rng, any_length(rng))
        with torch.no_grad():
            return self._runs(batch)

    def audio_seconds(self, batch: dict[str, Tensor]) -> float:
        """Audio that the runs of a batch describe."""
        return batch["wanted"].shape[0] * batch["wanted"].shape[1] / 100.0

    def _runs(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Dequantised latents and states of the plan, and the features the teacher decodes from
        them; the encoders share the batch."""
        parts = [
            encode(e, f)
            for e, f in zip(self.encoders, batch["features"].chunk(len(self.encoders)), strict=True)
        ]
        z = gather_rows(torch.cat([p[0] for p in parts]), batch["latents"])
        s = gather_rows(torch.cat([p[1] for p in parts]), batch["latents"][..., :1])[:, 0]
        levels, state_level = batch["levels"].flatten(0, 1), batch["state_level"].flatten()
        latents = self.latent.quantise(z, levels)[0]
        state = self.state.quantise(s, state_level)[0]
        wanted = decode(self.teacher, latents, levels, state)
        true = gather_rows(batch["features"], batch["frames"])
        return {
            "latents": latents, "levels": levels, "state": state, "wanted": wanted, "true": true,
        }  # fmt: skip

    @staticmethod
    def _decoded(model: nn.Module, runs: dict[str, Tensor]) -> Tensor:
        return decode(model, runs["latents"], runs["levels"], runs["state"])

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Differences of log spectrum, pitch and voicing from what the teacher says (of the latter
        two large ones more; voicing's, of which few are very large, twice as much), and over
        sqrt(lambda) the distortion from that, which minds loud steps and fine levels, and a little
        of the distortion from what was said."""
        decoded = self._decoded(self.model, batch)
        delta = decoded - batch["wanted"]
        bands = band_logs(delta[..., :18])
        pitch, voicing = delta[..., 18], delta[..., 19]
        errors = (
            (bands.square() + 1e-4).sqrt().mean(-1)
            + 2.0 * (pitch.square() + 1e-5).sqrt()
            + (voicing.square() + 1e-5).sqrt()
            + self.config.outliers * (pitch.square() + 2.0 * voicing.square())
        )
        root = self.lagrangian(batch["levels"]).repeat_interleave(4, 1)
        for weight, target in (
            (self.config.true_weight, batch["true"]),
            (self.config.agreed_weight, batch["wanted"]),
        ):
            errors = errors + weight * feature_distortion(decoded, target) / root
        total = (errors * self._importance(errors)).mean()
        with torch.no_grad():
            metrics = self._figures(delta)
        return total, metrics

    def _importance(self, errors: Tensor) -> Tensor:
        """Weight of each step, newest first, of mean 1: every gap needs the newest chunks, which
        have only the initial state to go by, and few gaps the oldest."""
        age = torch.arange(errors.shape[1], device=errors.device) // 4  # steps of a chunk
        weight = 1.0 + self.config.recent_weight * 0.5**age
        return weight / weight.mean()

    @staticmethod
    def _figures(delta: Tensor) -> dict[str, float]:
        def rms(x: Tensor) -> float:
            return float(x.square().mean().sqrt())

        return {
            "cepstrum": rms(delta[..., :18]),
            "newest": rms(delta[:, :4, :18]),
            "pitch": rms(delta[..., 18]),
            "voicing": rms(delta[..., 19]),
        }

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """RMS differences on fixed validation excerpts, full-length runs, and the distortion over
        sqrt(lambda), as a multiple of the teacher's."""
        runs = self._runs(self.validation_batch())
        decoded = self._decoded(model, runs)
        root = self.lagrangian(runs["levels"]).repeat_interleave(4, 1)
        ours, teachers = (
            float((feature_distortion(rows, runs["true"]) / root).mean())
            for rows in (decoded, runs["wanted"])
        )
        return {**self._figures(decoded - runs["wanted"]), "distortion": ours / teachers}

    def cost(self, figures: dict[str, float]) -> float:
        """What the product hears most of: the spectral envelope."""
        return figures["cepstrum"]
