# SPDX-License-Identifier: BSD-3-Clause
"""`dred advise`: which scheme and bitrate for a loss pattern and a budget, with the evidence."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dred.cli.options import (
    add_json,
    add_models,
    integer,
    need_metrics,
    number,
    print_json,
    progress,
    warn,
)
from dred.cli.sweep import split_schemes

if TYPE_CHECKING:
    from dred.evaluate.advise import Advice
    from dred.traces import TraceStats

SCHEMES = "plc,neural-plc,lbrr,dred,dred+lbrr"
MODEL_PACKETS = 20_000  # drawn from a loss model, to know what it is like
SPEECH_S = 6.0


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("advise", help="which scheme and bitrate to use, and why")
    parser.add_argument("--loss", required=True, metavar="TRACE",
                        help="trace file, or a loss model as gilbert:p=0.06,r=0.25")  # fmt: skip
    parser.add_argument("--budget", required=True, type=integer(6000, 510000), metavar="BPS",
                        help="bit/s of packets in all")  # fmt: skip
    parser.add_argument("--metric", default="pesq", metavar="NAME",
                        help="what to judge by: pesq, stoi, plcmos (default pesq)")  # fmt: skip
    parser.add_argument("--evidence", metavar="FILE",
                        help="written by dred sweep: evidence, results.jsonl, or the folder of it "
                        "(default: what comes with the package, about its own models; where "
                        "nothing does, as --measure)")  # fmt: skip
    parser.add_argument("--measure", action="store_true",
                        help="simulate this very trace now; takes minutes")  # fmt: skip
    parser.add_argument("--jitter-ms", type=number(0, 5000), metavar="MS",
                        help="measure with receivers of this play-out delay (the evidence of the "
                        "package: 1100)")  # fmt: skip
    parser.add_argument("--schemes", default=SCHEMES, metavar="LIST",
                        help=f"to measure (default {SCHEMES})")  # fmt: skip
    parser.add_argument("--speech", metavar="DIR",
                        help="measure with these sounds (default: samples/)")  # fmt: skip
    parser.add_argument("--seconds", type=number(0.5), default=SPEECH_S, metavar="S",
                        help="of each file to measure with (default 6)")  # fmt: skip
    parser.add_argument("--jobs", type=integer(1), metavar="N",
                        help="processes (default: one per core)")  # fmt: skip
    add_models(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from dred.evaluate.advise import advise
    from dred.evaluate.evidence import waited_ms
    from dred.traces import measure

    if args.evidence is not None and args.jitter_ms is not None and not args.measure:
        raise ValueError(
            "--jitter-ms: what --evidence holds was simulated before; leave one of them out"
        )

    trace = _trace(args.loss)
    stats = measure(trace)
    records, origin = _evidence(args, trace)
    advice = advise(records, stats.loss_rate, stats.mean_burst, args.budget, args.metric)
    wait_ms = waited_ms(records)
    if args.json:
        print_json(_report(args, advice, stats, origin, wait_ms))
    else:
        _print(args, advice, stats, origin, wait_ms)
    if advice.is_far:
        warn(
            [
                f"the nearest evidence is of {100 * advice.evidence.loss:.0f} % loss in bursts of "
                f"{advice.evidence.burst:.1f} packets; --measure simulates your own trace"
            ]
        )


def _trace(text: str) -> Any:
    import numpy as np

    from dred.traces import parse_model, read_trace

    if ":" not in text or Path(text).exists():
        return read_trace(text)
    return parse_model(text).draw(MODEL_PACKETS, np.random.default_rng(1))


def _evidence(args: argparse.Namespace, trace: Any) -> tuple[list[dict[str, Any]], str]:
    """Records, and where they come from."""
    from dred.errors import DredError
    from dred.evaluate.evidence import read_evidence

    if args.evidence is not None and not args.measure:
        path = Path(args.evidence)
        path = path / "results.jsonl" if path.is_dir() else path
        if not path.exists():
            raise DredError(f"{path}: no such file; name what dred sweep wrote")
        records, files = read_evidence(path)
        return records, f"{path}, of {_count(files, 'file')}"
    # Other models may do better or worse than those that the package's evidence is of, receivers
    # that wait less do worse, and whoever names speech wants to know about that.
    named = (args.models, args.speech, args.jitter_ms)
    if not args.measure and all(value is None for value in named):
        shipped = shipped_evidence()
        if shipped.exists():
            records, files = read_evidence(shipped)
            return records, f"the package's own sweep of {_count(files, 'file')}"
        warn(["no evidence shipped; measuring on the trace itself, which takes minutes"])
    return _measure(args, trace), "measured now, on the trace itself"


def shipped_evidence() -> Path:
    """Where a package has the evidence that it comes with, if any."""
    from dred import evaluate

    return Path(evaluate.__file__).with_name("evidence.jsonl")


def _measure(args: argparse.Namespace, trace: Any) -> list[dict[str, Any]]:
    import tempfile

    from dred.errors import DredError
    from dred.evaluate.sweep import Settings, find_sounds, plan, run_jobs
    from dred.traces import write_trace

    samples = Path(__file__).resolve().parents[2] / "samples"
    if args.speech is None and not samples.is_dir():
        raise DredError(
            "no speech to measure with; name a folder of it (--speech), or what a sweep found "
            "(--evidence)"
        )
    need_metrics([args.metric], asked=True)
    sounds = find_sounds(args.speech or samples)
    # The budget, and what could be saved.
    bitrates = sorted({max(6000, round(args.budget * share, -3)) for share in (0.5, 0.75, 1)})
    bitrates = [min(int(bitrate), args.budget) for bitrate in bitrates]
    settings = Settings(
        split_schemes(args.schemes), bitrates, seconds=args.seconds, metrics=[args.metric],
        models=args.models,
        **({} if args.jitter_ms is None else {"jitter_ms": args.jitter_ms}),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.txt"
        write_trace(path, trace)
        jobs = plan(sounds, [path], settings)
        records = list(progress(run_jobs(jobs, args.jobs or -1), "measuring", len(jobs)))
    good = [record for record in records if "error" not in record]
    warn(record["error"] for record in records[:3] if "error" in record)
    if not good:
        raise DredError("no simulation succeeded")
    return good


def _command(advice: "Advice", stats: "TraceStats", wait_ms: float) -> str:
    """What gives at home what the simulations gave: the sender is told what it was told there."""
    from dred.simulate import find_scheme

    scheme = find_scheme(advice.best.scheme)
    percent = max(1, round(100 * stats.loss_rate)) if scheme.dred or scheme.lbrr else 0
    lbrr = {None: "", True: " --lbrr", False: " --no-lbrr"}[scheme.lbrr if percent else None]
    options = (
        f"--bitrate {advice.best.bitrate} --dred-ms {1000 if scheme.dred else 0}"
        f"{lbrr} --loss-percent {percent}"
        f"{f' --jitter-ms {wait_ms:g}' if scheme.dred else ''}"
    )
    if scheme.peer:
        return (
            f"an encoder of libopus with OPUS_SET_BITRATE({advice.best.bitrate}), "
            f"OPUS_SET_DRED_DURATION({100 if scheme.dred else 0}), "
            f"OPUS_SET_INBAND_FEC({int(bool(scheme.lbrr))}), OPUS_SET_PACKET_LOSS_PERC({percent})"
        )
    if scheme.red:  # copies are a matter of RTP: a file has none
        return f"dred send IN.wav --to HOST:PORT --red {scheme.red} {options}"
    return f"dred encode IN.wav OUT.opus {options}"


def _report(
    args: argparse.Namespace,
    advice: "Advice",
    stats: "TraceStats",
    origin: str,
    wait_ms: float,
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "budget": args.budget,
        "metric": advice.metric,
        "loss": stats.loss_rate,
        "mean_burst": stats.mean_burst,
        "scheme": advice.best.scheme,
        "bitrate": advice.best.bitrate,
        "command": _command(advice, stats, wait_ms),
        "jitter_ms": wait_ms,
        "best": asdict(advice.best),
        "frugal": asdict(advice.frugal) if advice.frugal else None,
        "per_scheme": [asdict(cell) for cell in advice.per_scheme],
        "lead": {name: asdict(value) for name, value in advice.lead.items()},
        "evidence": asdict(advice.evidence) | {"origin": origin, "distance": advice.distance},
    }


def _print(
    args: argparse.Namespace,
    advice: "Advice",
    stats: "TraceStats",
    origin: str,
    wait_ms: float,
) -> None:
    from dred.evaluate.metrics import METRICS
    from dred.evaluate.report.table import interval

    metric = METRICS[advice.metric]
    best = advice.best
    print(f"use {best.scheme} at {best.bitrate} bit/s ({best.kbps:.1f} kb/s sent): "
          f"{metric.title} {interval(best.quality[advice.metric], metric.digits)}")  # fmt: skip
    if advice.frugal:
        frugal = advice.frugal
        print(f"or  {frugal.scheme} at {frugal.bitrate} bit/s ({frugal.kbps:.1f} kb/s sent): "
              f"{interval(frugal.quality[advice.metric], metric.digits)}, "
              "no audible difference")  # fmt: skip
    print(f"\n    {_command(advice, stats, wait_ms)}\n")
    print(f"your trace: {100 * stats.loss_rate:.1f} % lost, bursts of {stats.mean_burst:.1f} "
          f"packets on average, the longest {stats.longest_burst}")  # fmt: skip
    near = advice.evidence
    traces = _count(len(near.traces), "trace")
    print(f"evidence:   {origin}; {traces} of {100 * near.loss:.1f} % in bursts of "
          f"{near.burst:.1f}; receivers wait {wait_ms:.0f} ms; best of each scheme within "
          f"{args.budget} bit/s:\n")  # fmt: skip
    print(f"scheme      asked   kb/s  {metric.title:>18}  {'worse than the first by':>24}")
    for cell in advice.per_scheme:
        lead = advice.lead.get(cell.scheme)
        print(f"{cell.scheme:10s} {cell.bitrate:6d}  {cell.kbps:5.1f}  "
              f"{interval(cell.quality[advice.metric], metric.digits):>18}  "
              f"{interval(lead, metric.digits) if lead else '-':>24}")  # fmt: skip


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
