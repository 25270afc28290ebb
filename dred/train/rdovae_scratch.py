# SPDX-License-Identifier: BSD-3-Clause
"""Training of a redundancy coder from scratch: encoder, decoder and statistics together.

A profile of its own, which the weight file carries and a sender names on the wire: receivers of
another profile leave its payloads alone. Rate, distortion and weights after Valin, Büthe,
Mustafa, "Low-bitrate redundancy coding of speech using a rate-distortion-optimized variational
autoencoder" (ICASSP 2023).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dred.models import load_models
from dred.profile import OWN_VERSIONS, TABLES
from dred.train import blob, export
from dred.train.entropy import LearnedQuantiser
from dred.train.rdovae import CoderTask, coder_terms, encode, means
from dred.train.rdovae_net import LATENTS, STATES, RdovaeDecoder, RdovaeEncoder
from dred.train.rdovae_runs import RdovaeConfig

FRAMES = 4  # feature vectors of a chunk
MEAN_STEPS = 60000
DECAY = TABLES.index("r_q8")


@dataclass
class ScratchConfig(RdovaeConfig):
    """Defaults for two hours on one CPU core."""

    minutes: float = 120.0
    batch: int = 16
    muon_lr: float = 0.02  # a tenth or less to go on from trained networks
    newest_weight: float = 0.03  # as the reference is trained
    version: int = OWN_VERSIONS.start  # of the profile on the wire: 128 to 255
    table_weight: float = 0.1  # of the coded rate, which fits only the tables
    limit: float = 3.0  # distortion above which it counts only by its logarithm
    ramp: float = 0.15  # share of the time in which the weight of the rate grows to 1
    state_from: float = 0.4  # the same for states: they die where they cost before they are of use
    state_until: float = 0.9


def limited(distortion: Tensor, limit: float) -> Tensor:
    """Grows as the logarithm above a limit: wild chunks of a young coder would drown the others."""
    return torch.where(
        distortion > limit,
        limit * (1.0 + torch.log(distortion.clamp_min(limit) / limit)),
        distortion,
    )


def grown(start: float, share: float) -> float:
    """From `start` to 1 while `share` goes from 0 to 1."""
    return start + (1.0 - start) * min(1.0, max(0.0, share))


class ScratchCoder(nn.Module):
    """Encoder, decoder and both quantisers, as one network to the training loop. Of the dimensions
    that the format offers, those that are not worth their bits die."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = RdovaeEncoder(), RdovaeDecoder()
        self.latent, self.state = LearnedQuantiser(LATENTS), LearnedQuantiser(STATES)


class ScratchTask(CoderTask):
    """Rate-distortion training of a whole coder."""

    name = "rdovae_scratch"
    config: ScratchConfig
    model: ScratchCoder

    def __init__(self, config: ScratchConfig, data: Path, valid: Path):
        super().__init__(config, data, valid)
        if config.version not in OWN_VERSIONS:
            raise ValueError(f"version: a profile of one's own is 128 to 255, not {config.version}")
        self.begun, self.ramps = False, (1.0, 1.0)
        self.model = ScratchCoder().to(config.device)
        for layer in (self.model.encoder.zdense, self.model.encoder.gdense2):
            layer.lr_scale = 10.0  # outputs are in quantiser steps, tens of units wide
        # start from mean speech: far from it the distortion is steep
        mean = torch.from_numpy(np.asarray(self.data.features[:MEAN_STEPS]).mean(0))
        with torch.no_grad():
            self.model.decoder.output.bias.copy_(mean.repeat(FRAMES))

    def load(self, path: Path) -> None:
        """Goes on from the coder of a weight file, in the profile that it has."""
        profile = load_models(path).profile
        export.load(self.model, path)
        self.model.latent.begin_with(profile, "latent")
        self.model.state.begin_with(profile, "state")
        for layer in (self.model.encoder.zdense, self.model.encoder.gdense2):
            del layer.lr_scale
        self.begun = True

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]:
        """A batch. How much the rate counts depends on the time: a new coder must first learn to
        code."""
        if not self.begun:
            config = self.config
            self.ramps = (
                grown(0.1, progress / config.ramp),
                grown(
                    0.01, (progress - config.state_from) / (config.state_until - config.state_from)
                ),
            )
        return super().sample(rng, progress)

    @staticmethod
    def terms(coder: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rates and distortions of the coder."""
        coded = encode(coder.encoder, batch["features"])
        return coder_terms(coded, coder.decoder, coder.latent, coder.state, batch)

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """(D + lambda R)/sqrt(lambda); the coded rate fits the tables beside it."""
        t = self.terms(self.model, batch)
        t |= {name: limited(t[name], self.config.limit) for name in ("hard", "soft")}
        rate = self.weighted(t, batch, "latent", "state", self.ramps)
        tables = self.weighted(t, batch, "latent_coded", "state_coded")
        return self.distance(t, batch) + rate + self.config.table_weight * tables, means(t)

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Figures on fixed validation excerpts, and how many dimensions are alive."""
        batch = self.validation_batch()
        alive = {
            f"{kind}s": float((tables[DECAY] > 0).any(0).sum())
            for kind, tables in (("latent", model.latent.tables()[0]),
                                 ("state", model.state.tables()[0]))
        }  # fmt: skip
        return self.figures(self.terms(model, batch), batch) | alive

    def export(self, model: nn.Module, path: Path) -> int:
        """Writes the weight file of both networks with their profile; values are scaled so that
        the tables fit eight bits."""
        latent, z_factor = model.latent.tables()
        state, s_factor = model.state.tables()
        pair = copy.deepcopy(nn.ModuleList([model.encoder, model.decoder])).cpu()
        encoder, decoder = pair
        with torch.no_grad():
            for layer, factor in ((encoder.zdense, z_factor), (encoder.gdense2, s_factor)):
                layer.weight.mul_(torch.from_numpy(factor)[:, None])
                layer.bias.mul_(torch.from_numpy(factor))
            decoder.dense1.weight[:, :LATENTS].div_(torch.from_numpy(z_factor))
            decoder.hidden_init.weight.div_(torch.from_numpy(s_factor))
        profile = {
            "profile_version": np.array([self.config.version], np.int32),
            "profile_latent": latent.view(np.int8),
            "profile_state": state.view(np.int8),
        }
        return blob.write_blob(path, [*profile.items(), *export.records(pair)])
