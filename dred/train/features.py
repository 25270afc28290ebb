# SPDX-License-Identifier: BSD-3-Clause
"""Fills a data folder: pcm and features of audio files, and features as redundancy decodes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from dred.train import export
from dred.train.data import SpeechData
from dred.train.quantiser import LEVELS, SLOPES, Quantiser, chunk_levels
from dred.train.rdovae import MAX_CHUNKS, decode, encode
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder

SEQUENCE = 4 * 2 * MAX_CHUNKS       # dframes encoded at once: warm-up is short beside it


def decoded_features(features: np.ndarray, weights: Path, statistics: Path, seed: int = 1,
                     batch: int = 32) -> np.ndarray:
    """Features [steps, 20] after coding and decoding, at levels drawn anew every 1.04 s.

    The steps that do not fill a run of 26 chunks at the end stay as they are.
    """
    rng = np.random.default_rng(seed)
    encoder, decoder = RdovaeEncoder().eval(), RdovaeDecoder().eval()
    export.load(encoder, weights)
    export.load(decoder, weights)
    latent, state = Quantiser(statistics, "latent"), Quantiser(statistics, "state")
    out = features.copy()
    sequences = len(features) // (2 * SEQUENCE)
    runs = SEQUENCE // (2 * MAX_CHUNKS)
    for first in range(0, sequences, batch):
        count = min(batch, sequences - first)
        span = slice(first * 2 * SEQUENCE, (first + count) * 2 * SEQUENCE)
        block = torch.from_numpy(features[span].reshape(count, 2 * SEQUENCE, 20).copy())
        with torch.no_grad():
            z, s = encode(encoder, block)
            # run r ends at dframe 52 (r + 1) - 1; its chunks are every second dframe backwards
            z = z.view(count * runs, 2 * MAX_CHUNKS, -1)[:, 1::2].flip(1)
            s = s.view(count * runs, 2 * MAX_CHUNKS, -1)[:, -1]
            q0 = rng.integers(0, LEVELS, count * runs)
            dq = rng.integers(0, len(SLOPES), count * runs)
            levels = torch.from_numpy(chunk_levels(q0, dq, np.full_like(q0, 15), MAX_CHUNKS))
            y = decode(decoder, latent.quantise(z, levels)[0], levels,
                       state.quantise(s, torch.from_numpy(q0))[0])
        out[span] = y.flip(1).reshape(-1, 20).numpy()
    return out


def write_decoded(folder: Path, weights: Path, statistics: Path) -> None:
    """Adds `decoded.f32` to a data folder."""
    data = SpeechData(folder)
    result = decoded_features(np.asarray(data.features), weights, statistics)
    temporary = Path(folder) / "decoded.part"
    result.astype("<f4").tofile(temporary)
    temporary.replace(Path(folder) / "decoded.f32")
