# SPDX-License-Identifier: BSD-3-Clause
"""Send and arrival times as CSV; knows no files.

    packet,lost,sent_ms,arrival_ms,bytes
    0,0,0.000,41.250,80
    1,1,20.000,,80                         an empty arrival: it never came
    2,0,40.000,77.125,80
    2,0,40.000,82.125,80                   it came twice

Of these columns sent_ms and arrival_ms are needed; sent_s and arrival_s, in seconds, do as well.
Without numbers of packets, every row is one; a number that no row has, between others, is of a
packet that never came, as where only arrivals were noted.
"""

from __future__ import annotations

import math

import numpy as np

from dred.digits import whole
from dred.errors import TraceError
from dred.traces.formats import MAX_RUN, csv_names, csv_rows, numbered_lines
from dred.traces.transit import Transit

COLUMNS = "packet,lost,sent_ms,arrival_ms,bytes"
UNITS = {"ms": 1.0, "s": 1000.0}
LARGEST = 999_999_999  # number of a packet, or of its bytes


def has_times(text: str) -> bool:
    """Whether this is a table of times."""
    lines = numbered_lines(text)
    if not lines:
        return False
    names = csv_names(lines[0][1])
    return any(f"sent_{unit}" in names and f"arrival_{unit}" in names for unit in UNITS)


def parse_times(text: str, name: str = "trace") -> Transit:
    """A transit from text that has_times; `name` is for messages."""
    lines = numbered_lines(text)
    names = csv_names(lines[0][1])
    unit = next(u for u in UNITS if f"sent_{u}" in names and f"arrival_{u}" in names)
    sent: dict[int, float] = {}
    came: dict[int, list[float]] = {}
    sizes: dict[int, int] = {}
    try:
        for index, (line, row) in enumerate(csv_rows(lines)):
            packet = _whole(row.get("packet", str(index)), line)
            sent[packet] = _time_ms(row[f"sent_{unit}"], unit, line)
            arrival = row[f"arrival_{unit}"]
            if arrival:
                came.setdefault(packet, []).append(_time_ms(arrival, unit, line))
            sizes[packet] = _whole(row.get("bytes") or "0", line)
    except TraceError as reason:
        raise TraceError(f"{name}: {reason}") from None
    if not sent:
        raise TraceError(f"{name}: holds no packets")
    known = sorted(sent)
    order = range(known[0], known[-1] + 1)
    if len(order) > MAX_RUN:
        raise TraceError(f"{name}: numbers its packets from {known[0]} to {known[-1]}")
    first = {packet: sorted(arrivals) for packet, arrivals in came.items()}
    return Transit(
        np.interp(order, known, [sent[packet] for packet in known]),
        np.array([first[packet][0] if packet in first else math.inf for packet in order]),
        np.array([sizes.get(packet, 0) for packet in order], np.int64),
        tuple((packet - known[0], ms) for packet in known for ms in first.get(packet, [])[1:]),
    )


def format_times(transit: Transit) -> str:
    again: dict[int, list[float]] = {}
    for packet, arrival in transit.copies:
        again.setdefault(packet, []).append(arrival)
    lines = [COLUMNS]
    for i, arrival in enumerate(transit.arrival_ms.tolist()):
        for ms in (arrival, *again.get(i, ())):
            lost = math.isinf(ms)
            shown = "" if lost else f"{ms:.3f}"
            lines.append(f"{i},{lost:d},{transit.sent_ms[i]:.3f},{shown},{transit.sizes[i]}")
    return "\n".join(lines) + "\n"


def _time_ms(text: str, unit: str, line: int) -> float:
    try:
        value = UNITS[unit] * float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TraceError(f"line {line}: {text[:20]!r} is no time")
    return value


def _whole(text: str, line: int) -> int:
    value = whole(text, LARGEST)
    if value is None:
        raise TraceError(f"line {line}: {text[:20]!r} is no whole number")
    return value
