# SPDX-License-Identifier: BSD-3-Clause
"""`dred sweep CORPUS`: many files, traces, schemes and bitrates; tables and a report."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dred.cli.options import add_json, add_models, integer, number, print_json, progress, warn

if TYPE_CHECKING:
    from dred.evaluate.cells import Cell, Group

DEFAULT_SCHEMES = "clean,plc,neural-plc,lbrr,dred,dred+lbrr"
DEFAULT_BITRATES = "16000,24000,32000,40000"
MAX_FAILURES = 20  # worth printing
EPILOG = """\
Run the same command again to go on after an interruption: what OUT/results.jsonl holds is not
computed again. A Dask cluster on this machine, for --cluster tcp://127.0.0.1:8786 (one thread per
worker; ENTER ends it):

  python -c "from distributed import LocalCluster as L; c = L(n_workers=2, threads_per_worker=1,
  scheduler_port=8786, dashboard_address=None); input(c.scheduler_address)"
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "sweep", help="many files x traces x schemes x bitrates, on all cores or a cluster",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("corpus", metavar="CORPUS", help="folder of sound files, or one file")
    parser.add_argument("--traces", required=True, metavar="DIR", help="folder, or one file")
    parser.add_argument("--out", required=True, metavar="DIR",
                        help="results.jsonl, results.parquet, report.html")  # fmt: skip
    parser.add_argument("--schemes", default=DEFAULT_SCHEMES, metavar="LIST",
                        help=f"separated by commas (default {DEFAULT_SCHEMES})")  # fmt: skip
    parser.add_argument("--bitrates", type=_bitrates, default=DEFAULT_BITRATES, metavar="LIST",
                        help=f"bit/s in all (default {DEFAULT_BITRATES})")  # fmt: skip
    parser.add_argument("--metrics", default="pesq,stoi", metavar="LIST",
                        help="as of dred simulate (default pesq,stoi)")  # fmt: skip
    parser.add_argument("--equal", choices=("total", "regular"), default="total",
                        help="what bitrates are of: all that is sent (default), or the regular "
                        "frames, with redundancy on top")  # fmt: skip
    parser.add_argument("--loss-percent", type=integer(0, 100), metavar="P",
                        help="what senders are told (default: the rate of each trace)")  # fmt: skip
    parser.add_argument("--dred-ms", type=integer(0, 1040), default=1000, metavar="MS",
                        help="past speech described in every packet (default 1000)")  # fmt: skip
    parser.add_argument("--frame-ms", type=int, choices=(10, 20, 40, 60), default=20,
                        help="default 20")  # fmt: skip
    parser.add_argument("--seconds", type=number(0.5), metavar="S",
                        help="use the beginning of each file only")  # fmt: skip
    parser.add_argument("--files", type=integer(1), metavar="N",
                        help="use N files, evenly over the corpus")  # fmt: skip
    parser.add_argument("--jobs", type=integer(1), metavar="N",
                        help="processes (default: one per core)")  # fmt: skip
    parser.add_argument("--cluster", metavar="ADDRESS",
                        help="of a Dask scheduler, instead of processes here")  # fmt: skip
    add_models(parser)
    add_json(parser)


def _bitrates(text: str) -> list[int]:
    return [integer(6000, 510000)(part.strip()) for part in text.split(",")]


def split(text: str) -> list[str]:
    """The names of a list separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def run(args: argparse.Namespace) -> int | None:
    from dred.evaluate.cells import gather, group_traces
    from dred.evaluate.report import write_sweep
    from dred.evaluate.sweep import (
        Results,
        Settings,
        find_sounds,
        find_traces,
        plan,
        run_jobs,
        write_parquet,
    )  # fmt: skip

    sounds = find_sounds(args.corpus)
    if args.files is not None and args.files < len(sounds):
        sounds = [sounds[i * len(sounds) // args.files] for i in range(args.files)]
    settings = Settings(
        split(args.schemes), args.bitrates, args.loss_percent, args.frame_ms, args.dred_ms,
        args.seconds, split(args.metrics), args.models, args.equal,
    )  # fmt: skip
    jobs = plan(sounds, find_traces(args.traces), settings)
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(folder / "results.jsonl")
    known = results.load()
    missing = [job for job in jobs if job.key not in known]

    failures = []
    computed = run_jobs(missing, args.jobs or -1, args.cluster) if missing else iter(())
    for record in progress(results.append(computed), "sweep", len(missing)):
        if "error" in record:
            failures.append(record)
        else:
            known[record["key"]] = record
    records = [known[job.key] for job in jobs if job.key in known]
    if records:
        write_parquet(records, folder / "results.parquet")
        write_sweep(folder / "report.html", records)

    groups = group_traces(records)
    cells = gather(records, groups)
    summary = {
        "simulations": len(jobs), "reused": len(jobs) - len(missing),
        "computed": len(missing) - len(failures), "failed": len(failures), "out": str(folder),
    }  # fmt: skip
    if args.json:
        rows = [_row(cell, groups) for cell in cells]
        print_json(summary | {"cells": rows, "failures": failures})
    else:
        print_cells(cells, groups)
        print(f"\n{summary['simulations']} simulations: {summary['reused']} reused, "
              f"{summary['computed']} computed, {summary['failed']} failed")  # fmt: skip
        if records:
            print(f"look: {folder}/report.html")
    _tell(failures)
    return 0 if records else 1


def _tell(failures: list[dict[str, Any]]) -> None:
    shown = failures[:MAX_FAILURES]
    warn(f"{f['file']}, {f['trace'] or 'no loss'}, {f['scheme']}, {f['bitrate']} bit/s: "
         f"{f['error']}" for f in shown)  # fmt: skip
    if len(failures) > len(shown):
        warn([f"and {len(failures) - len(shown)} more failures"])


def _row(cell: "Cell", groups: "list[Group]") -> dict[str, Any]:
    from dataclasses import asdict

    traces = list(groups[cell.group].traces) if cell.group is not None else []
    return asdict(cell) | {"traces": traces}


def print_cells(cells: "list[Cell]", groups: "list[Group]") -> None:
    """One line per cell: means with their 95 % intervals."""
    from dred.evaluate.metrics import METRICS

    names = list(cells[0].quality) if cells else []
    titles = "".join(f"  {METRICS[name].title:>18}" for name in names)
    print(f"scheme      loss  asked   kb/s{titles}  files")
    for cell in cells:
        loss = "-" if cell.group is None else groups[cell.group].title
        values = "".join(f"  {interval(cell.quality[name], METRICS[name].digits):>18}"
                         for name in names)  # fmt: skip
        print(f"{cell.scheme:10s} {loss:>5}  {cell.bitrate // 1000:5d}  {cell.kbps:5.1f}{values}"
              f"  {cell.files:5d}")  # fmt: skip


def interval(value: Any, digits: int) -> str:
    """An estimate as `2.57 [2.41, 2.70]`."""
    if value.mean != value.mean:
        return "-"
    text = f"{value.mean:.{digits}f}"
    if value.low != value.low:
        return text
    return f"{text} [{value.low:.{digits}f}, {value.high:.{digits}f}]"
