# SPDX-License-Identifier: BSD-3-Clause
"""Fills a data folder: pcm and features of audio files, and features as redundancy decodes them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from dred.errors import AudioError, ModelError
from dred.io.files import make_folder, refusing, write_bytes
from dred.models import Models, load_models
from dred.profile import OPUS
from dred.stages import analyse, burg_features
from dred.train import export
from dred.train.augment import augmented
from dred.train.data import STEP, TABLE, SpeechData
from dred.train.pitch_inputs import pitch_inputs
from dred.train.quantiser import LEVELS, SLOPES, Quantiser, chunk_levels
from dred.train.rdovae import decode, encode
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder
from dred.train.rdovae_runs import MAX_CHUNKS
from dred.train.recordings import RATE, Recordings

ARRAYS = ("pcm16.i16", "feat.f32", "burg.f32", "pitch.i8")
DECODED = "decoded.f32"
LONGEST = 600 * RATE  # samples of which features are made at once: an hour would take gigabytes
SEQUENCE = 4 * 2 * MAX_CHUNKS  # dframes encoded at once: warm-up is short beside it


def decoded_features(
    features: np.ndarray, weights: Path, seed: int = 1, batch: int = 32
) -> np.ndarray:
    """Features [steps, 20] after coding and decoding, at levels drawn anew every 1.04 s.

    The steps that do not fill a run of 26 chunks at the end stay as they are.
    """
    rng = np.random.default_rng(seed)
    encoder, decoder = RdovaeEncoder().eval(), RdovaeDecoder().eval()
    export.load(encoder, weights)
    export.load(decoder, weights)
    latent, state = Quantiser(OPUS, "latent"), Quantiser(OPUS, "state")
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
            y = decode(
                decoder,
                latent.quantise(z, levels)[0],
                levels,
                state.quantise(s, torch.from_numpy(q0))[0],
            )
        out[span] = y.flip(1).reshape(-1, 20).numpy()
    return out


def write_decoded(folder: Path, weights: Path) -> None:
    """Adds `decoded.f32` to a data folder."""
    data = SpeechData(folder)
    result = decoded_features(np.asarray(data.features), weights)
    write_bytes(Path(folder) / DECODED, result.astype("<f4").tobytes(), AudioError)


def disturbed(pcm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy with level and white or coloured noise drawn anew every few seconds."""
    out = pcm.astype(np.float32)
    at = 0
    while at < len(out):
        piece = out[at : at + int(rng.uniform(3, 12) * RATE)]
        gain = 10.0 ** (rng.uniform(-25, 6) / 20)
        noise = np.zeros(len(piece))
        if rng.random() < 0.4:
            noise = rng.standard_normal(len(piece))
            if rng.random() < 0.5:
                noise = 0.4 * np.convolve(noise, 0.9 ** np.arange(40))[: len(piece)]
            noise *= piece.std() * gain * 10.0 ** (-rng.uniform(5, 35) / 20)
        piece[:] = np.clip(np.round(piece * gain + noise), -32768, 32767)
        at += len(piece)
    return out


@contextmanager
def _replacing(out: Path) -> Iterator[list[BinaryIO]]:
    """The arrays of a data folder and the table of its files, to be written beside those of old:
    they take their places once the whole of them is written, and not at all where that fails."""
    parts = [out / f"{name}.part" for name in (*ARRAYS, TABLE)]
    try:
        with refusing(out, AudioError), ExitStack() as stack:
            yield [stack.enter_context(open(part, "wb")) for part in parts]
        # It was made from the features that go now.
        (out / DECODED).unlink(missing_ok=True)
        for part in parts:
            part.replace(part.with_suffix(""))
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def build(
    speech: Path,
    out: Path,
    weights: Path | None,
    *,
    tell: Callable[[Iterable[str]], object],
    decoded: bool = False,
    copies: int = 0,
    seed: int = 1,
    progress: Callable[[list[tuple[int, Path]]], Iterable[tuple[int, Path]]] = iter,
) -> int:
    """Writes a data folder from all recordings below a folder; how many were left out, of each of
    which `tell` takes why. What fails as a whole leaves a folder of before as it was.

    `copies`: changed copies of every file behind the files themselves (`dred.train.augment`), each
    changed in another way, which `seed` settles. `progress` wraps the list of files.
    """
    if decoded and weights is None:
        raise ValueError("--decoded needs --models")
    models: Models = load_models(weights)
    lacking = {"encoder", "decoder"} - set(models.networks)
    if decoded and lacking:
        raise ModelError(f"{weights}: --decoded needs its {' and '.join(sorted(lacking))}")
    rng = np.random.default_rng(seed)
    recordings = Recordings(speech, tell)
    paths = recordings.paths
    rng.shuffle(paths)
    make_folder(out, AudioError)
    files: list[dict[str, str | int]] = []
    first = 0
    with _replacing(out) as (*arrays, table):
        for copy, path in progress([(k, path) for k in range(1 + copies) for path in paths]):
            for pcm in _pieces(recordings.read(path)):
                if copy:
                    pcm = augmented(pcm, np.random.default_rng([seed, copy, len(files)]))
                steps = len(pcm) // STEP
                rows = _rows(pcm[: steps * STEP], models, rng)
                for array, row in zip(arrays, rows, strict=True):
                    array.write(np.ascontiguousarray(row).tobytes())
                files.append(
                    {
                        "file": path.name,
                        "source": path.stem.rsplit("_", 1)[0],
                        "first_step": first,
                        "steps": steps,
                    }
                )
                first += steps
        if not files:
            raise AudioError(f"{speech}: holds no recording of use")
        table.write(json.dumps(files).encode("utf-8"))
    if decoded and weights is not None:
        write_decoded(out, weights)
    left_out = len(recordings.left_out)
    print(
        f"{out}: {len(files)} files, {first * STEP / RATE / 3600:.2f} hours"
        f"{f'; {left_out} left out' if left_out else ''}"
    )
    return left_out


def _pieces(pcm: np.ndarray | None) -> list[np.ndarray]:
    """Of even length, none too long; nothing of nothing."""
    return [] if pcm is None else np.array_split(pcm, math.ceil(len(pcm) / LONGEST))


def _rows(pcm: np.ndarray, models: Models, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """What goes into each of the arrays."""
    other = disturbed(pcm, rng)
    lpc = analyse(other / np.float32(32768), models)[:, 20:]
    return pcm, analyse(pcm, models)[:, :20], burg_features(pcm), pitch_inputs(other, lpc)
