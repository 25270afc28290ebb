# SPDX-License-Identifier: BSD-3-Clause
"""Rate and distortion of redundancy coders at all sixteen levels, and how decoders agree.

Coders are measured as they run in products: in the C core, with weights as stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dred import stages
from dred.models import Models
from dred.train.data import SpeechData
from dred.train.losses import feature_distortion
from dred.train.quantiser import LEVELS, Quantiser
from dred.train.rdovae import level_input
from dred.train.rdovae_runs import MAX_CHUNKS

RUN_SECONDS = 0.04 * MAX_CHUNKS
DFRAMES = 3 * MAX_CHUNKS  # of a sequence: the encoder hears a second before the run it describes
Row = dict[str, float]
Encode = Callable[[Tensor], tuple[Tensor, Tensor]]  # features -> latents, states
Decode = Callable[[Tensor, Tensor, Tensor], Tensor]  # latents, levels, state -> features


@dataclass(frozen=True)
class Coder:
    """Both networks as functions, and the quantisers with the statistics of their symbols.

    Quantisers see whole runs [n, chunks, dimensions], newest first as they are decoded: one whose
    rate is conditioned on chunks already decoded finds them there.
    """

    encode: Encode
    decode: Decode
    latent: Quantiser
    state: Quantiser

    def with_decoder(self, other: Coder) -> Coder:
        """Our encoder, the decoder of another one."""
        return Coder(self.encode, other.decode, self.latent, self.state)


def core_coder(models: Models) -> Coder:
    """A coder of any profile in the C core."""

    def encode_all(features: Tensor) -> tuple[Tensor, Tensor]:
        pairs = [stages.rdovae_encode(sequence.numpy(), models) for sequence in features]
        latents, states = zip(*pairs, strict=True)
        return torch.from_numpy(np.stack(latents)), torch.from_numpy(np.stack(states))

    def decode_all(latents: Tensor, levels: Tensor, state: Tensor) -> Tensor:
        rows = torch.cat([latents, level_input(levels)], -1).numpy()
        runs = zip(state.numpy(), rows, strict=True)
        return torch.from_numpy(np.stack([stages.rdovae_decode(s, z, models) for s, z in runs]))

    latent, state = (Quantiser(models.profile, kind) for kind in ("latent", "state"))
    return Coder(encode_all, decode_all, latent, state)


def feature_sequences(
    data: SpeechData, most: int | None = None, source: str | None = None
) -> Tensor:
    """The folder's features cut into sequences [n, 2 * DFRAMES, 20] inside single files.

    `most`: take about so many of them, spread over the folder. `source`: of this one only.
    """
    size = 2 * DFRAMES
    starts = [
        start
        for entry in data.files
        if source in (None, entry["source"])
        for start in range(
            entry["first_step"], entry["first_step"] + entry["steps"] - size + 1, size
        )
    ]
    if not starts:
        raise ValueError(f"{data.folder}: no file is as long as {size / 100} s")
    every = 1 if most is None else max(1, len(starts) // most)
    blocks = [data.features[start : start + size] for start in starts[::every]]
    return torch.from_numpy(np.stack(blocks).astype(np.float32))


def _newest_first(coder: Coder, features: Tensor) -> tuple[Tensor, Tensor]:
    """Latents [n, 26, ..] of the last run of each sequence, and its state."""
    latents, states = coder.encode(features)
    return latents[:, -1 - 2 * np.arange(MAX_CHUNKS)], states[:, -1]


def rate_distortion(coder: Coder, features: Tensor) -> list[Row]:
    """Exact code lengths by the coder's statistics, and distortion, of runs of 26 chunks at every
    constant level."""
    z, s = _newest_first(coder, features)
    true = features[:, -4 * MAX_CHUNKS :].flip(1)
    rows = []
    for q in range(LEVELS):
        level = torch.full(z.shape[:2], q)
        latents, symbols = coder.latent.quantise(z, level)
        state, state_symbols = coder.state.quantise(s, level[:, 0])
        distortion = feature_distortion(coder.decode(latents, level, state), true).mean(0)
        rows.append(
            {
                "level": q,
                "distortion": float(distortion.mean()),
                "newest": float(distortion[:4].mean()),
                "latent_bits": float(coder.latent.bits(symbols, level).sum(-1).mean()),
                "state_bits": float(coder.state.bits(state_symbols, level[:, 0]).sum(-1).mean()),
            }
        )
    return rows


def bits_per_second(row: Row) -> float:
    """Redundancy of a second of speech, told in runs of 26 chunks with a state each."""
    return (row["state_bits"] + MAX_CHUNKS * row["latent_bits"]) / RUN_SECONDS


def rate_at_equal_distortion(ours: list[Row], reference: list[Row]) -> float:
    """Mean ratio of rates over the distortions that both curves cover."""

    def curve(rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
        points = sorted((np.log(r["distortion"]), np.log(bits_per_second(r))) for r in rows)
        return np.array([p[0] for p in points]), np.array([p[1] for p in points])

    (xa, ya), (xb, yb) = curve(ours), curve(reference)
    low, high = max(xa[0], xb[0]), min(xa[-1], xb[-1])
    if low > high:
        return float("nan")
    grid = np.linspace(low, high, 50)
    return float(np.exp((np.interp(grid, xa, ya) - np.interp(grid, xb, yb)).mean()))


def decoder_agreement(coder: Coder, wanted: Coder, features: Tensor) -> Row:
    """RMS differences of two coders' decoders for the symbols of the first, all levels."""
    z, s = _newest_first(coder, features)
    squares = np.zeros(20)
    for q in range(LEVELS):
        level = torch.full(z.shape[:2], q)
        latents = coder.latent.quantise(z, level)[0]
        state = coder.state.quantise(s, level[:, 0])[0]
        delta = coder.decode(latents, level, state) - wanted.decode(latents, level, state)
        squares += delta.square().mean((0, 1)).numpy() / LEVELS
    return {
        "cepstrum": float(np.sqrt(squares[:18].mean())),
        "pitch": float(np.sqrt(squares[18])),
        "voicing": float(np.sqrt(squares[19])),
    }
