# SPDX-License-Identifier: BSD-3-Clause
"""Our schemes beside libopus 1.6.1 on the same speech, losses and total bitrates, file by file.

`best` is what our one rule makes of a bitrate, beside the scheme of libopus that was best there.

Needs the optional extra data ($DRED_SHARED, default ../shared): the figures of libopus 1.6.1 and
the speech they were measured on. Run: `python tools/bench/equal_bitrate.py --files 20`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import dred
from dred.evaluate.metrics import measure
from dred.io.wav import read_wav

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DRED_SHARED", ROOT.parent / "shared"))
FIGURES = SHARED / "reference" / "quality" / "libopus-1.6.1.jsonl"
METRICS = ("pesq", "stoi", "plcmos")
BEST, RULE = "best", "dred+auto"
FRAME = 320  # samples of a packet at 16 kHz: the reference cut its input to whole ones


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20, help="how many files (default 20)")
    parser.add_argument("--rates", default="24,32,48,64", help="total kb/s, separated by commas")
    parser.add_argument("--schemes", default=f"neural-plc,lbrr,dred,dred+lbrr,{BEST}")
    parser.add_argument("--loss", type=int, default=20, help="announced loss: 10, 20 or 40")
    parser.add_argument("--dred-ms", type=int, default=1000)
    parser.add_argument("--models", help="model file (default: the embedded ones)")
    parser.add_argument("--metrics", default="pesq,stoi,plcmos")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", help="write every single result here")
    return parser


def jobs(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Rows of the reference that are asked for, each with the options to run ours."""
    wanted = {int(rate) for rate in args.rates.split(",")}
    schemes = args.schemes.split(",")
    rows = [json.loads(line) for line in FIGURES.read_text().splitlines()]
    names = list(dict.fromkeys(row["file"] for row in rows if row["announced"] == args.loss))
    chosen = set(names[:: max(1, len(names) // args.files)][: args.files])
    options = {"models": args.models, "dred_ms": args.dred_ms, "metrics": args.metrics}
    rows = [row for row in rows if row["file"] in chosen and row["rate"] in wanted]
    for row in rows:
        if row["scheme"] in schemes and (row["announced"] == args.loss or row["scheme"] == "clean"):
            yield {**row, **options, "ours": row["scheme"]}
    if BEST in schemes:
        for rate in wanted:
            for row in best_rows([row for row in rows if row["rate"] == rate], args.loss):
                yield {**row, **options, "ours": RULE, "scheme": f"{BEST} ({row['scheme']})"}


def best_rows(rows: list[dict[str, Any]], loss: int) -> list[dict[str, Any]]:
    """Of the reference's lossy rows at one bitrate, those of the scheme with the best mean PESQ."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["announced"] == loss and row["scheme"] != "clean":
            groups.setdefault(row["scheme"], []).append(row)
    return max(groups.values(), key=lambda group: np.mean([row["pesq"] for row in group]))


def run(job: dict[str, Any]) -> dict[str, Any]:
    """One file through our sender and receiver; figures of both sides."""
    pcm, rate = read_wav(SHARED / "speech" / "test" / job["file"])
    pcm = pcm[: len(pcm) // FRAME * FRAME]
    lost = [int(flag) for flag in job["lost"]]
    result = dred.simulate(
        pcm, rate, lost, job["ours"], job["rate"] * 1000, job["announced"],
        dred.load_models(job["models"]), dred_ms=job["dred_ms"],
    )  # fmt: skip
    heard = np.round(np.clip(result.pcm, -1, 32767 / 32768) * 32768) / 32768  # as in a wav file
    ours = measure(pcm, heard.astype(np.float32), rate, job["metrics"].split(","))
    return {
        "file": job["file"], "scheme": job["scheme"], "rate": job["rate"],
        "kbps": (job["kbps"], result.kbps),
        **{name: (job[name], value) for name, value in ours.items()},
    }  # fmt: skip


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    rng = np.random.default_rng(1)
    means = rng.choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def report(rows: list[dict[str, Any]]) -> None:
    """The table: means, mean difference with its interval, share of files that are better."""
    present = [name for name in METRICS if name in rows[0]]
    for rate, scheme in dict.fromkeys((row["rate"], row["scheme"]) for row in rows):
        group = [row for row in rows if (row["rate"], row["scheme"]) == (rate, scheme)]
        kbps = np.array([row["kbps"] for row in group]).mean(axis=0)
        print(f"{rate} kb/s {scheme}: {len(group)} files, {kbps[0]:.1f} / {kbps[1]:.1f} kb/s")
        for name in present:
            pairs = np.array([row[name] for row in group])
            difference = pairs[:, 1] - pairs[:, 0]
            low, high = interval(difference)
            print(f"  {name:7s} libopus {pairs[:, 0].mean():.3f}  ours {pairs[:, 1].mean():.3f}  "
                  f"difference {difference.mean():+.3f} [{low:+.3f}, {high:+.3f}]  "
                  f"better {100 * np.mean(difference > 0):.0f} %")  # fmt: skip


def main() -> int:
    args = get_parser().parse_args()
    if not FIGURES.exists():
        print(f"no figures of libopus in {SHARED}; set DRED_SHARED", file=sys.stderr)
        return 1
    todo = list(jobs(args))
    with ProcessPoolExecutor(args.jobs) as pool:
        rows = []
        for row in pool.map(run, todo):
            rows.append(row)
            print(f"\r{len(rows)}/{len(todo)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    report(rows)
    if args.json:
        Path(args.json).write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
