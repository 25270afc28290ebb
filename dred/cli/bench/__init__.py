# SPDX-License-Identifier: BSD-3-Clause
"""`dred bench`: what every stage costs on one core of this machine, and how near that is to what
the core can do. Each part is a module of this folder with `measure` and `lines`."""

import argparse
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from dred.cli.options import add_json, add_models, number, print_json, progress

PARTS = ("stages", "roofline", "redundancy", "threads", "streams", "worst", "program", "peer")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "bench",
        help="speed of every stage on this machine",
        description="Times are the fastest of many runs: what disturbs one only makes it longer.",
    )
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of {', '.join(PARTS)}"
    )
    add_models(parser)
    parser.add_argument(
        "--cpu", metavar="NAME", action="append", help="only these kernels, e.g. portable"
    )
    parser.add_argument(
        "--seconds", type=number(0.01, 60), default=0.3, help="time for each figure (default 0.3)"
    )
    parser.add_argument(
        "--minutes",
        type=number(0.1, 60),
        default=10,
        help="audio for the slowest call and the whole program (default 10)",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from dred.cli.bench.machine import describe
    from dred.cli.bench.setting import Setting

    setting = Setting(args.models, args.cpu, args.seconds, args.minutes)
    result: dict[str, Any] = {"machine": describe(), "models": setting.models.describe()}
    lines = [f"{result['machine']['name']}, {setting.models.cpu}; models: {setting.models.file}"]
    for part in progress(args.parts or PARTS, "bench"):
        module = import_module(f"dred.cli.bench.{part}")
        result[part] = module.measure(setting)
        lines += ["", *module.lines(result[part])]
    if args.json:
        print_json(result)
    else:
        print("\n".join(lines))


def table(rows: list[list[str]]) -> Iterator[str]:
    """Lines of cells, the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()
