# SPDX-License-Identifier: BSD-3-Clause
"""What all trainings of the redundancy coder share: data, decoder runs, rate and distortion; and
what both parts of the compatible profile share: a teacher and fixed tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dred.profile import OPUS
from dred.train import export
from dred.train.data import SpeechData
from dred.train.losses import feature_distortion
from dred.train.quantiser import LEVELS, Quantiser
from dred.train.rdovae_net import RdovaeDecoder
from dred.train.rdovae_runs import MAX_CHUNKS, RdovaeConfig, RunPlan, gather_rows
from dred.train.vary import excerpts

Coded = tuple[Tensor, Tensor]  # latents and states of feature sequences


class CoderTask:
    """What all trainings of a coder share: data, plans of decoder runs, levels."""

    model: nn.Module

    def __init__(self, config: RdovaeConfig, data: Path, valid: Path):
        torch.manual_seed(config.seed)
        self.config = config
        self.data, self.valid = SpeechData(data), SpeechData(valid)
        self.valid.long_enough(2 * config.dframes)

    def _features(
        self, data: SpeechData, rng: np.random.Generator, count: int, augment: bool
    ) -> Tensor:
        config, steps = self.config, 2 * self.config.dframes
        if augment:
            gain = rng.uniform(config.level_low, config.level_high, count)
            gain[rng.random(count) < 0.3] = 0.0
            features = excerpts(data, rng, steps, gain, config.variety)
        else:
            features = data.excerpt(data.features, data.starts(rng, count, steps), steps)
        return torch.from_numpy(features.astype(np.float32)).to(self.config.device)

    def _plan(
        self, rng: np.random.Generator, count: int, chunks: int | None = None
    ) -> dict[str, Tensor]:
        plan = RunPlan(rng, self.config, count, chunks)

        def tensor(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(self.config.device)

        return {
            "latents": tensor(plan.latents),
            "levels": tensor(plan.levels),
            "state_level": tensor(plan.state_level),
            "frames": tensor(plan.frames),
        }

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]:
        """Feature sequences and a plan of decoder runs."""
        return self._batch(rng)

    def _batch(self, rng: np.random.Generator, chunks: int | None = None) -> dict[str, Tensor]:
        batch = self._plan(rng, self.config.batch, chunks)
        batch["features"] = self._features(self.data, rng, self.config.batch, True)
        return batch

    def audio_seconds(self, batch: dict[str, Tensor]) -> float:
        """Audio that a batch covers."""
        return batch["features"].shape[0] * batch["features"].shape[1] / 100.0

    def weighted(
        self,
        t: dict[str, Tensor],
        batch: dict[str, Tensor],
        latent: str,
        state: str,
        ramps: tuple[float, float] = (1.0, 1.0),
    ) -> Tensor:
        """Rate times sqrt(lambda), of the terms of these names, each times its ramp."""
        root = self.lagrangian(batch["levels"].flatten(0, 1))
        root_state = self.lagrangian(batch["state_level"].flatten())
        state_weight = self.config.state_weight * ramps[1]
        return ramps[0] * (root * t[latent]).mean() + state_weight * (root_state * t[state]).mean()

    def distance(self, t: dict[str, Tensor], batch: dict[str, Tensor]) -> Tensor:
        """Distortion over sqrt(lambda), rounded and noisy, the newest chunk a little more."""
        root = self.lagrangian(batch["levels"].flatten(0, 1))
        distortion = 0.5 * (t["hard"] + t["soft"]) / root
        newest = self.config.newest_weight
        return (1 - newest) * distortion.mean() + newest * distortion[:, 0].mean()

    def figures(self, t: dict[str, Tensor], batch: dict[str, Tensor]) -> dict[str, float]:
        """What an evaluation reports: rate and distortion as coded, together and apart."""
        root = self.lagrangian(batch["levels"].flatten(0, 1))
        coded = self.weighted(t, batch, "latent_coded", "state_coded")
        return {
            "rd": float((t["hard"] / root).mean() + coded),
            "newest": float(t["hard"][:, 0].mean()),
            **means(t),
        }

    def cost(self, figures: dict[str, float]) -> float:
        """Rate and distortion together."""
        return figures["rd"]

    def validation_batch(self) -> dict[str, Tensor]:
        """Fixed excerpts, full-length runs, no augmentation."""
        rng = np.random.default_rng(0)
        batch = self._plan(rng, 128, MAX_CHUNKS)
        batch["features"] = self._features(self.valid, rng, 128, False)
        return batch

    def lagrangian(self, level: Tensor) -> Tensor:
        """The square root of lambda at a level."""
        config = self.config
        ratio = config.lambda_max / config.lambda_min
        return (config.lambda_min * ratio ** (level / (LEVELS - 1.0))).sqrt()


class RdovaeTask(CoderTask):
    """What both parts of the compatible profile share: teacher and tables."""

    def __init__(self, config: RdovaeConfig, data: Path, valid: Path, teacher: Path):
        super().__init__(config, data, valid)
        self.latent = Quantiser(OPUS, "latent").to(config.device)
        self.state = Quantiser(OPUS, "state").to(config.device)
        self.teacher = frozen(RdovaeDecoder(), teacher, config.device)


def frozen(network: nn.Module, weights: Path, device: str) -> nn.Module:
    """A network with the weights of a file, which stays as it is."""
    network = network.to(device).eval().requires_grad_(False)
    export.load(network, weights)
    return network


def means(t: dict[str, Tensor]) -> dict[str, float]:
    """Mean distortions, and bits as coded, of the terms of a batch."""
    names = {"hard": "hard", "soft": "soft", "bits": "latent_coded", "state": "state_coded"}
    return {label: float(t[name].detach().mean()) for label, name in names.items()}


def level_input(level: Tensor) -> Tensor:
    """The decoder's 26th input."""
    return level[..., None] / 8.0 - 1.0


def decode(decoder: nn.Module, latents: Tensor, levels: Tensor, state: Tensor) -> Tensor:
    """Features [runs, 4 * chunks, 20], newest first."""
    inputs = torch.cat([latents, level_input(levels)], -1)
    return decoder(inputs, state).view(latents.shape[0], -1, 20)


def encode(encoder: nn.Module, features: Tensor) -> Coded:
    """Latents and states of feature sequences [batch, steps, 20]."""
    return encoder(features.view(features.shape[0], -1, 40))


def coder_terms(
    coded: Coded,
    decoder: nn.Module,
    latent: nn.Module,
    state: nn.Module,
    batch: dict[str, Tensor],
) -> dict[str, Tensor]:
    """Rates in bits and distortions, each by run and chunk; `latent`, `state`: quantisers."""
    z = gather_rows(coded[0], batch["latents"])
    s = gather_rows(coded[1], batch["latents"][..., :1])[:, 0]
    levels, state_level = batch["levels"].flatten(0, 1), batch["state_level"].flatten()
    z_hard, z_soft, z_bits, z_coded = latent.train_forward(z, levels)
    s_hard, s_soft, s_bits, s_coded = state.train_forward(s, state_level)
    decoded = decode(
        decoder,
        torch.cat([z_hard, z_soft]),
        torch.cat([levels, levels]),
        torch.cat([s_hard, s_soft]),
    )
    true = gather_rows(batch["features"], batch["frames"])
    distortion = feature_distortion(decoded, torch.cat([true, true]))
    by_chunk = distortion.view(2, *levels.shape, 4).mean(-1)
    return {
        "hard": by_chunk[0],
        "soft": by_chunk[1],
        "latent": z_bits,
        "state": s_bits,
        "latent_coded": z_coded,
        "state_coded": s_coded,
    }
