# SPDX-License-Identifier: BSD-3-Clause
"""Training tasks of the redundancy coder, compatible profile: encoder by rate-distortion through
the teacher's decoder and fixed tables; decoder by agreement with the teacher's decoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dred.train import export
from dred.train.config import TrainConfig
from dred.train.data import SpeechData
from dred.train.layers import set_fake_int8
from dred.train.losses import band_logs, feature_distortion
from dred.train.quantiser import LEVELS, SLOPES, Quantiser, chunk_levels
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder
from dred.train.replay import Replay
from dred.train.vary import excerpts

Coded = tuple[Tensor, Tensor]  # latents and states of feature sequences
MAX_CHUNKS = 26
POOL = 96  # batches kept to be drawn again


@dataclass
class RdovaeConfig(TrainConfig):
    """Defaults of both parts."""

    minutes: float = 35.0
    batch: int = 24
    lr: float = 1e-3
    muon_lr: float = 0.005
    clip: float = 1.0
    dframes: int = 80  # length of a sequence in steps of 20 ms
    chunks: int = 52  # decoded chunks per sequence (in one to many runs)
    lambda_min: float = 2e-4
    lambda_max: float = 0.04
    state_weight: float = 0.04  # one state is sent per packet, but every step has one
    flat_share: float = 0.3  # share of runs that have one level throughout, beside those by chance
    newest_weight: float = 0.1  # extra weight of the newest chunk's distortion (encoder)
    recent_weight: float = 3.0  # extra weight of the newest chunk, halved per chunk (decoder)
    outliers: float = 8.0  # weight of squares of pitch and voicing errors (decoder)
    true_weight: float = 0.1  # of the distortion from the true features beside agreement (decoder)
    agreed_weight: float = 1.0  # of the distortion from the teacher's features (decoder)
    agreement: float = 2.0  # weight of the mismatch beside rate-distortion (encoder)
    matching: float = 0.5  # share of the time that only matches the teacher's encoder (encoder)
    reuse: int = 6  # steps per batch that encoders and teacher worked out (decoder)
    level_low: float = -25.0
    level_high: float = 9.0
    variety: float = 0.4  # chance of each change of throat, pitch, pace, equaliser, background


class RunPlan:
    """Which chunks are decoded in one batch: runs of equal length, random levels."""

    def __init__(
        self, rng: np.random.Generator, config: RdovaeConfig, count: int, chunks: int | None = None
    ):
        self.chunks = chunks or int(rng.integers(2, MAX_CHUNKS + 1))
        self.runs = max(2, config.chunks // self.chunks)
        oldest = 2 * self.chunks - 1
        newest = rng.integers(oldest, config.dframes, (count, self.runs))
        self.latents = newest[..., None] - 2 * np.arange(self.chunks)
        q0 = rng.integers(0, LEVELS, newest.shape)
        # Old chunks at fine levels are rare with any other slope.
        flat = rng.random(newest.shape) < config.flat_share
        dq = np.where(flat, 0, rng.integers(0, len(SLOPES), newest.shape))
        qmax = np.where(
            rng.random(newest.shape) < 0.75, LEVELS - 1, rng.integers(0, LEVELS, newest.shape)
        )
        self.state_level = q0
        self.levels = chunk_levels(q0, dq, qmax, self.chunks)
        # frames covered, newest first: latent j describes steps 2j+1, 2j, 2j-1, 2j-2
        self.frames = (2 * self.latents[..., None] + 1 - np.arange(4)).reshape(
            count, self.runs, 4 * self.chunks
        )


def any_length(rng: np.random.Generator) -> int:
    """Chunks of a run, 1 to 26: half of the draws even, half even on a logarithmic scale."""
    if rng.random() < 0.5:
        return int(rng.integers(2, MAX_CHUNKS + 1))
    return int(np.exp(rng.uniform(0.0, np.log(MAX_CHUNKS + 1.0))))


class CoderTask:
    """What all trainings of a coder share: data, plans of decoder runs, levels."""

    model: nn.Module

    def __init__(self, config: RdovaeConfig, data: Path, valid: Path):
        torch.manual_seed(config.seed)
        self.config = config
        self.data, self.valid = SpeechData(data), SpeechData(valid)

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
        self, t: dict[str, Tensor], batch: dict[str, Tensor], latent: str, state: str
    ) -> Tensor:
        """Rate times sqrt(lambda), of the terms of these names."""
        root = self.lagrangian(batch["levels"].flatten(0, 1))
        root_state = self.lagrangian(batch["state_level"].flatten())
        return (root * t[latent]).mean() + self.config.state_weight * (root_state * t[state]).mean()

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

    def __init__(
        self, config: RdovaeConfig, data: Path, valid: Path, teacher: Path, statistics: Path
    ):
        super().__init__(config, data, valid)
        self.latent = Quantiser(statistics, "latent").to(config.device)
        self.state = Quantiser(statistics, "state").to(config.device)
        self.teacher = frozen(RdovaeDecoder(), teacher, config.device)


def frozen(network: nn.Module, weights: Path, device: str) -> nn.Module:
    """A network with the weights of a file, which stays as it is."""
    network = network.to(device).eval().requires_grad_(False)
    export.load(network, weights)
    set_fake_int8(network, False)
    return network


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


def gather_rows(rows: Tensor, index: Tensor) -> Tensor:
    """rows [batch, time, width] at index [batch, runs, n] -> [batch * runs, n, width]."""
    flat = index.flatten(1)[..., None].expand(-1, -1, rows.shape[-1])
    return rows.gather(1, flat).view(-1, index.shape[-1], rows.shape[-1])


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
        statistics: Path,
        decoder: Path | None = None,
    ):
        super().__init__(config, data, valid, teacher, statistics)
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


class DecoderTask(RdovaeTask):
    """Agreement with the teacher's decoder on symbols of both encoders."""

    name = "rdovae_decoder"

    def __init__(
        self,
        config: RdovaeConfig,
        data: Path,
        valid: Path,
        teacher: Path,
        statistics: Path,
        encoder: Path | None,
    ):
        super().__init__(config, data, valid, teacher, statistics)
        self.model = RdovaeDecoder().to(config.device)
        self.replay = Replay(self._make, config.reuse, POOL)
        weights = [teacher] + ([encoder] if encoder else [])
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
        two large ones more), and over sqrt(lambda) the distortion from that, which minds loud steps
        and fine levels, and a little of the distortion from what was said."""
        decoded = self._decoded(self.model, batch)
        delta = decoded - batch["wanted"]
        bands = band_logs(delta[..., :18])
        pitch, voicing = delta[..., 18], delta[..., 19]
        errors = (
            (bands.square() + 1e-4).sqrt().mean(-1)
            + 2.0 * (pitch.square() + 1e-5).sqrt()
            + (voicing.square() + 1e-5).sqrt()
            + self.config.outliers * (pitch.square() + voicing.square())
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
