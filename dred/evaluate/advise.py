# SPDX-License-Identifier: BSD-3-Clause
"""Which scheme and bitrate to use for a loss pattern and a budget, from the records of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dred.errors import DredError
from dred.evaluate.cells import Cell, Group, gather, group_traces
from dred.evaluate.metrics import METRICS
from dred.evaluate.statistics import Estimate, bootstrap_mean

# One step apart: 5 % more loss, or bursts twice as long.
LOSS_STEP = 0.05
# Traces this much further than the nearest count as well: more evidence, narrower intervals.
TOLERANCE_STEPS = 0.5
# Beyond this, the evidence is about another network.
FAR_STEPS = 2.0
# VBR sends a little more or less than it is asked to.
OVERSHOOT = 1.03


@dataclass(frozen=True)
class Advice:
    """The best cell within the budget, and what it was chosen from."""

    metric: str
    best: Cell
    # Cheapest that surely (upper end of the interval) costs next to nothing in quality, if any.
    frugal: Cell | None
    per_scheme: tuple[Cell, ...]  # the best of every scheme, best first
    lead: dict[str, Estimate]  # by scheme: by how much the best is better, file by file
    evidence: Group  # the traces that it is from
    distance: float  # of them from the pattern asked about, in steps

    @property
    def is_far(self) -> bool:
        return self.distance > FAR_STEPS


def advise(
    records: Sequence[dict[str, Any]], loss: float, burst: float, budget: int, metric: str = "pesq"
) -> Advice:
    """loss: share of packets lost. burst: mean packets per burst. budget: bit/s in all."""
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}; there are {', '.join(METRICS)}")
    evidence, distance = _nearest(records, loss, burst)
    cells = [
        cell
        for cell in gather(records, [evidence])
        if cell.group is not None and _worth(cell, metric) > -math.inf
    ]
    if not cells:
        raise DredError(f"the evidence holds no {METRICS[metric].title} under loss")
    affordable = [cell for cell in cells if _needs(cell) <= budget]
    if not affordable:
        least = min(map(_needs, cells))
        raise DredError(f"the evidence begins at {least} bit/s, above the budget of {budget}")
    ranked = sorted(affordable, key=lambda cell: (-_worth(cell, metric), cell.kbps))
    best = ranked[0]
    lead = {id(cell): _lead(records, evidence, best, cell, metric) for cell in ranked[1:]}
    frugal = [
        cell
        for cell in ranked[1:]
        if cell.kbps < best.kbps and lead[id(cell)].high < METRICS[metric].negligible
    ]
    per_scheme: dict[str, Cell] = {}
    for cell in ranked:
        per_scheme.setdefault(cell.scheme, cell)
    return Advice(
        metric=metric,
        best=best,
        frugal=min(frugal, key=lambda cell: cell.kbps, default=None),
        per_scheme=tuple(per_scheme.values()),
        lead={name: lead[id(c)] for name, c in per_scheme.items() if c is not best},
        evidence=evidence,
        distance=distance,
    )


def _needs(cell: Cell) -> int:
    """The least budget that allows it, bit/s: for what was asked, and for what was sent."""
    return max(cell.bitrate, math.ceil(1000 * cell.kbps / OVERSHOOT))


def _worth(cell: Cell, metric: str) -> float:
    """The mean of a metric, turned round where less is better."""
    value = cell.quality[metric].mean if metric in cell.quality else math.nan
    return -math.inf if math.isnan(value) else _sign(metric) * value


def _sign(metric: str) -> int:
    return -1 if METRICS[metric].lower_is_better else 1


def _nearest(records: Sequence[dict[str, Any]], loss: float, burst: float) -> tuple[Group, float]:
    """The traces that are most like this pattern, as one group, and how far the nearest is."""
    single = {record["trace"]: group_traces([record])[0] for record in records if record["trace"]}
    if not single:
        raise DredError("the evidence holds no simulation with losses")

    def steps(group: Group) -> float:
        longer = math.log2(max(burst, 1.0) / max(group.burst, 1.0))
        return abs(loss - group.loss) / LOSS_STEP + abs(longer)

    least = min(map(steps, single.values()))
    near = [group for group in single.values() if steps(group) <= least + TOLERANCE_STEPS]
    return Group(
        traces=tuple(sorted(name for group in near for name in group.traces)),
        loss=sum(group.loss for group in near) / len(near),
        burst=sum(group.burst for group in near) / len(near),
    ), least


def _lead(
    records: Sequence[dict[str, Any]], evidence: Group, best: Cell, other: Cell, metric: str
) -> Estimate:
    """By how much the best is better on the same file and trace: pairs differ less than means."""

    def values(cell: Cell) -> dict[tuple[str, str], float]:
        return {
            (r["file"], r["trace"]): r[metric]
            for r in records
            if r["scheme"] == cell.scheme and r["bitrate"] == cell.bitrate
            and r["trace"] in evidence.traces and r.get(metric) is not None
        }  # fmt: skip

    a, b = values(best), values(other)
    pairs = sorted(a.keys() & b.keys())
    leads = [_sign(metric) * (a[pair] - b[pair]) for pair in pairs]
    return bootstrap_mean(leads, [file for file, _ in pairs])
