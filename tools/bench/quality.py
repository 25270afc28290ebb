# SPDX-License-Identifier: BSD-3-Clause
"""Everything that says how good the networks are, ours beside reference weights, in one run.

Rate-distortion at all sixteen levels with both cross pairs, agreement of the decoders, pitch,
feature predictor, vocoder alone, and the whole chain over losses. Measure on `valid` while tuning
and on `test` for the record. Writes OUT/quality.json and OUT/rate_distortion.png.

Needs the extras train and eval, and weights to compare with; by default those of the optional
extra data ($DRED_SHARED, default ../shared). Run: `python tools/bench/quality.py valid OUT`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dred
from dred.cli.options import integer, progress
from dred.evaluate.metrics import measure
from dred.io.wav import read_wav
from dred.models import embedded_files, load_models
from dred.traces import parse_model, read_trace
from dred.train.data import SpeechData
from dred.train.features import AUDIO, build
from dred.train.rdovae import MAX_CHUNKS
from dred.train.report import (
    BASE,
    PARTS,
    feature_blocks,
    network_report,
    scratch_curve,
    summary,
    total_bits,
)

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DRED_SHARED", ROOT.parent / "shared"))
REFERENCE = SHARED / "reference" / "opus-1.6.1"
RUN_SECONDS = 0.04 * MAX_CHUNKS
CHAIN_SCHEMES = ("neural-plc", "dred")
BURST = "burst:every=5s,length=1000ms"
PACKETS = 3000  # of a made-up trace: a minute


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("split", choices=("valid", "test"), help="valid to tune, test for records")
    parser.add_argument("out", type=Path, help="folder for the results")
    parser.add_argument("--speech", type=Path, help="folder of the speech (16 kHz mono)")
    parser.add_argument("--data", type=Path, help="its data folder, if it was made before")
    parser.add_argument("--ours", type=Path, nargs="+", help="weight files (default: embedded)")
    parser.add_argument("--reference", type=Path, default=REFERENCE / "weights.bin")
    parser.add_argument("--statistics", type=Path, default=REFERENCE / "statistics.npz")
    parser.add_argument("--scratch", type=Path, help="weights of the from-scratch profile (.bin)")
    parser.add_argument("--parts", default=",".join((*PARTS, "chain")), help="what to measure")
    parser.add_argument("--files", type=integer(1), default=24, help="for speech (default 24)")
    parser.add_argument(
        "--sequences", type=integer(1), help="of 3.12 s, for rate-distortion (default all)"
    )
    parser.add_argument("--losses", default="10,20,30,40", help="percent, of the whole chain")
    parser.add_argument("--metrics", default="pesq,stoi,plcmos")
    parser.add_argument("--bitrate", type=integer(6000), default=32000, help="of the whole chain")
    return parser


def our_files(args: argparse.Namespace) -> list[Path]:
    """Our weight files; the embedded ones are written out once."""
    if args.ours:
        return list(args.ours)
    folder = args.out / "embedded"
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in embedded_files().items():
        (folder / name).write_bytes(image)
    return sorted(folder.glob("*.bin"))


def data_folder(args: argparse.Namespace, speech: Path) -> Path:
    """Features of the speech, with the reference's pitch network; computed where they lack."""
    if args.data is not None:
        return Path(args.data)
    folder = args.out / f"{args.split}.data"
    if not (folder / "files.json").exists():
        build(speech, folder, args.reference, progress=lambda files: progress(files, "features"))
    return folder


def lost_packets(loss: str) -> list[int]:
    """A recorded trace of this loss in percent where there is one, else a model's, seeded."""
    if loss != "burst" and (recorded := SHARED / "traces" / f"realistic_{loss}_1.txt").exists():
        return [int(flag) for flag in read_trace(recorded)]
    share = 0.0 if loss == "burst" else float(loss) / 100
    leave = 0.3
    model = BURST if loss == "burst" else f"gilbert:p={leave * share / (1 - share):.4f},r={leave}"
    return [int(flag) for flag in parse_model(model).draw(PACKETS, np.random.default_rng(1), 20)]


def chain_cases(args: argparse.Namespace, speech: Path) -> list[tuple[Path, str, str]]:
    """(file, loss, scheme) of every run of the whole chain."""
    paths = sorted(path for path in speech.rglob("*") if path.suffix in AUDIO)
    chosen = paths[:: max(1, len(paths) // args.files)][: args.files]
    losses = [*args.losses.split(","), "burst"]
    return [
        (path, loss, scheme)
        for loss in losses
        for scheme in (CHAIN_SCHEMES if loss != "burst" else ("dred",))
        for path in chosen
    ]


def chain(args: argparse.Namespace, speech: Path, ours: list[Path]) -> dict[str, Any]:
    """Scores of speech through sender, losses and receiver, with either weights."""
    joined = args.out / "ours.bin"
    joined.write_bytes(b"".join(path.read_bytes() for path in ours))
    models = {"ours": load_models(joined), "reference": load_models(args.reference)}
    names = args.metrics.split(",")
    rows: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    for path, loss, scheme in progress(chain_cases(args, speech), "chain"):
        pcm, rate = read_wav(path)
        announced = 20 if loss == "burst" else int(loss)
        for side, weights in models.items():
            lost = lost_packets(loss)
            result = dred.simulate(pcm, rate, lost, scheme, args.bitrate, announced, weights)
            scores = measure(pcm, result.pcm, rate, names)
            rows.setdefault((loss, scheme, side), []).append(scores)
    table: dict[str, Any] = {}
    for (loss, scheme, side), scores in rows.items():
        table.setdefault(f"{scheme}, loss {loss}", {})[side] = summary(scores)
    return table


def plot(coder: dict[str, Any], path: Path) -> None:
    """Rate against distortion, one line per pair of encoder and decoder."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 6))
    for name, rows in coder["curves"].items():
        rates = [total_bits(row) / RUN_SECONDS for row in rows]
        style = "k--" if name == BASE else "o-"
        axes.loglog(rates, [row["distortion"] for row in rows], style, label=name, markersize=4)
    axes.set_xlabel("redundancy, bit/s (runs of 1.04 s)")
    axes.set_ylabel("mean feature distortion")
    axes.set_title("Rate and distortion at the sixteen levels")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The essentials in words."""
    if "coder" in result:
        for name, ratio in result["coder"]["rate_ratio"].items():
            yield f"rate at equal distortion, {name}: {ratio:.3f}"
        for name, rms in result["coder"]["agreement"].items():
            figures = ", ".join(f"{key} {value:.3f}" for key, value in rms.items())
            yield f"decoder against the reference's, {name}: {figures}"
    if "pitch" in result:
        yield f"pitch: voiced frames that agree {result['pitch']['agree_voiced']:.1%}"
    for side, figures in result.get("plc", {}).items():
        yield f"feature predictor, {side}: loss {figures['loss']:.3f}"
    tables = {"vocoder alone": result.get("vocoder", {}), **result.get("chain", {})}
    for name, sides in tables.items():
        for side, scores in sides.items():
            text = ", ".join(
                f"{key} {score['mean']:.3f} ± {score['interval']:.3f}"
                for key, score in scores.items()
            )
            yield f"{name}, {side}: {text}"


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    parts = args.parts.split(",")
    if unknown := set(parts) - {*PARTS, "chain"}:
        print(
            f"no part {min(unknown)!r}; there are {', '.join((*PARTS, 'chain'))}", file=sys.stderr
        )
        return 2
    speech = args.speech or SHARED / "speech" / args.split
    needed = {args.reference, args.statistics, speech if args.data is None else args.data}
    if absent := sorted(str(path) for path in needed if not path.exists()):
        print(f"{absent[0]}: not there; name it by an option or set DRED_SHARED", file=sys.stderr)
        return 1
    torch.set_num_threads(1)
    torch.manual_seed(0)
    args.out.mkdir(parents=True, exist_ok=True)
    ours = our_files(args)
    names = args.metrics.split(",")
    result: dict[str, Any] = {
        "split": args.split,
        "weights": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in ours},
    }
    if set(parts) & set(PARTS):
        data = SpeechData(data_folder(args, speech))
        result |= network_report(
            data, ours, args.reference, args.statistics, tuple(parts), args.files,
            lambda reference, produced: measure(reference, produced, 16000, names),
            args.sequences,
        )  # fmt: skip
        if args.scratch is not None and "coder" in result:
            features = feature_blocks(data, 3 * MAX_CHUNKS, args.sequences)
            with torch.no_grad():
                result["coder"]["curves"]["from scratch"] = scratch_curve(args.scratch, features)
    if "chain" in parts:
        result["chain"] = chain(args, speech, ours)
    (args.out / "quality.json").write_text(json.dumps(result, indent=1) + "\n")
    if "coder" in result:
        plot(result["coder"], args.out / "rate_distortion.png")
    print("\n".join(lines(result)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
