# SPDX-License-Identifier: BSD-3-Clause
"""Speech through sender, losses and receiver, with several sets of weights; part of quality.py.

What results.jsonl of the output folder holds is not computed again: an interrupted run goes on,
and weights that did not change are not measured twice.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dred.cli.options import progress
from dred.errors import DredError
from dred.evaluate.statistics import bootstrap_mean
from dred.evaluate.sweep import Job, Results, Settings, find_sounds, plan, run_jobs
from dred.simulate import find_scheme
from dred.traces import parse_model, write_trace

CHAIN_SCHEMES = ("neural-plc", "dred")
WORD_SCHEMES = ("clean", "plc", "neural-plc", "lbrr", "dred")
BURST = "burst"
BURST_MODEL, BURST_TOLD = "burst:every=5s,length=1000ms", 20
PACKETS = 3000  # of a made-up trace: a minute
LEAVE = 0.3  # probability that a made-up burst ends with a packet
FLUENT = ("librispeech", "picovoice")  # sources whose speakers a recogniser follows
Scores = dict[str, float]
Table = dict[str, dict[str, dict[str, Any]]]  # row -> side -> metric -> summary


@dataclass(frozen=True)
class Chain:
    """What all runs have in common. sides: weight files by name, ours first."""

    out: Path
    sides: dict[str, Path]
    bitrate: int
    processes: int


def choose(paths: Sequence[Path], count: int) -> list[Path]:
    """`count` files, evenly over them; of a third as many every one is among them."""
    count = min(count, len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]


def fluent(speech: Path) -> list[Path]:
    """Files of fluent native speakers, where names of known sources say so; else all."""
    paths = find_sounds(speech)
    return [path for path in paths if path.name.startswith(FLUENT)] or paths


def trace_file(loss: str, chain: Chain) -> Path:
    """A recorded trace of this loss in percent where there is one, else a model's, seeded."""
    shared = Path(os.environ.get("DRED_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    recorded = shared / "traces" / f"realistic_{loss}_1.txt"
    if recorded.exists():
        return recorded
    if loss == BURST:
        model = BURST_MODEL
    else:
        share = float(loss) / 100
        model = f"gilbert:p={LEAVE * share / (1 - share):.4f},r={LEAVE}"
    path = chain.out / "traces" / f"made_{loss}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_trace(path, parse_model(model).draw(PACKETS, np.random.default_rng(1), 20))
    return path


def rows(losses: Sequence[str], schemes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(scheme, loss) of a table; what loses nothing is there once, neural PLC has no word for a
    burst of a second."""
    lossless = [scheme for scheme in schemes if find_scheme(scheme).lossless]
    yield from ((scheme, "0") for scheme in lossless)
    for loss in losses:
        for scheme in schemes:
            if scheme not in lossless and (loss != BURST or find_scheme(scheme).dred):
                yield scheme, loss


def measure(
    chain: Chain,
    sounds: Sequence[Path],
    cases: Sequence[tuple[str, str]],
    metrics: Sequence[str],
    label: str,
) -> Table:
    """Means and intervals of every case and side, and of the differences of each file between the
    first side and every other."""
    jobs = {
        (scheme, loss, side): _jobs(chain, sounds, scheme, loss, weights, metrics)
        for scheme, loss in cases
        for side, weights in _concerned(scheme, chain)
    }
    results = Results(chain.out / "results.jsonl")
    known = results.load()
    wanted = {job.key: job for group in jobs.values() for job in group}
    missing = [job for key, job in wanted.items() if key not in known]
    computed = run_jobs(missing, chain.processes) if missing else iter(())
    for record in progress(results.append(computed), label, len(missing)):
        if "error" in record:
            print(f"{label}: {record['file']}, {record['scheme']}: {record['error']}",
                  file=sys.stderr)  # fmt: skip
        else:
            known[record["key"]] = record
    table: Table = {}
    for scheme, loss in cases:
        found: dict[str, dict[str, Scores]] = {
            side: {job.file: known[job.key] for job in group if job.key in known}
            for (a, b, side), group in jobs.items()
            if (a, b) == (scheme, loss)
        }
        table[title(scheme, loss)] = compare(found, metrics)
    return table


def _concerned(scheme: str, chain: Chain) -> list[tuple[str, Path]]:
    """Sides that make a difference: without networks the first is as good as any."""
    what = find_scheme(scheme)
    sides = list(chain.sides.items())
    return sides if what.dred or what.concealment == "neural" else sides[:1]


def _jobs(
    chain: Chain, sounds: Sequence[Path], scheme: str, loss: str, weights: Path, metrics: Any
) -> list[Job]:
    told = BURST_TOLD if loss == BURST else None
    settings = Settings([scheme], [chain.bitrate], told, metrics=metrics, models=str(weights))
    trace = trace_file("20" if find_scheme(scheme).lossless else loss, chain)
    return plan(sounds, [trace], settings)


def title(scheme: str, loss: str) -> str:
    """Name of a row."""
    return f"{scheme}, 1 s burst" if loss == BURST else f"{scheme}, {loss} % loss"


def compare(found: dict[str, dict[str, Scores]], metrics: Sequence[str]) -> dict[str, Any]:
    """Summaries of scores by side and file, and of paired differences "first - other"."""
    if not any(found.values()):
        raise DredError("no run of a row succeeded; the reasons are above")
    (first, mine), *others = found.items()
    table: dict[str, Any] = {
        side: summary(list(scores.values()), metrics) for side, scores in found.items()
    }
    for side, theirs in others:
        pairs = [(mine[file], theirs[file]) for file in mine if file in theirs]
        table[f"{first} - {side}"] = summary(
            [{m: difference(a[m], b[m]) for m in metrics} for a, b in pairs], metrics
        )
    return table


def difference(a: float | None, b: float | None) -> float:
    """NaN where either is not known."""
    return float("nan") if a is None or b is None else a - b


def summary(scores: Sequence[Scores], metrics: Sequence[str]) -> dict[str, dict[str, float]]:
    """Mean of every score and its 95 % bootstrap interval, and of how many files."""
    out = {}
    for name in metrics:
        values = [row[name] for row in scores]
        found = bootstrap_mean([float("nan") if v is None else v for v in values])
        out[name] = {
            "mean": found.mean, "low": found.low, "high": found.high, "files": found.count,
        }  # fmt: skip
    return out
