# SPDX-License-Identifier: BSD-3-Clause
"""`dred trace make|stats|fit|convert`: loss traces from models, what they are like, their forms."""

import argparse
from typing import TYPE_CHECKING, Any

from dred.cli.captures import add_stream, open_stream, refuse_ssrc
from dred.cli.options import add_json, integer, number, print_json

if TYPE_CHECKING:
    from dred.rtp.capture import CapturedStream
    from dred.traces import DelayStats, TraceStats, Transit

FORMS = ".txt, .rle, .csv, .pcap, .pcapng"
LONGEST_TABLE = 20  # rows of a histogram worth printing
EPILOG = """\
models: bernoulli:p=0.2 | gilbert:p=0.06,r=0.25[,h=0,k=1] | markov:p=0.02/0.5[/...] |
burst:every=2s,length=300ms | trace:FILE, and stages of a network, joined by +:
jitter:mean=40ms,sd=20ms[,base=0ms,correlation=0] | reorder:p=0.02,by=2 |
duplicate:p=0.01[,after=5ms] | queue:link=100k,cross=60k[,depth=200ms,burst=500ms] |
playout:delay=60ms
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("trace", help="make, measure, fit and convert loss traces")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    make = actions.add_parser(
        "make", help="draw a trace from a model", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    make.add_argument("model", metavar="MODEL", help="a loss model or a network, see below")
    make.add_argument("--packets", type=integer(1), default=3000, metavar="N", help="default 3000")
    make.add_argument("--seed", type=integer(0), default=1, metavar="S", help="default 1")
    make.add_argument(
        "--packet-ms", type=number(2.5, 120), default=20.0, metavar="MS", help="default 20"
    )
    make.add_argument(
        "--bitrate", type=integer(500, 10_000_000), default=32000, metavar="BPS",
        help="of the packets, where a model asks for it (default 32000)",
    )  # fmt: skip
    make.add_argument(
        "-o", "--output", default="-", metavar="FILE", help=f"{FORMS} (default: text on stdout)"
    )

    stats = actions.add_parser("stats", help="loss rate, bursts, gaps, memory, delays")
    stats.add_argument("file", metavar="FILE", help=FORMS)
    stats.add_argument("--plot", metavar="FILE.png", help="draw them")
    add_stream(stats)
    add_json(stats)

    fit = actions.add_parser("fit", help="the models nearest to a trace, best first")
    fit.add_argument("file", metavar="FILE", help=FORMS)
    fit.add_argument("--order", type=integer(1, 10), default=3, metavar="N",
                     help="of the longest Markov chain to try (default 3)")  # fmt: skip
    add_stream(fit)
    add_json(fit)

    convert = actions.add_parser("convert", help="write a trace in another form, by its suffix")
    convert.add_argument("input", metavar="IN", help=FORMS)
    convert.add_argument("output", metavar="OUT", help=FORMS)
    add_stream(convert)


def run(args: argparse.Namespace) -> None:
    {"make": _make, "stats": _stats, "fit": _fit, "convert": _convert}[args.action](args)


def _make(args: argparse.Namespace) -> None:
    import numpy as np

    from dred.traces import Network, parse_model, send, write_trace, write_transit

    model = parse_model(args.model)
    sizes = np.full(args.packets, round(args.bitrate * args.packet_ms / 8000), np.int64)
    rng = np.random.default_rng(args.seed)
    transit = send(model, args.packets, rng, args.packet_ms, sizes)
    # A loss model knows no times: its CSV says what is lost, no more.
    if isinstance(model, Network) or args.output.lower().endswith((".pcap", ".pcapng")):
        write_transit(args.output, transit)
    else:
        write_trace(args.output, transit.lost)


def _read(path: str, ssrc: int | None) -> "tuple[Transit, bool]":
    from dred.traces import read_transit

    chosen: list[CapturedStream] = []

    def choose(name: str, data: bytes) -> "CapturedStream":
        chosen.append(open_stream(name, data, ssrc)[1])
        return chosen[0]

    found = read_transit(path, choose=choose)
    if not chosen:
        refuse_ssrc(path, ssrc)
    return found


def _stats(args: argparse.Namespace) -> None:
    from dred.traces import measure, measure_delays

    transit, timed = _read(args.file, args.ssrc)
    stats = measure(transit.lost)
    delays = measure_delays(transit) if timed else None
    if args.plot:
        from dred.traces.plot import plot_trace

        plot_trace(args.plot, transit, args.file, timed)
    if args.json:
        print_json(stats.as_dict() | {"delays": delays.as_dict() if delays else None})
    else:
        _print(stats, delays)
        if args.plot:
            print(f"\nlook: {args.plot}")


def _print(stats: "TraceStats", delays: "DelayStats | None") -> None:
    print(f"packets        {stats.packets}")
    print(f"lost           {stats.lost} ({100 * stats.loss_rate:.1f} %)")
    print(f"bursts         {stats.bursts}, mean {stats.mean_burst:.2f}, "
          f"longest {stats.longest_burst} packets")  # fmt: skip
    print(f"gaps           mean {stats.mean_gap:.1f}, longest {stats.longest_gap} packets")
    if delays:
        print(f"delays         median {delays.median_ms:.1f}, 95 % below {delays.p95_ms:.1f}, "
              f"99 % below {delays.p99_ms:.1f}, longest {delays.longest_ms:.1f} ms "
              "beyond the fastest")  # fmt: skip
        print(f"order          {delays.overtaken} overtaken, {delays.duplicates} came twice")
    if stats.gilbert_p is not None and stats.gilbert_r is not None:
        print(f"Gilbert model  gilbert:p={stats.gilbert_p:.4g},r={stats.gilbert_r:.4g}")
    if stats.autocorrelation:
        shown = [f"{stats.autocorrelation[lag - 1]:.2f} at {lag}"
                 for lag in (1, 2, 5, 10, 20, 50) if lag <= len(stats.autocorrelation)]  # fmt: skip
        print(f"correlation    {', '.join(shown)} packets")
    _table("burst length", stats.burst_histogram)
    _table("gap length", stats.gap_histogram)


def _table(title: str, counts: dict[int, int]) -> None:
    """A histogram; what is long and rare in one line."""
    if not counts:
        return
    print(f"\n{title:<14} how many")
    rows = list(counts.items())
    for length, count in rows[:LONGEST_TABLE]:
        print(f"{length:12d}   {count}")
    if rest := rows[LONGEST_TABLE:]:
        print(f"{rest[0][0]:6d}..{rest[-1][0]}   {sum(count for _, count in rest)}")


def _fit(args: argparse.Namespace) -> None:
    from dred.traces import fit_models

    transit, _ = _read(args.file, args.ssrc)
    fits = fit_models(transit.lost, args.order)
    if args.json:
        print_json({"fits": [fit.as_dict() for fit in fits]})
        return
    print("BIC above the best  parameters  model")
    for fit in fits:
        print(f"{fit.bic - fits[0].bic:18.1f}  {fit.parameters:10d}  {_short(fit.text)}")


def _short(text: str) -> Any:
    """Long chains have 2^n numbers; a terminal has not."""
    return text if len(text) <= 100 else f"{text[:90]}... (--json has all)"


def _convert(args: argparse.Namespace) -> None:
    from dred.traces import write_trace, write_transit

    transit, timed = _read(args.input, args.ssrc)
    if timed or args.output.lower().endswith((".pcap", ".pcapng")):
        write_transit(args.output, transit)
    else:
        write_trace(args.output, transit.lost)
