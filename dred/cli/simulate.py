# SPDX-License-Identifier: BSD-3-Clause
"""`dred simulate in.wav`: one file, one loss pattern, several schemes; wavs and a table."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dred.cli.decode import add_loss_options, loss_flags
from dred.cli.encode import add_sender_options
from dred.cli.options import (
    add_json,
    add_waiting,
    need_metrics,
    print_json,
    progress,
    refuse_overwriting_input,
    warn,
)
from dred.cli.sweep import split, split_schemes
from dred.cli.trace import EPILOG as LOSS_MODELS

if TYPE_CHECKING:
    from dred.evaluate.report import Track

DEFAULT_SCHEMES = "clean,plc,neural-plc,lbrr,dred,dred+lbrr"
DEFAULT_METRICS = "pesq,stoi"
COLUMNS = ("regular", "lbrr", "red", "dred", "plc")
REPORTS = ("report.json", "report.html")
PURPOSES = ("regular", "lbrr", "red", "dred", "headers")
EPILOG = f"""\
Schemes: clean (nothing lost), none (silence), plc (libopus's own), neural-plc, lbrr, red:N (copies
of the last N packets, RFC 2198), dred, and sums as dred+lbrr or dred+red:1. Where libopus has DRED
itself (DRED_LIBOPUS names the file), libopus-neural-plc, -lbrr, -dred and -dred+lbrr: it sends and
receives alone, with its networks.
Metrics: pesq, stoi, estoi, plcmos, distortion (of features), highband (distance of spectra from 8
to 16 kHz, at rates that hold them), wer (words heard otherwise); of the last three, less is better.
Of more than 20 s, pesq and plcmos are means over pieces of at most so long.
Headers of RTP, UDP and IP come on top of kb/s; delay is how long a receiver had to wait for 95 % of
the frames.

Loss {LOSS_MODELS}"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "simulate", help="speech through lossy packets, scheme by scheme",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("input", metavar="IN.wav", help="any sound file of libsndfile; - is stdin")
    add_loss_options(parser, required=True, delays="its delays as well with --loss trace:FILE")
    parser.add_argument(
        "--schemes", default=DEFAULT_SCHEMES, metavar="LIST",
        help=f"which to compare, separated by commas (default {DEFAULT_SCHEMES})",
    )  # fmt: skip
    add_sender_options(parser)
    parser.add_argument("--out", metavar="DIR", help="write report.html and a wav per scheme here")
    parser.add_argument("--equal", choices=("total", "regular"), default="total",
                        help="the bitrate is of all that is sent (default), or of the regular "
                        "frames alone, with redundancy on top")  # fmt: skip
    add_waiting(parser)
    parser.add_argument("--metrics", metavar="LIST",
                        help=f"see below (default {DEFAULT_METRICS})")  # fmt: skip
    parser.add_argument("--no-metrics", action="store_true", help="leave them out")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from dred import load_models, simulate
    from dred.errors import AudioError
    from dred.evaluate.outcome import check_metrics, describe, scores
    from dred.evaluate.report import Track
    from dred.io.files import make_folder
    from dred.io.wav import read_speech
    from dred.io.wav_writer import write_wav
    from dred.simulate import find_scheme
    from dred.traces import parse_model

    names = split_schemes(args.schemes)
    for name in names:
        find_scheme(name)
    asked = args.metrics is not None
    metrics = check_metrics(
        [] if args.no_metrics else split(args.metrics if asked else DEFAULT_METRICS)
    )
    need_metrics(metrics, asked=asked)
    folder = Path(args.out) if args.out else None
    if folder:
        for name in (*(f"{scheme}.wav" for scheme in names), *REPORTS):
            refuse_overwriting_input(args.input, folder / name)
    pcm, rate = read_speech(args.input, warn)
    packets = len(pcm) * 1000 // (rate * args.frame_ms) + 2
    # A model is drawn for each scheme with the sizes of its packets: congestion depends on them.
    loss = parse_model(args.loss) if args.loss else loss_flags(args, packets, args.frame_ms)
    if folder:
        make_folder(folder, AudioError)
    models = load_models(args.models)

    rows, tracks = [], []
    for name in progress(names, "schemes"):
        result = simulate(
            pcm, rate, loss, name, args.bitrate, args.loss_percent, models,
            frame_ms=args.frame_ms, dred_ms=args.dred_ms, jitter_ms=args.jitter_ms,
            equal=args.equal, seed=args.seed, loss_burst=args.loss_burst,
        )  # fmt: skip
        rated = scores(pcm, result.pcm, rate, metrics)
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
        print_table(rows, metrics)
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
        for option in (
            "bitrate",
            "dred_ms",
            "loss_percent",
            "frame_ms",
            "trace",
            "loss",
            "seed",
            "equal",
            "jitter_ms",
        )
    }
    data = simulation_data(name, pcm, rate, tracks, settings)
    data_file, page = (folder / name for name in REPORTS)
    data_file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    write_simulation(page, data, pcm, rate, tracks)


def print_table(rows: list[dict[str, Any]], metrics: list[str]) -> None:
    """How it sounds and what every frame was made from; then what the bits went to."""
    from dred.evaluate.metrics import METRICS

    titles = "".join(f"  {METRICS[name].title:>10}" for name in metrics)
    width = max(11, *(len(row["scheme"]) for row in rows))
    print(
        f"{'scheme':{width}s}  kb/s  packets  lost  "
        + "  ".join(f"{c:>7}" for c in COLUMNS)
        + titles
    )
    for row in rows:
        frames = "  ".join(f"{row['frames'].get(column, 0):7d}" for column in COLUMNS)
        rated = "".join(f"  {_score(row, name, METRICS[name].digits):>10}" for name in metrics)
        counts = f"{row['packets']:7d}  {row['lost']:4d}"
        print(f"{row['scheme']:{width}s} {row['kbps']:5.1f}  {counts}  {frames}{rated}")
    print(f"\n{'kb/s of':{width}s}  total  " + "  ".join(f"{p:>7}" for p in PURPOSES) + "  delay")
    for row in rows:
        parts = "  ".join(f"{row['split'][purpose]:7.1f}" for purpose in PURPOSES)
        print(
            f"{row['scheme']:{width}s} {row['kbps']:6.1f}  {parts}  {row['delay']['p95_ms']:.0f} ms"
        )


def _score(row: dict[str, Any], name: str, digits: int) -> str:
    value = row.get(name)
    return "-" if value is None or value != value else f"{value:.{digits}f}"
