# SPDX-License-Identifier: BSD-3-Clause
"""The tables of a sweep as Markdown: quality by scheme and loss, for each metric and bitrate."""

from __future__ import annotations

from collections.abc import Sequence

from dred.evaluate.cells import Cell, Group
from dred.evaluate.metrics import METRICS
from dred.evaluate.statistics import Estimate


def format_tables(cells: Sequence[Cell], groups: Sequence[Group]) -> str:
    """Means and their 95 % intervals; kb/s and what they went to, over all losses."""
    parts = []
    for metric in (name for name in METRICS if any(name in cell.quality for cell in cells)):
        for bitrate in sorted({cell.bitrate for cell in cells}):
            own = [cell for cell in cells if cell.bitrate == bitrate]
            parts.append(_table(metric, bitrate, own, groups))
    return "\n\n".join(parts) + "\n"


def _table(metric: str, bitrate: int, cells: Sequence[Cell], groups: Sequence[Group]) -> str:
    files = max(cell.files for cell in cells)
    less = ", less is better" if METRICS[metric].lower_is_better else ""
    head = ["scheme", *(f"{group.title} lost" for group in groups), "kb/s sent", "of which"]
    lines = [
        f"### {METRICS[metric].title}{less}, {bitrate / 1000:g} kb/s asked, {files} files",
        "",
        _row(head),
        _row(["---"] + ["---:"] * (len(head) - 2) + ["---"]),
    ]
    for scheme in dict.fromkeys(cell.scheme for cell in cells):
        own = {cell.group: cell for cell in cells if cell.scheme == scheme}
        found = [own.get(index, own.get(None)) for index in range(len(groups))]
        values = [interval(cell.quality[metric], METRICS[metric].digits) if cell else "–"
                  for cell in found]  # fmt: skip
        every = list(own.values())
        count = sum(cell.count for cell in every)
        kbps = sum(cell.kbps * cell.count for cell in every) / count
        split = {
            name: sum(cell.split[name] * cell.count for cell in every) / count
            for name in every[0].split
        }
        shown = [f"{name} {value:.1f}" for name, value in split.items() if value >= 0.05]
        lines.append(_row([scheme, *values, f"{kbps:.1f}", ", ".join(shown)]))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def interval(value: Estimate, digits: int) -> str:
    """An estimate as `2.57 [2.41, 2.70]`."""
    if value.mean != value.mean:
        return "–"
    text = f"{value.mean:.{digits}f}"
    if value.low != value.low:
        return text
    return f"{text} [{value.low:.{digits}f}, {value.high:.{digits}f}]"
