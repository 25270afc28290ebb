# SPDX-License-Identifier: BSD-3-Clause
"""Successive model updates to new speakers: size and quality of sparse ones beside full ones.

Each round fine-tunes the feature predictor to a few files (speakers) of a data folder, once with
all weights free and once with a small share of them, each from its own last result. The end of
every file is held out and measured, as is a validation folder, for what was forgotten.
Run: `python tools/bench/updates.py DATA VALID OUT` (needs the extra train).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

from dred.cli.options import integer, number
from dred.models import embedded_files
from dred.models.update import diff
from dred.train import export
from dred.train.loop import Run
from dred.train.plc import PlcConfig, PlcTask
from dred.train.sparse_update import SparseUpdate

HELD_OUT = 0.2  # of each file, its end


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="data folder of 'dred train features'")
    parser.add_argument("valid", type=Path, help="another one, of other speakers")
    parser.add_argument("out", type=Path, help="folder for weights, updates and updates.json")
    parser.add_argument("--source", default="speechocean762", help="files whose name begins so")
    parser.add_argument("--rounds", type=integer(1), default=5)
    parser.add_argument("--speakers", type=integer(1), default=4, help="files of a round")
    parser.add_argument("--share", type=number(0.001, 1.0), default=0.1, help="of the weights")
    parser.add_argument("--minutes", type=number(0.01), default=1.0, help="of each fine-tuning")
    return parser


def task_of(args: argparse.Namespace, config: PlcConfig, files: list[dict[str, Any]]) -> PlcTask:
    """Trains on the beginning of these files and is measured on their end."""
    task = PlcTask(config, args.data, args.data)
    task.data.files, task.valid.files = [], []
    for entry in files:
        cut = round(entry["steps"] * (1 - HELD_OUT))
        rest = {"first_step": entry["first_step"] + cut, "steps": entry["steps"] - cut}
        task.data.files.append({**entry, "steps": cut})
        task.valid.files.append({**entry, **rest})
    return task


def tune(
    args: argparse.Namespace, files: list[dict[str, Any]], base: Path, share: float
) -> tuple[bytes, dict[str, float]]:
    """The fine-tuned weights, and its losses on these speakers and on others, before and after."""
    config = PlcConfig(minutes=args.minutes, lr=5e-4, muon_lr=0.002, warmup_steps=5)
    task = task_of(args, config, files)
    others = PlcTask(config, args.valid, args.valid)
    export.load(task.model, base)
    constraint = SparseUpdate(task.model, base, share) if share < 1.0 else None
    run = Run(task, args.out / base.stem, resume=False, constraint=constraint)
    with torch.no_grad():
        before = task.evaluate(run.average)["loss"]
    run.train()
    out = run.folder / "tuned.bin"
    run.save(out)
    export.load(run.average, out)
    with torch.no_grad():
        figures = {
            "before": before,
            "after": task.evaluate(run.average)["loss"],
            "others": others.evaluate(run.average)["loss"],
        }
    return out.read_bytes(), figures


def main() -> int:
    args = get_parser().parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    entries = [
        e
        for e in json.loads((args.data / "files.json").read_text())
        if e["source"].startswith(args.source)
    ]
    wanted = args.rounds * args.speakers
    if len(entries) < wanted:
        print(f"{args.data}: {len(entries)} files of {args.source}, not {wanted}", file=sys.stderr)
        return 1
    weights = {kind: embedded_files()["plc.bin"] for kind in ("sparse", "full")}
    rows = []
    print("round        kind    bytes  of full  before   after  others")
    for number_ in range(args.rounds):
        files = entries[number_ * args.speakers : (number_ + 1) * args.speakers]
        for kind, share in (("sparse", args.share), ("full", 1.0)):
            base = args.out / f"{kind}_{number_}.bin"
            base.write_bytes(weights[kind])
            new, figures = tune(args, files, base, share)
            size = len(diff(weights[kind], new).data)
            rows.append({"round": number_ + 1, "kind": kind, "bytes": size, **figures})
            print(
                f"{number_ + 1:5d}{kind:>12s}{size:9d}{100 * size / len(new):8.1f} %"
                + "".join(f"{figures[key]:8.3f}" for key in ("before", "after", "others")),
                flush=True,
            )
            weights[kind] = new
    (args.out / "updates.json").write_text(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
