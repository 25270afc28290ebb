# SPDX-License-Identifier: BSD-3-Clause
"""The figure of a sweep: quality against loss and bitrate, one line per scheme; needs matplotlib.

In the manner of the figure in Valin, Büthe, Mustafa, "Low-bitrate redundancy coding of speech ..."
(ICASSP 2023): means over files with their intervals, the loss-free reference above all.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from typing import Any

from dred.errors import DredError
from dred.evaluate.cells import Cell, Group
from dred.evaluate.metrics import METRICS
from dred.io.picture import blank, write_picture

COLOURS = {
    "clean": "#6b7480", "none": "#1b1e23", "plc": "#dc5a17", "neural-plc": "#c99400",
    "lbrr": "#2b7fd4", "red:1": "#a35ac6", "red:2": "#6b3fa0", "dred": "#0d9269",
    "dred+lbrr": "#00707a", "dred+red:1": "#8a6d4b", "dred+auto": "#c2377e",
}  # fmt: skip
MARKERS = "osD^vPX*<>d"
OTHERS = ("#5b7a1f", "#8c1d2f", "#4a4f9c", "#b58ab8")  # of further sums, in turns
PEER = "libopus-"  # its schemes look as ours, dotted and hollow
DPI = 150
DODGE = 0.35  # points of loss rate between neighbours, at most
SPREAD = 2.0  # points of loss rate between the first and the last, at most


def write_figure(
    path: str | os.PathLike[str], cells: Sequence[Cell], groups: Sequence[Group]
) -> None:
    """One row of panels per metric: against loss for each bitrate, then, where there are several
    bitrates, against bitrate for each loss."""
    metrics = [name for name in METRICS if any(name in cell.quality for cell in cells)]
    bitrates = sorted({cell.bitrate for cell in cells})
    by_bitrate = len(groups) if len(bitrates) > 1 else 0
    columns = len(bitrates) + by_bitrate
    if not metrics or not columns:
        return
    # A single column of metrics lies better on its side.
    shape = (1, len(metrics)) if columns == 1 else (len(metrics), columns)
    figure = blank(4.8 * shape[1] + 1.5, 3.9 * shape[0])
    axes = figure.subplots(*shape, squeeze=False, sharey="row" if columns > 1 else False)
    panels = axes.reshape(len(metrics), columns)
    for row, metric in zip(panels, metrics, strict=True):
        for axes, bitrate in zip(row, bitrates, strict=False):
            _against_loss(axes, [c for c in cells if c.bitrate == bitrate], metric)
            axes.set(xlabel="packets lost, %", title=f"{bitrate / 1000:g} kb/s")
        for axes, index in zip(row[len(bitrates) :], range(by_bitrate), strict=True):
            _against_bitrate(axes, [c for c in cells if c.group in (None, index)], metric)
            axes.set(xlabel="kb/s sent", title=f"{groups[index].title} lost")
        less = ", less is better" if METRICS[metric].lower_is_better else ""
        row[0].set_ylabel(METRICS[metric].title + less)
    # A scheme may be missing from some of the panels.
    shown = {label: handle for panel in panels.ravel()
             for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}  # fmt: skip
    names = [name for name in _by_scheme(cells) if name in shown]
    figure.legend([shown[name] for name in names], names, loc="outside right upper",
                  frameon=False)  # fmt: skip
    write_picture(path, figure, DPI, DredError)


def _against_loss(axes: Any, cells: Sequence[Cell], metric: str) -> None:
    lines = _by_scheme(cells)
    losses = [100 * cell.loss for cell in cells if cell.group is not None]
    ends = [min(losses, default=0.0), max(losses, default=1.0)]
    for place, (scheme, own) in enumerate(lines.items()):
        if own[0].group is None:  # loses nothing, wherever
            _line(axes, scheme, ends, [own[0], own[0]], metric)
        else:
            # Side by side: intervals that cover each other say nothing.
            aside = min(DODGE, SPREAD / len(lines)) * (place - (len(lines) - 1) / 2)
            _line(axes, scheme, [100 * cell.loss + aside for cell in own], own, metric)


def _against_bitrate(axes: Any, cells: Sequence[Cell], metric: str) -> None:
    for scheme, own in _by_scheme(cells).items():
        ordered = sorted(own, key=lambda cell: cell.kbps)
        _line(axes, scheme, [cell.kbps for cell in ordered], ordered, metric)


def _by_scheme(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.scheme, []).append(cell)
    return found


def _line(axes: Any, scheme: str, x: list[float], cells: Sequence[Cell], metric: str) -> None:
    values = [cell.quality[metric] for cell in cells]
    below = [max(0.0, v.mean - v.low) for v in values]
    above = [max(0.0, v.high - v.mean) for v in values]
    axes.errorbar(x, [value.mean for value in values], yerr=[below, above], label=scheme,
                  capsize=2.5, linewidth=1.6, markersize=5, **style(scheme))  # fmt: skip
    axes.grid(alpha=0.3)


def style(scheme: str) -> dict[str, str]:
    """Colour, marker and line of a scheme, the same in every figure."""
    if scheme == "clean":
        return {"color": COLOURS[scheme], "marker": "", "linestyle": "--"}
    name = scheme.removeprefix(PEER)
    if name in COLOURS:
        look = {"color": COLOURS[name], "marker": MARKERS[list(COLOURS).index(name)]}
    else:
        number = zlib.crc32(name.encode())
        look = {"color": OTHERS[number % len(OTHERS)], "marker": MARKERS[number % len(MARKERS)]}
    if name == scheme:
        return look | {"linestyle": "-"}
    return look | {"linestyle": ":", "markerfacecolor": "white"}
