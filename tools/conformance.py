#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Agreement with the reference, stage by stage and packet by packet, as one table; makes no
measurement itself. Needs the reference's vectors: DRED_SHARED, default ../shared.

Exit code 1 where any figure is beyond its limit, 2 where there are no vectors.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reference")]

import vectors  # noqa: E402

import dred  # noqa: E402
from dred.models import kernel_sets  # noqa: E402

WIDTH = 46


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compare every stage with reference vectors.")
    parser.add_argument("--cpu", action="append", metavar="NAME", help="only these kernels")
    parser.add_argument("--models", metavar="FILE", help="default: the reference's weights.bin")
    parser.add_argument(
        "--fast", action="store_true", help="two signals and four streams instead of all"
    )
    return parser


def rows(args: argparse.Namespace) -> Iterator[list[vectors.Figure]]:
    """Each quantity's figures, one per kernel set, or a single one that needs none."""
    file = args.models or vectors.folder() / "weights.bin"
    models = [dred.load_models(file, cpu=name) for name in args.cpu]
    signals, streams = vectors.modules(), vectors.streams()
    if args.fast:
        signals, streams = signals[::5], streams[::20]
    for check in vectors.STAGES.values():
        yield from zip(*(check(signals, each) for each in models), strict=True)
    by_kernels = (vectors.check_stream_features(streams, each) for each in models)
    yield from zip(*by_kernels, strict=True)
    for figure in vectors.check_payloads(signals) + vectors.check_packets(streams):
        yield [figure]


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    if not vectors.modules():
        print(f"no reference vectors in {vectors.folder()} (DRED_SHARED)", file=sys.stderr)
        return 2
    args.cpu = args.cpu or kernel_sets()
    columns = "".join(f"{name:>12}" for name in args.cpu)
    print(f"{'quantity':{WIDTH}}{columns}       limit")
    failed = 0
    for figures in rows(args):
        values = "".join(f"{figure.value:12.5g}" for figure in figures)
        sign = ">=" if figures[0].least else "<="
        good = all(figure.ok for figure in figures)
        failed += not good
        print(
            f"{figures[0].quantity:{WIDTH}}{values:{12 * len(args.cpu)}}"
            f"  {sign}{figures[0].limit:8.4g}  {'ok' if good else 'FAILED'}"
        )
    print(f"{failed} of the quantities beyond their limit" if failed else "all within limits")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
