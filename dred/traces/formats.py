# SPDX-License-Identifier: BSD-3-Clause
"""Losses as text: 0 or 1 per line, CSV, run-length; knows no files and not what loses packets.

    .txt   0            .csv   packet,lost       .rle   0 x 57
           1                   0,0                      1 x 15
           0                   1,1                      0 x 3

Reading tells them apart by content. Empty lines and what follows a # are skipped in all of them.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np
import numpy.typing as npt

from dred.digits import whole
from dred.errors import TraceError

Trace = npt.NDArray[np.uint8]

FLAGS = {"0": 0, "1": 1}
# Packets in one run of a run-length file: a typing error must not fill the memory.
MAX_RUN = 10_000_000
CSV_COLUMN = "lost"


def as_trace(values: Iterable[int] | npt.NDArray[np.generic]) -> Trace:
    """Any sequence of 0 and 1 (or booleans) as a trace."""
    trace = np.asarray(values if isinstance(values, np.ndarray) else list(values))
    if trace.ndim != 1 or trace.size == 0:
        raise TraceError("a loss trace must be a sequence of at least one packet")
    if not np.isin(trace, (0, 1)).all():
        raise TraceError("a loss trace holds other values than 0 (received) and 1 (lost)")
    return trace.astype(np.uint8)


def parse_trace(text: str, name: str = "trace") -> Trace:
    """A trace from text of any of the formats; `name` is for messages."""
    lines = numbered_lines(text)
    if not lines:
        raise TraceError(f"{name}: is empty; a loss trace has one line per packet")
    first = lines[0][1]
    try:
        if "," in first:
            flags = list(_csv(lines))
        elif "x" in first and first[0] in FLAGS:
            return np.concatenate([np.full(count, flag, np.uint8) for flag, count in _runs(lines)])
        else:
            flags = [_flag(line, number) for number, line in lines]
    except TraceError as reason:
        raise TraceError(f"{name}: {reason}") from None
    if not flags:
        raise TraceError(f"{name}: holds no packets")
    return np.array(flags, np.uint8)


def numbered_lines(text: str) -> list[tuple[int, str]]:
    """The lines that say something, with their numbers."""
    return [
        (number, stripped)
        for number, line in enumerate(text.splitlines(), 1)
        if (stripped := line.split("#")[0].strip())
    ]


def format_trace(trace: Iterable[int] | Trace, suffix: str = ".txt") -> str:
    flags = as_trace(trace).tolist()
    if suffix == ".csv":
        lines = [f"packet,{CSV_COLUMN}"]
        lines += [f"{number},{flag}" for number, flag in enumerate(flags)]
    elif suffix == ".rle":
        lines = [f"{flag} x {sum(1 for _ in run)}" for flag, run in groupby(flags)]
    else:
        lines = [str(flag) for flag in flags]
    return "\n".join(lines) + "\n"


def _flag(text: str, number: int) -> int:
    if text not in FLAGS:
        raise TraceError(f"line {number}: {text[:20]!r} is neither 0 (received) nor 1 (lost)")
    return FLAGS[text]


def csv_rows(lines: list[tuple[int, str]]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV table below its names: (line, cells by name in small letters)."""
    names = csv_names(lines[0][1])
    for number, line in lines[1:]:
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != len(names):
            raise TraceError(f"line {number}: {len(cells)} columns, not {len(names)}")
        yield number, dict(zip(names, cells, strict=True))


def csv_names(line: str) -> list[str]:
    return [name.strip().lower() for name in line.split(",")]


def _csv(lines: list[tuple[int, str]]) -> Iterator[int]:
    number, first = lines[0]
    if CSV_COLUMN not in csv_names(first):
        raise TraceError(
            f"line {number}: a CSV trace needs a column named {CSV_COLUMN!r}, or two named "
            "sent_ms and arrival_ms"
        )
    for number, row in csv_rows(lines):
        yield _flag(row[CSV_COLUMN], number)


def _runs(lines: list[tuple[int, str]]) -> Iterator[tuple[int, int]]:
    for number, line in lines:
        flag, cross, count = (part.strip() for part in line.partition("x"))
        length = whole(count, MAX_RUN)
        if not cross or not length:
            raise TraceError(f"line {number}: {line[:20]!r} is no run such as '1 x 15'")
        yield _flag(flag, number), length
