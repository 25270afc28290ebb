# SPDX-License-Identifier: BSD-3-Clause
"""`dred simulate in.wav`: one file, one loss pattern, several schemes; wavs and a table."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dred.cli.decode import add_loss_options, loss_flags
from dred.cli.encode import add_sender_options
from dred.cli.options import add_json, print_json, progress

if TYPE_CHECKING:
    from dred.evaluate.report import Track

DEFAULT_SCHEMES = "clean,plc,neural-plc,lbrr,dred,dred+lbrr"
COLUMNS = ("regular", "lbrr", "dred", "plc")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "simulate", help="speech through lossy packets, scheme by scheme"
    )
    parser.add_argument("input", metavar="IN.wav", help="any sound file of libsndfile; - is stdin")
    add_loss_options(parser, required=True)
    parser.add_argument(
        "--schemes", default=DEFAULT_SCHEMES, metavar="LIST",
        help=f"which to compare, separated by commas (default {DEFAULT_SCHEMES})",
    )  # fmt: skip
    add_sender_options(parser)
    parser.add_argument("--out", metavar="DIR", help="write report.html and a wav per scheme here")
    parser.add_argument("--no-metrics", action="store_true", help="leave out PESQ and STOI")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from dred import load_models, simulate
    from dred.evaluate.outcome import describe, scores
    from dred.evaluate.report import Track
    from dred.io.wav import read_speech, write_wav
    from dred.simulate import find_scheme

    names = [name.strip() for name in args.schemes.split(",") if name.strip()]
    for name in names:
        find_scheme(name)
    pcm, rate = read_speech(args.input)
    packets = len(pcm) * 1000 // (rate * args.frame_ms) + 2
    lost = loss_flags(args, packets, args.frame_ms)
    folder = Path(args.out) if args.out else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    models = load_models(args.models)

    rows, tracks = [], []
    for name in progress(names, "schemes"):
        result = simulate(
            pcm, rate, lost, name, args.bitrate, args.loss_percent, models,
            frame_ms=args.frame_ms, dred_ms=args.dred_ms,
        )  # fmt: skip
        rated = {} if args.no_metrics else scores(pcm, result.pcm, rate)
        row = describe(result) | rated
        if folder:
            row["wav"] = str(folder / f"{name}.wav")
            write_wav(row["wav"], result.pcm, rate)
            tracks.append(Track(result, rated))
        rows.append(row)
    if folder:
        write_reports(args, folder, pcm, rate, tracks)
    if args.json:
        print_json({"input": args.input, "bitrate": args.bitrate, "schemes": rows})
    else:
        print_table(rows)
        if folder:
            print(f"\nlisten: {folder}/<scheme>.wav")
            print(f"look:   {folder}/report.html")


def write_reports(
    args: argparse.Namespace, folder: Path, pcm: Any, rate: int, tracks: "list[Track]"
) -> None:
    """report.json, and report.html to look at and to listen to."""
    import json

    from dred.evaluate.report import simulation_data, write_simulation

    name = "standard input" if args.input == "-" else Path(args.input).name
    settings = {
        option: getattr(args, option)
        for option in ("bitrate", "dred_ms", "loss_percent", "frame_ms", "trace", "loss", "seed")
    }
    data = simulation_data(name, pcm, rate, tracks, settings)
    (folder / "report.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    write_simulation(folder / "report.html", data, pcm, rate, tracks)


def print_table(rows: list[dict[str, Any]]) -> None:
    """The rows, aligned."""
    print("scheme      kb/s  packets  lost  " + "  ".join(f"{c:>7}" for c in COLUMNS), end="")
    print("  PESQ-WB   STOI")
    for row in rows:
        frames = "  ".join(f"{row['frames'].get(column, 0):7d}" for column in COLUMNS)
        print(f"{row['scheme']:10s} {row['kbps']:5.1f}  {row['packets']:7d}  {row['lost']:4d}  "
              f"{frames}  {_score(row, 'pesq', 2):>7}  {_score(row, 'stoi', 3):>5}")  # fmt: skip


def _score(row: dict[str, Any], name: str, digits: int) -> str:
    value = row.get(name)
    return "-" if value is None else f"{value:.{digits}f}"
