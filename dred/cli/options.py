# SPDX-License-Identifier: BSD-3-Clause
"""What several sub-commands share: types and checks of arguments, JSON output, a progress bar."""

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from dred.digits import finite

T = TypeVar("T")

SIMULATED_WAIT_MS = 1100.0


def integer(low: int, high: int | None = None) -> Callable[[str], int]:
    """An argparse type: a whole number from low to high."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if value < low or (high is not None and value > high):
            limits = f"at least {low}" if high is None else f"from {low} to {high}"
            raise argparse.ArgumentTypeError(f"must be {limits}, not {value}")
        return value

    return parse


def number(low: float, high: float = math.inf) -> Callable[[str], float]:
    """An argparse type: a number from low to high."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
        if not low <= value <= high or math.isinf(value):
            limits = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
            raise argparse.ArgumentTypeError(f"must be {limits}, not {text}")
        return value

    return parse


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def add_waiting(parser: argparse.ArgumentParser) -> None:
    """How long the receivers of simulations wait; shared by simulate, sweep and decode. The
    default is that of the library, written twice so that help does not load the codec."""
    parser.add_argument(
        "--jitter-ms", type=number(0, 5000), default=SIMULATED_WAIT_MS, metavar="MS",
        help="play-out delay of the receiver: bursts are repaired up to it (default "
        f"{SIMULATED_WAIT_MS:.0f})",
    )  # fmt: skip


def add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", metavar="FILE", help="model file (default: the embedded ones)")


def print_json(value: dict[str, Any]) -> None:
    """The one object of `--json`. Numbers that are not finite become null: JSON has none."""
    json.dump(finite(value), sys.stdout, indent=2)
    print()


def refuse_overwriting_input(source: str, target: str | os.PathLike[str]) -> None:
    """A ValueError where writing the target would destroy what is read: one file, by whatever
    names. Streams and devices are nobody's input."""
    names = (source, target)
    if all(map(os.path.isfile, names)) and os.path.samefile(*names):
        raise ValueError(f"{os.fspath(target)}: would overwrite its input; name another file")


def need_metrics(names: Sequence[str], *, asked: bool) -> None:
    """Metrics whose packages are missing: an UnavailableError where the user asked for these
    metrics, else a warning."""
    from dred.errors import UnavailableError
    from dred.evaluate.outcome import missing_packages

    missing = missing_packages(names)
    if missing and asked:
        raise UnavailableError(missing[0])
    if missing:
        warn(["; ".join(missing)])


def warn(lines: Iterable[str]) -> None:
    """Remarks on stderr, one line each."""
    for line in lines:
        print(f"dred: warning: {line}", file=sys.stderr)


def progress(items: Iterable[T], label: str, total: int | None = None) -> Iterable[T]:
    """The items, with a bar on stderr where that is a terminal; without tqdm, a line."""
    if not sys.stderr.isatty():
        return items
    try:
        from tqdm import tqdm
    except ImportError:
        return _counted(items, label, total)
    bar: Iterable[T] = tqdm(items, desc=label, total=total, file=sys.stderr, leave=False)
    return bar


def _counted(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    """The items, with how many of them are done in a line that is rubbed out at the end."""
    if total is None and isinstance(items, Sequence):
        total = len(items)
    shown = ""
    try:
        for done, item in enumerate(items):
            share = f"{100 * done // total} %" if total else str(done)
            if share != shown:
                print(f"\r{label}: {share}", end="", file=sys.stderr, flush=True)
                shown = share
            yield item
    finally:
        print(f"\r{' ' * (len(label) + 12)}\r", end="", file=sys.stderr, flush=True)
