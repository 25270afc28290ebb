# SPDX-License-Identifier: BSD-3-Clause
"""Records of a sweep, gathered: one cell per scheme, bitrate and loss rate, with intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dred.evaluate.metrics import METRICS
from dred.evaluate.statistics import Estimate, bootstrap_mean
from dred.evaluate.sweep import PURPOSES, SOURCES

Record = dict[str, Any]
# Traces whose loss rates lie within this of the lowest of a group are one group.
GROUP_WIDTH = 0.04


@dataclass(frozen=True)
class Group:
    """Traces of about the same loss rate."""

    traces: tuple[str, ...]
    loss: float  # mean share of packets lost, 0..1
    burst: float  # mean packets per burst

    @property
    def title(self) -> str:
        return f"{100 * self.loss:.0f} %"


@dataclass(frozen=True)
class Cell:
    """What a scheme reaches at a bitrate and loss. group: index; None where nothing is lost."""

    scheme: str
    bitrate: int
    group: int | None
    kbps: float
    loss: float
    files: int
    count: int
    frames: dict[str, float]  # shares by source
    split: dict[str, float]  # kb/s by purpose
    delay: float  # ms that a receiver has to wait for 95 % of the frames, mean over the runs
    quality: dict[str, Estimate]


def metric_names(records: Iterable[Record]) -> list[str]:
    """The metrics that the records hold, in the order of the table of metrics."""
    present = {name for record in records for name in record if record[name] is not None}
    return [name for name in METRICS if name in present]


def group_traces(records: Iterable[Record]) -> list[Group]:
    """The traces by loss rate, lowest first."""
    traces = {r["trace"]: (r["trace_loss"], r["trace_burst"]) for r in records if r["trace"]}
    groups: list[list[str]] = []
    for name in sorted(traces, key=lambda name: (traces[name][0], name)):
        if not groups or traces[name][0] - traces[groups[-1][0]][0] > GROUP_WIDTH:
            groups.append([])
        groups[-1].append(name)
    return [
        Group(tuple(names), *(float(np.mean([traces[n][i] for n in names])) for i in (0, 1)))
        for names in groups
    ]


def gather(records: Sequence[Record], groups: Sequence[Group] | None = None) -> list[Cell]:
    """The cells, by scheme (in order of appearance), bitrate and loss rate."""
    groups = group_traces(records) if groups is None else groups
    place = {name: index for index, group in enumerate(groups) for name in group.traces}
    schemes = {name: i for i, name in enumerate(dict.fromkeys(r["scheme"] for r in records))}
    found: dict[tuple[str, int, int | None], list[Record]] = defaultdict(list)
    # Sorted: the order in which parallel jobs end must not change a digit.
    for record in sorted(records, key=lambda r: str(r["key"])):
        if not record["trace"] or record["trace"] in place:
            where = (record["scheme"], record["bitrate"], place.get(record["trace"]))
            found[where].append(record)
    metrics = metric_names(records)
    order = sorted(found, key=lambda k: (schemes[k[0]], k[1], -1 if k[2] is None else k[2]))
    return [_cell(where, found[where], metrics) for where in order]


def _cell(
    where: tuple[str, int, int | None], records: Sequence[Record], metrics: Iterable[str]
) -> Cell:
    packets = sum(r["packets"] for r in records)
    frames = {name: sum(r[name] for r in records) for name in SOURCES}
    total = max(1, sum(frames.values()))
    files = [r["file"] for r in records]
    return Cell(
        *where,
        kbps=_per_packet(records, "kbps"),
        loss=sum(r["lost"] for r in records) / max(1, packets),
        files=len(set(files)),
        count=len(records),
        frames={name: count / total for name, count in frames.items()},
        split={name: _per_packet(records, f"kbps_{name}") for name in PURPOSES},
        delay=float(np.mean([r.get("delay_p95_ms", 0.0) for r in records])),
        quality={name: bootstrap_mean([_value(r, name) for r in records], files)
                 for name in metrics},
    )  # fmt: skip


def _per_packet(records: Sequence[Record], name: str) -> float:
    """Mean over all packets together: long files count for more, as they do on a network."""
    packets = sum(r["packets"] for r in records)
    return sum(r.get(name, 0.0) * r["packets"] for r in records) / max(1, packets)


def _value(record: Record, metric: str) -> float:
    value = record.get(metric)
    return float("nan") if value is None else float(value)
