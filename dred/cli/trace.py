# SPDX-License-Identifier: BSD-3-Clause
"""`dred trace make|stats|convert`: loss traces from models, their statistics, their formats."""

import argparse

from dred.cli.options import add_json, integer, number, print_json


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("trace", help="make, measure and convert loss traces")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    make = actions.add_parser("make", help="draw a trace from a loss model")
    make.add_argument(
        "model",
        metavar="MODEL",
        help="bernoulli:p=0.2 | gilbert:p=0.06,r=0.25[,h=0,k=1] | "
        "burst:every=2s,length=300ms | trace:FILE",
    )
    make.add_argument("--packets", type=integer(1), default=3000, metavar="N", help="default 3000")
    make.add_argument("--seed", type=integer(0), default=1, metavar="S", help="default 1")
    make.add_argument(
        "--packet-ms", type=number(2.5, 120), default=20.0, metavar="MS", help="default 20"
    )
    make.add_argument(
        "-o", "--output", default="-", metavar="FILE", help=".txt, .csv or .rle (default: stdout)"
    )

    stats = actions.add_parser("stats", help="loss rate, bursts and gaps of a trace")
    stats.add_argument("file", metavar="FILE")
    add_json(stats)

    convert = actions.add_parser("convert", help="write a trace in another format, by its suffix")
    convert.add_argument("input", metavar="IN")
    convert.add_argument("output", metavar="OUT", help=".txt, .csv or .rle")


def run(args: argparse.Namespace) -> None:
    {"make": _make, "stats": _stats, "convert": _convert}[args.action](args)


def _make(args: argparse.Namespace) -> None:
    import numpy as np

    from dred.traces import parse_model, write_trace

    rng = np.random.default_rng(args.seed)
    write_trace(args.output, parse_model(args.model).draw(args.packets, rng, args.packet_ms))


def _stats(args: argparse.Namespace) -> None:
    from dred.traces import measure, read_trace

    stats = measure(read_trace(args.file))
    if args.json:
        print_json(stats.as_dict())
        return
    print(f"packets        {stats.packets}")
    print(f"lost           {stats.lost} ({100 * stats.loss_rate:.1f} %)")
    print(f"bursts         {stats.bursts}, mean {stats.mean_burst:.2f}, "
          f"longest {stats.longest_burst} packets")  # fmt: skip
    print(f"gaps           mean {stats.mean_gap:.1f}, longest {stats.longest_gap} packets")
    if stats.gilbert_p is not None and stats.gilbert_r is not None:
        print(f"Gilbert model  gilbert:p={stats.gilbert_p:.4g},r={stats.gilbert_r:.4g}")
    if stats.bursts:
        print("\nburst length   how many")
        for length, count in stats.burst_histogram.items():
            print(f"{length:12d}   {count}")


def _convert(args: argparse.Namespace) -> None:
    from dred.traces import read_trace, write_trace

    write_trace(args.output, read_trace(args.input))
