# SPDX-License-Identifier: BSD-3-Clause
"""Figures of trained networks on held-out speech, beside those of another weight file.

python -m dred.train.report VALID --ours DIR_OR_FILES... --reference FILE --statistics FILE
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dred.train import export
from dred.train.blob import BlobError
from dred.train.data import STEP, SpeechData
from dred.train.fargan import DELAY, next_period
from dred.train.fargan_net import PREEMPHASIS, Fargan
from dred.train.layers import set_fake_int8
from dred.train.losses import feature_distortion
from dred.train.pitch import PitchConfig, PitchTask
from dred.train.plc import PlcConfig, PlcTask
from dred.train.quantiser import LEVELS, Quantiser
from dred.train.rdovae import MAX_CHUNKS, decode, encode
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder

PARTS = ("coder", "pitch", "plc", "vocoder")
BASE = "reference encoder, reference decoder"
VOCODER_FRAMES = 560
Score = Callable[[np.ndarray, np.ndarray], dict[str, float]]  # of true and produced pcm


def load_network(kind: Callable[[], nn.Module], files: list[Path]) -> nn.Module:
    """A network from the first of the files that holds it, weights as stored."""
    network = kind().eval().requires_grad_(False)
    for path in files:
        try:
            export.load(network, path)
        except BlobError:
            continue
        return network
    raise BlobError(f"none of the files holds {kind.__name__}")


def feature_blocks(data: SpeechData, dframes: int, most: int | None = None) -> Tensor:
    """The folder's features cut into sequences [n, 2 * dframes, 20] inside single files.

    `most`: take about so many of them, spread over the folder.
    """
    size = 2 * dframes
    blocks = [
        data.features[start : start + size]
        for entry in data.files
        for start in range(
            entry["first_step"], entry["first_step"] + entry["steps"] - size + 1, size
        )
    ]
    every = 1 if most is None else max(1, len(blocks) // most)
    return torch.from_numpy(np.stack(blocks[::every]).astype(np.float32))


def rate_distortion(
    encoder: nn.Module, decoder: nn.Module, features: Tensor, latent: Quantiser, state: Quantiser
) -> list[dict[str, float]]:
    """Bits and distortion at every constant level, over full runs of 26 chunks."""
    z, s = encode(encoder, features)
    z = z[:, -1 - 2 * np.arange(MAX_CHUNKS)]
    true = features[:, -4 * MAX_CHUNKS :].flip(1)
    rows = []
    for q in range(LEVELS):
        level = torch.full(z.shape[:2], q)
        z_hat, z_q = latent.quantise(z, level)
        s_hat, s_q = state.quantise(s[:, -1], level[:, 0])
        decoded = decode(decoder, z_hat, level, s_hat)
        distortion = feature_distortion(decoded, true).mean(0)
        rows.append(
            {
                "level": q,
                "distortion": float(distortion.mean()),
                "newest": float(distortion[:4].mean()),
                "latent_bits": float(latent.bits(z_q, level).sum(-1).mean()),
                "state_bits": float(state.bits(s_q, level[:, 0]).sum(-1).mean()),
            }
        )
    return rows


def total_bits(row: dict[str, float], chunks: int = MAX_CHUNKS) -> float:
    """Bits of a payload body."""
    return row["state_bits"] + chunks * row["latent_bits"]


def rate_at_equal_distortion(
    ours: list[dict[str, float]], reference: list[dict[str, float]]
) -> float:
    """Mean ratio of rates over the distortions that both curves cover."""

    def curve(rows: list[dict[str, float]]) -> tuple[np.ndarray, np.ndarray]:
        points = sorted((np.log(r["distortion"]), np.log(total_bits(r))) for r in rows)
        return np.array([p[0] for p in points]), np.array([p[1] for p in points])

    (xa, ya), (xb, yb) = curve(ours), curve(reference)
    grid = np.linspace(max(xa[0], xb[0]), min(xa[-1], xb[-1]), 50)
    return float(np.exp((np.interp(grid, xa, ya) - np.interp(grid, xb, yb)).mean()))


def decoder_agreement(
    decoder: nn.Module,
    wanted: nn.Module,
    encoder: nn.Module,
    features: Tensor,
    latent: Quantiser,
    state: Quantiser,
) -> dict[str, float]:
    """RMS differences of two decoders for the same symbols, mean over all levels."""
    z, s = encode(encoder, features)
    z = z[:, -1 - 2 * np.arange(MAX_CHUNKS)]
    squares = np.zeros(20)
    for q in range(LEVELS):
        level = torch.full(z.shape[:2], q)
        symbols = (latent.quantise(z, level)[0], level, state.quantise(s[:, -1], level[:, 0])[0])
        delta = decode(decoder, *symbols) - decode(wanted, *symbols)
        squares += delta.square().mean((0, 1)).numpy() / LEVELS
    return {
        "cepstrum": float(np.sqrt(squares[:18].mean())),
        "pitch": float(np.sqrt(squares[18])),
        "voicing": float(np.sqrt(squares[19])),
    }


def synthesise(
    network: nn.Module, data: SpeechData, entries: list[dict[str, int]], frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Original and synthetic pcm [files, frames * 160]; two frames of each file are given."""
    starts = np.array([entry["first_step"] + 2 for entry in entries])
    features = torch.from_numpy(data.excerpt(data.features, starts, frames + 2).copy())
    pcm = data.waveform((starts + 1) * STEP - DELAY, frames * STEP)
    signal = pcm.copy()
    signal[:, 1:] -= np.float32(PREEMPHASIS) * pcm[:, :-1]
    signal[:, 0] = 0.0
    made = network(features, torch.from_numpy(signal[:, : 2 * STEP]), next_period(features))
    out = made.reshape(len(starts), -1).numpy().astype(np.float64)
    last = pcm[:, 2 * STEP - 1].astype(np.float64)
    for n in range(2 * STEP, out.shape[1]):
        last = out[:, n] + PREEMPHASIS * last
        out[:, n] = last
    out[:, : 2 * STEP] = pcm[:, : 2 * STEP]
    return pcm, np.clip(out, -1.0, 1.0)


def vocoder_quality(
    network: nn.Module, data: SpeechData, files: int, score: Score
) -> dict[str, dict[str, float]]:
    """Scores of features-to-speech, 5.6 s of each file: mean, half of its 95 % interval, files."""
    usable = [e for e in data.files if e["steps"] >= VOCODER_FRAMES + 8]
    entries = usable[:: max(1, len(usable) // files)][:files]
    if not entries:
        raise ValueError(f"{data.folder}: no file is as long as {VOCODER_FRAMES / 100} s")
    pairs = zip(*synthesise(network, data, entries, VOCODER_FRAMES), strict=True)
    return summary([score(a, b) for a, b in pairs])


def summary(scores: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean of every score, half of its 95 % interval, and of how many; NaN does not count."""
    out = {}
    for name in scores[0]:
        values = np.array([row[name] for row in scores if np.isfinite(row[name])])
        spread = values.std(ddof=1) if len(values) > 1 else float("nan")
        out[name] = {
            "mean": float(values.mean()) if len(values) else float("nan"),
            "interval": float(1.96 * spread / np.sqrt(max(1, len(values)))),
            "files": len(values),
        }
    return out


def pesq_only(reference: np.ndarray, produced: np.ndarray) -> dict[str, float]:
    """The one score whose package needs no other."""
    from pesq import pesq

    return {"pesq": pesq(16000, reference, produced, "wb")}


def scratch_curve(weights: Path, features: Tensor) -> list[dict[str, float]]:
    """Rate-distortion of a coder with statistics of its own, which lie beside it as .npz."""
    statistics = weights.with_suffix(".npz")
    latent, state = Quantiser(statistics, "latent"), Quantiser(statistics, "state")
    sizes = latent.scale.shape[1], state.scale.shape[1]
    coder = [kind(*sizes).eval().requires_grad_(False) for kind in (RdovaeEncoder, RdovaeDecoder)]
    for network in coder:
        export.load(network, weights)
    return rate_distortion(coder[0], coder[1], features, latent, state)


def coder_report(
    ours: list[Path], reference: Path, features: Tensor, statistics: Path
) -> dict[str, object]:
    """Rate-distortion of the four encoder-decoder pairs, and how the decoders agree."""
    latent, state = Quantiser(statistics, "latent"), Quantiser(statistics, "state")
    encoders = {
        "ours": load_network(RdovaeEncoder, ours),
        "reference": load_network(RdovaeEncoder, [reference]),
    }
    decoders = {
        "ours": load_network(RdovaeDecoder, ours),
        "reference": load_network(RdovaeDecoder, [reference]),
    }
    curves = {
        f"{e} encoder, {d} decoder": rate_distortion(
            encoders[e], decoders[d], features, latent, state
        )
        for e in encoders
        for d in decoders
    }
    base = curves[BASE]
    return {
        "curves": curves,
        "rate_ratio": {name: rate_at_equal_distortion(rows, base) for name, rows in curves.items()},
        "agreement": {
            f"symbols of the {name} encoder": decoder_agreement(
                decoders["ours"], decoders["reference"], encoder, features, latent, state
            )
            for name, encoder in encoders.items()
        },
    }


def network_report(
    data: SpeechData,
    ours: list[Path],
    reference: Path,
    statistics: Path,
    parts: tuple[str, ...] = PARTS,
    files: int = 24,
    score: Score = pesq_only,
    sequences: int | None = None,
) -> dict[str, Any]:
    """Figures of every network in `parts`, ours beside the reference's where both have them.

    `files` are for the vocoder, `sequences` of 3.12 s (default all) for the coder.
    """
    result: dict[str, Any] = {}
    sides = {"ours": ours, "reference": [reference]}
    folder = data.folder
    with torch.no_grad():
        if "coder" in parts:
            features = feature_blocks(data, 3 * MAX_CHUNKS, sequences)
            result["coder"] = coder_report(ours, reference, features, statistics)
        if "pitch" in parts:
            pitch = PitchTask(PitchConfig(), folder, folder, reference)
            result["pitch"] = pitch.evaluate(load_network(type(pitch.model), ours))
        if "plc" in parts:
            plc = PlcTask(PlcConfig(), folder, folder)
            result["plc"] = {
                side: plc.evaluate(load_network(type(plc.model), weights))
                for side, weights in sides.items()
            }
        if "vocoder" in parts:
            result["vocoder"] = {}
            for side, weights in sides.items():
                network = load_network(Fargan, weights)
                set_fake_int8(network, side == "ours")
                result["vocoder"][side] = vocoder_quality(network, data, files, score)
    return result


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("valid", type=Path)
    parser.add_argument("--ours", type=Path, nargs="+", required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--statistics", type=Path, required=True)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--files", type=int, default=24)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    parts = tuple(args.parts.split(","))
    data = SpeechData(args.valid)
    result = network_report(data, args.ours, args.reference, args.statistics, parts, args.files)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
