# SPDX-License-Identifier: BSD-3-Clause
"""Training of a redundancy coder from scratch: encoder, decoder and statistics together.

A profile of its own, which no receiver of the compatible profile can decode: its statistics carry
`PROFILE`, and a sender has to name it on the wire. Rate, distortion and weights after Valin, Büthe,
Mustafa, "Low-bitrate redundancy coding of speech using a rate-distortion-optimized variational
autoencoder" (ICASSP 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dred.train import export
from dred.train.entropy import LearnedQuantiser
from dred.train.rdovae import CoderTask, coder_terms, encode, means
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder
from dred.train.rdovae_runs import RdovaeConfig

PROFILE = "dred-vae-1"
FRAMES = 4  # feature vectors of a chunk
MEAN_STEPS = 60000


@dataclass
class ScratchConfig(RdovaeConfig):
    """Defaults for two hours on one CPU core."""

    minutes: float = 120.0
    batch: int = 16
    muon_lr: float = 0.02  # a tenth or less to go on from trained networks
    newest_weight: float = 0.03  # as the reference is trained
    latents: int = 40  # offered; those that are not worth their bits die
    states: int = 64
    table_weight: float = 0.1  # of the coded rate, which fits only the tables
    limit: float = 3.0  # distortion above which it counts only by its logarithm
    ramp: float = 0.15  # share of the time in which the weight of the rate grows to 1


def limited(distortion: Tensor, limit: float) -> Tensor:
    """Grows as the logarithm above a limit: wild chunks of a young coder would drown the others."""
    return torch.where(
        distortion > limit,
        limit * (1.0 + torch.log(distortion.clamp_min(limit) / limit)),
        distortion,
    )


def table_sizes(statistics: Path) -> tuple[int, int]:
    """Latent and state dimensions of a file of tables."""
    with np.load(statistics) as tables:
        return tables["latent_r_q8"].shape[1], tables["state_r_q8"].shape[1]


class ScratchCoder(nn.Module):
    """Encoder, decoder and both quantisers, as one network to the training loop."""

    def __init__(self, latents: int, states: int):
        super().__init__()
        self.encoder = RdovaeEncoder(latents, states)
        self.decoder = RdovaeDecoder(latents, states)
        self.latent = LearnedQuantiser(latents)
        self.state = LearnedQuantiser(states)


class ScratchTask(CoderTask):
    """Rate-distortion training of a whole coder."""

    name = "rdovae_scratch"
    config: ScratchConfig

    def __init__(
        self, config: ScratchConfig, data: Path, valid: Path, statistics: Path | None = None
    ):
        """`statistics`: tables of a coder to go on from, whose networks are loaded later."""
        super().__init__(config, data, valid)
        self.begun = statistics is not None
        if statistics is not None:
            self.model = ScratchCoder(*table_sizes(statistics)).to(config.device)
            self.model.latent.begin_with(statistics, "latent")
            self.model.state.begin_with(statistics, "state")
            return
        self.model = ScratchCoder(config.latents, config.states).to(config.device)
        for layer in (self.model.encoder.zdense, self.model.encoder.gdense2):
            layer.lr_scale = 10.0  # outputs are in quantiser steps, tens of units wide
        # start from mean speech: far from it the distortion is steep
        mean = torch.from_numpy(np.asarray(self.data.features[:MEAN_STEPS]).mean(0))
        with torch.no_grad():
            self.model.decoder.output.bias.copy_(mean.repeat(FRAMES))

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]:
        """A batch, and how much the rate counts by now: a new coder must first learn to code."""
        batch = super().sample(rng, progress)
        ramp = 1.0 if self.begun else min(1.0, 0.1 + 0.9 * progress / self.config.ramp)
        batch["ramp"] = torch.tensor(ramp)
        return batch

    @staticmethod
    def terms(coder: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rates and distortions of the coder."""
        coded = encode(coder.encoder, batch["features"])
        return coder_terms(coded, coder.decoder, coder.latent, coder.state, batch)

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """(D + lambda R)/sqrt(lambda); the coded rate fits the tables beside it."""
        t = self.terms(self.model, batch)
        t |= {name: limited(t[name], self.config.limit) for name in ("hard", "soft")}
        rate = batch["ramp"] * self.weighted(t, batch, "latent", "state")
        tables = self.weighted(t, batch, "latent_coded", "state_coded")
        return self.distance(t, batch) + rate + self.config.table_weight * tables, means(t)

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Figures on fixed validation excerpts, and how many dimensions are alive."""
        batch = self.validation_batch()
        return self.figures(self.terms(model, batch), batch) | {
            "latents": float(len(model.latent.tables()[1])),
            "states": float(len(model.state.tables()[1])),
        }

    def export(self, model: nn.Module, path: Path) -> int:
        """Writes the weight file of both networks, and their statistics beside it as .npz.

        Only dimensions in use are in it, scaled so that the tables fit eight bits.
        """
        latent, z, z_factor = model.latent.tables()
        state, s, s_factor = model.state.tables()
        pair = nn.ModuleList([RdovaeEncoder(len(z), len(s)), RdovaeDecoder(len(z), len(s))])
        weights = {k: v.cpu() for k, v in model.encoder.state_dict().items()}
        for layer, kept, factor in (("zdense", z, z_factor), ("gdense2", s, s_factor)):
            scale = torch.from_numpy(factor)
            weights[f"{layer}.weight"] = weights[f"{layer}.weight"][kept] * scale[:, None]
            weights[f"{layer}.bias"] = weights[f"{layer}.bias"][kept] * scale
        pair[0].load_state_dict(weights)
        weights = {k: v.cpu() for k, v in model.decoder.state_dict().items()}
        first = weights["dense1.weight"]  # its last column is the level
        scaled = first[:, z] / torch.from_numpy(z_factor)
        weights["dense1.weight"] = torch.cat([scaled, first[:, -1:]], 1)
        start = weights["hidden_init.weight"]
        weights["hidden_init.weight"] = start[:, s] / torch.from_numpy(s_factor)
        pair[1].load_state_dict(weights)
        tables = {f"latent_{k}": v for k, v in latent.items()}
        tables |= {f"state_{k}": v for k, v in state.items()}
        np.savez(path.with_suffix(".npz"), profile=np.array(PROFILE), **tables)
        return export.save(pair, path)
