# SPDX-License-Identifier: BSD-3-Clause
"""`dred relay --listen A --to B --loss MODEL --jitter MS`: a bad network, for tests."""

import argparse
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from dred.cli.options import add_json, integer, number, print_json
from dred.cli.send import address

if TYPE_CHECKING:
    from dred.net.relay import RelayStats


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("relay", help="UDP through losses and delays")
    parser.add_argument("--listen", required=True, type=address, metavar="HOST:PORT")
    parser.add_argument("--to", required=True, type=address, metavar="HOST:PORT")
    parser.add_argument(
        "--loss", metavar="MODEL",
        help="bernoulli:p=0.2 | gilbert:p=0.06,r=0.25 | burst:every=2s,length=300ms | trace:FILE",
    )  # fmt: skip
    parser.add_argument("--delay", type=number(0, 10000), default=0.0, metavar="MS",
                        help="of every packet (default 0)")  # fmt: skip
    parser.add_argument("--jitter", type=number(0, 10000), default=0.0, metavar="MS",
                        help="up to so much more, evenly spread (default 0)")  # fmt: skip
    parser.add_argument("--seed", type=integer(0), default=1, help="of loss and jitter (default 1)")
    parser.add_argument("--frame-ms", type=number(2.5, 120), default=20.0, metavar="MS",
                        help="packet duration, for bursts given in time (default 20)")  # fmt: skip
    parser.add_argument("--seconds", type=number(0), metavar="S", help="end after so long")
    parser.add_argument("--stats", action="store_true", help="say each second what happens")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from dred.net import Relay, format_address
    from dred.traces import parse_model

    relay = Relay(
        args.listen, args.to, parse_model(args.loss) if args.loss else None,
        delay_ms=args.delay, jitter_ms=args.jitter, seed=args.seed, packet_ms=args.frame_ms,
        on_second=print_second if args.stats else None,
    )  # fmt: skip
    print(f"listening on {format_address(relay.address)}", file=sys.stderr, flush=True)
    with suppress(KeyboardInterrupt):  # the usual end
        relay.run(args.seconds)
    stats = relay.stats
    if args.json:
        print_json(vars(stats))
    else:
        print(f"{stats.passed} packets passed, {stats.lost} lost")


def print_second(second: int, stats: "RelayStats") -> None:
    print(f"{second:5d} s  passed {stats.passed}  lost {stats.lost}  reports {stats.reports}"
          f"  back {stats.back}", file=sys.stderr, flush=True)  # fmt: skip
