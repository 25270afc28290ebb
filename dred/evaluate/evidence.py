# SPDX-License-Identifier: BSD-3-Clause
"""Records of a sweep made small enough to ship: what advice needs of them, and no more.

Files are put into a few groups of one size, whose means stand for files: comparisons of two
settings on the same speech, and intervals over speech, stay possible. One header line, then one
line for each trace, scheme and bitrate.
"""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dred.errors import DredError
from dred.evaluate.cells import metric_names
from dred.evaluate.metrics import METRICS
from dred.evaluate.sweep import PURPOSES, SOURCES, read_records
from dred.simulate import JITTER_MS

Record = dict[str, Any]
MARK = "dred evidence 1"
GROUPS = 16
MAX_BYTES = 200_000
# Of a cell, the same for all of its groups: sums over runs, then means of them.
SUMS = ("packets", "lost", *SOURCES)
MEANS = ("kbps", "seconds", "trace_loss", "trace_burst", *(f"kbps_{p}" for p in PURPOSES),
         "delay_p95_ms", "jitter_ms")  # fmt: skip
# Of records that do not say it.
UNSAID = {"jitter_ms": float(JITTER_MS)}


def compact(records: Sequence[Record]) -> str:
    """The text of an evidence file, below MAX_BYTES."""
    lossy = [record for record in records if record["trace"]]
    if not lossy:
        raise DredError("the records hold no simulation with losses, so nothing to advise from")
    groups = GROUPS
    while len(text := _format(lossy, groups)) > MAX_BYTES:
        groups //= 2
        if groups < 2:
            raise DredError(f"the evidence takes {len(text)} bytes; sweep fewer settings")
    return text


def _format(records: Sequence[Record], groups: int) -> str:
    files = sorted({record["file"] for record in records})
    # As even as can be: of 24 files in 16 groups, eight would count twice as much as the others.
    groups = math.ceil(len(files) / math.ceil(len(files) / groups))
    place = {name: index % groups for index, name in enumerate(files)}
    metrics = metric_names(records)
    cells: dict[tuple[str, str, int], list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda r: str(r["key"])):
        cells[record["trace"], record["scheme"], record["bitrate"]].append(record)
    header = {"kind": MARK, "files": len(files), "runs": len(records), "sums": SUMS, "means": MEANS,
              "metrics": metrics}  # fmt: skip
    lines = [_json(header)]
    for (trace, scheme, bitrate), own in sorted(cells.items()):
        quality = [_group_means(own, name, place, groups) for name in metrics]
        lines.append(
            _json([
                trace, scheme, bitrate,
                [sum(r[name] for r in own) for name in SUMS],
                [round(float(np.mean([_said(r, name) for r in own])), 4) for name in MEANS],
                quality,
            ])
        )  # fmt: skip
    return "\n".join(lines) + "\n"


def _said(record: Record, name: str) -> float:
    return float(record.get(name, UNSAID.get(name, 0.0)))


def waited_ms(records: Sequence[Record]) -> float:
    """The longest that receivers waited in these simulations."""
    return max((_said(record, "jitter_ms") for record in records), default=UNSAID["jitter_ms"])


def _group_means(
    records: Sequence[Record], metric: str, place: dict[str, int], groups: int
) -> list[float | None]:
    """Mean of a metric in each group of files, None where there is none."""
    found: list[list[float]] = [[] for _ in range(groups)]
    for record in records:
        if record.get(metric) is not None:
            found[place[record["file"]]].append(record[metric])
    digits = METRICS[metric].digits + 1
    return [round(float(np.mean(values)), digits) if values else None for values in found]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def read_evidence(path: str | os.PathLike[str]) -> tuple[list[Record], int]:
    """Records for advise, of an evidence file or of results of a sweep, and how many files of
    speech they are of."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            first = file.readline()
            is_compact = MARK in first
            lines = file.read().splitlines() if is_compact else []
    except (OSError, UnicodeDecodeError) as reason:
        raise DredError(f"{path}: cannot be read: {reason}") from None
    if not is_compact:
        # Sweeps with other options, or of another version, may have been there before.
        last = {_names(record): record for record in read_records(path)}
        return list(last.values()), len({record["file"] for record in last.values()})
    try:
        header = json.loads(first)
        records = [r for line in lines for r in _expand(json.loads(line), header)]
        return records, int(header["files"])
    except (ValueError, TypeError, KeyError, IndexError):
        raise DredError(f"{path}: is damaged; make it again with dred sweep --evidence") from None


def _names(record: Record) -> tuple[Any, ...]:
    return tuple(record[name] for name in ("file", "trace", "scheme", "bitrate"))


def _expand(line: list[Any], header: dict[str, Any]) -> list[Record]:
    trace, scheme, bitrate, sums, means, quality = line
    count = len(quality[0]) if quality else 1
    shared = dict(zip(header["means"], means, strict=True))
    metrics = header["metrics"]
    shared |= {name: value / count for name, value in zip(header["sums"], sums, strict=True)}
    return [
        {
            "key": f"{trace} {scheme} {bitrate} {group}", "file": f"group {group}", "trace": trace,
            "scheme": scheme, "bitrate": bitrate, **shared,
            **{name: values[group] for name, values in zip(metrics, quality, strict=True)},
        }
        for group in range(count)
    ]  # fmt: skip
