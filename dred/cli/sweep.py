# SPDX-License-Identifier: BSD-3-Clause
"""`dred sweep CORPUS`: many files, traces, schemes and bitrates; tables and a report."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dred.cli.options import (
    add_json,
    add_models,
    add_waiting,
    integer,
    need_metrics,
    number,
    print_json,
    progress,
    warn,
)

if TYPE_CHECKING:
    from dred.evaluate.cells import Cell, Group

DEFAULT_SCHEMES = "clean,plc,neural-plc,lbrr,dred,dred+lbrr"
MAX_FAILURES = 20  # worth printing
# Sets of options that make a known figure; what is given besides goes before.
PRESETS: dict[str, dict[str, Any]] = {
    "published": {
        "schemes": "clean,plc,neural-plc,lbrr,red:1,red:2,dred,dred+lbrr",
        "bitrates": [32000],
        "metrics": "pesq,plcmos,stoi",
        "losses": (0.1, 0.2, 0.3, 0.4),
    },
    "evidence": {
        "schemes": "plc,neural-plc,lbrr,red:1,red:2,dred,dred+lbrr",
        "bitrates": [16000, 24000, 32000, 48000],
        "metrics": "pesq,stoi",
    },
}
DEFAULTS: dict[str, Any] = {
    "schemes": DEFAULT_SCHEMES,
    "bitrates": [16000, 24000, 32000, 40000],
    "metrics": "pesq,stoi",
    "losses": None,
}
NEAR = 0.035  # a trace is of a loss rate when its own lies so near
EPILOG = """\
Presets. --preset published is the figure of the DRED paper (clean, PLC, LBRR, RED, DRED) at 10, 20,
30 and 40 % loss: of the traces, those near these rates are used.

  dred sweep CORPUS --traces DIR --preset published --out OUT

--preset evidence with --evidence FILE makes what dred advise answers from (with twelve traces, 8064
simulations: one to two hours of a core):

  dred sweep CORPUS --traces DIR --preset evidence --files 24 --seconds 6 --out OUT \\
    --evidence dred/evaluate/evidence.jsonl

Run the same command again to go on after an interruption: what OUT/results.jsonl holds is not
computed again. Where simulations fail, the rest is written, and the exit code is 1.

A Dask cluster on this machine, for --cluster tcp://127.0.0.1:8786 (one thread per worker; ENTER
ends it):

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
                        help="results.jsonl, results.parquet, report.html, table.md, "
                        "figure.png")  # fmt: skip
    parser.add_argument("--preset", choices=tuple(PRESETS), help="see below")
    parser.add_argument("--evidence", metavar="FILE",
                        help="write what dred advise needs, below 200 kB")  # fmt: skip
    parser.add_argument("--schemes", metavar="LIST",
                        help=f"separated by commas (default {DEFAULT_SCHEMES})")  # fmt: skip
    parser.add_argument("--bitrates", type=_bitrates, metavar="LIST",
                        help="bit/s (default 16000,24000,32000,40000)")  # fmt: skip
    parser.add_argument("--metrics", metavar="LIST",
                        help="as of dred simulate (default pesq,stoi)")  # fmt: skip
    parser.add_argument("--equal", choices=("total", "regular"), default="total",
                        help="what bitrates are of: all that is sent (default), or the regular "
                        "frames, with redundancy on top")  # fmt: skip
    parser.add_argument("--loss-percent", type=integer(0, 100), metavar="P",
                        help="what senders are told (default: the rate of each trace)")  # fmt: skip
    parser.add_argument("--dred-ms", type=integer(0, 1040), default=1000, metavar="MS",
                        help="past speech described in every packet at most (default "
                        "1000)")  # fmt: skip
    parser.add_argument("--frame-ms", type=int, choices=(10, 20, 40, 60), default=20,
                        help="default 20")  # fmt: skip
    add_waiting(parser)
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


def split_schemes(text: str) -> list[str]:
    """The same of a list that must name one at least."""
    names = split(text)
    if not names:
        raise ValueError(f"--schemes names no scheme; give some, as {DEFAULT_SCHEMES}")
    return names


def run(args: argparse.Namespace) -> int | None:
    from dataclasses import replace

    from dred.errors import DredError
    from dred.evaluate.cells import gather, group_traces
    from dred.evaluate.outcome import check_metrics, missing_packages
    from dred.evaluate.sweep import (
        Results,
        Settings,
        find_sounds,
        find_traces,
        plan,
        run_jobs,
    )  # fmt: skip
    from dred.io.files import make_folder

    asked = args.metrics is not None or args.preset is not None
    for name, value in (DEFAULTS | PRESETS.get(args.preset, {})).items():
        if getattr(args, name, None) is None:
            setattr(args, name, value)
    sounds = find_sounds(args.corpus)
    if args.files is not None and args.files < len(sounds):
        sounds = [sounds[i * len(sounds) // args.files] for i in range(args.files)]
    settings = Settings(
        split_schemes(args.schemes), args.bitrates, args.loss_percent, args.frame_ms, args.dred_ms,
        args.seconds, split(args.metrics), args.models, args.equal, args.jitter_ms,
    )  # fmt: skip
    traces = _near(find_traces(args.traces), args.losses)
    if args.cluster is None:  # the machines of a cluster have packages of their own
        need_metrics(check_metrics(settings.metrics), asked=asked)
        # What cannot be measured is no result: with its package the same command shall measure it.
        found = [name for name in settings.metrics if not missing_packages([name])]
        settings = replace(settings, metrics=found)
    jobs = plan(sounds, traces, settings)
    folder = Path(args.out)
    make_folder(folder, DredError)
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
    # Under today's names: of part of a corpus, a file may have been called otherwise.
    records = [known[job.key] | {"file": job.file, "trace": job.trace}
               for job in jobs if job.key in known]  # fmt: skip
    groups = group_traces(records)
    cells = gather(records, groups)
    if records:
        _write(args, folder, records, cells, groups)
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
            print(f"look: {folder}/report.html, {folder}/figure.png, {folder}/table.md")
    _tell(failures)
    # What succeeded is written, and the same command tries the rest again.
    return 1 if failures else 0


def _near(traces: list[Path], losses: Sequence[float] | None) -> list[Path]:
    """Of the traces, those near any of the loss rates; all where none are asked for."""
    from dred.errors import TraceError
    from dred.traces import measure, read_trace

    if losses is None:
        return traces
    found = {path: measure(read_trace(path)).loss_rate for path in traces}
    for loss in losses:
        if not any(abs(rate - loss) <= NEAR for rate in found.values()):
            raise TraceError(f"of the traces, none loses about {100 * loss:.0f} % of its packets")
    return [
        path for path, rate in found.items() if any(abs(rate - loss) <= NEAR for loss in losses)
    ]


def _write(
    args: argparse.Namespace,
    folder: Path,
    records: list[dict[str, Any]],
    cells: "list[Cell]",
    groups: "list[Group]",
) -> None:
    """All files but the results themselves."""
    from dred.errors import DredError, UnavailableError
    from dred.evaluate.evidence import compact
    from dred.evaluate.report import format_tables, write_figure, write_sweep
    from dred.evaluate.sweep import write_parquet
    from dred.io.files import write_bytes

    write_parquet(records, folder / "results.parquet")
    write_sweep(folder / "report.html", records)
    (folder / "table.md").write_text(format_tables(cells, groups), encoding="utf-8")
    if args.evidence:
        write_bytes(args.evidence, compact(records).encode("utf-8"), DredError)
    try:
        write_figure(folder / "figure.png", cells, groups)
    except UnavailableError as reason:
        warn([str(reason)])


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
    from dred.evaluate.report.table import interval

    names = list(cells[0].quality) if cells else []
    titles = "".join(f"  {METRICS[name].title:>18}" for name in names)
    width = max(10, *(len(cell.scheme) for cell in cells)) if cells else 10
    print(f"{'scheme':{width}s}   loss  asked   kb/s{titles}  files")
    for cell in cells:
        loss = "-" if cell.group is None else groups[cell.group].title
        values = "".join(f"  {interval(cell.quality[name], METRICS[name].digits):>18}"
                         for name in names)  # fmt: skip
        print(f"{cell.scheme:{width}s}  {loss:>5}  {cell.bitrate / 1000:5g}  {cell.kbps:5.1f}"
              f"{values}  {cell.files:5d}")  # fmt: skip
