# SPDX-License-Identifier: BSD-3-Clause
"""A picture of a trace: losses over time, bursts, gaps, memory, delays; needs matplotlib."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from dred.errors import TraceError
from dred.io.picture import blank, write_picture
from dred.traces.stats import LAGS, autocorrelation, run_lengths
from dred.traces.transit import Transit

if TYPE_CHECKING:
    from dred.traces.formats import Trace

LOST, CALM = "#dc5a17", "#2b7fd4"
ROWS = 40  # of the picture of all packets, one below the other
DPI = 130


def plot_trace(path: str | os.PathLike[str], transit: Transit, title: str, timed: bool) -> None:
    """Write a PNG (or what else the name's suffix says). timed: show delays as well."""
    flags = transit.lost
    figure = blank(11, 8.5 if timed else 6.5)
    figure.suptitle(
        f"{title}: {100 * flags.mean():.1f} % of {len(flags)} packets lost", fontsize=12
    )
    grid = figure.add_gridspec(3 if timed else 2, 3)
    _packets(figure.add_subplot(grid[0, :]), flags)
    _histogram(figure.add_subplot(grid[1, 0]), run_lengths(flags, 1), "bursts", LOST)
    _histogram(figure.add_subplot(grid[1, 1]), run_lengths(flags, 0), "gaps", CALM)
    _memory(figure.add_subplot(grid[1, 2]), flags)
    if timed:
        _delays(figure.add_subplot(grid[2, :]), transit)
    write_picture(path, figure, DPI, TraceError)


def _packets(axes: Any, flags: Trace) -> None:
    """Every packet as a dot, row by row as in a book."""
    width = max(50, -(-len(flags) // ROWS))
    rows = -(-len(flags) // width)
    picture = np.full(rows * width, np.nan)
    picture[: len(flags)] = flags
    axes.imshow(
        picture.reshape(rows, width), aspect="auto", cmap="YlOrBr", vmin=0, vmax=1.4,
        interpolation="nearest", extent=(0, width, rows * width, 0),
    )  # fmt: skip
    axes.set(xlabel="packet in the row", ylabel="first packet of the row",
             title="lost packets (dark), read like a book")  # fmt: skip


def _histogram(axes: Any, lengths: Any, what: str, colour: str) -> None:
    """How many runs are at least so long: straight lines are geometric, as in Gilbert's model."""
    if len(lengths):
        steps = np.arange(1, lengths.max() + 1)
        longer = len(lengths) - np.searchsorted(np.sort(lengths), steps)
        axes.step(steps, longer, where="mid", color=colour)
        axes.fill_between(steps, longer, step="mid", color=colour, alpha=0.2)
        axes.set_yscale("log")
    mean = lengths.mean() if len(lengths) else 0.0
    axes.set(xlabel="packets", ylabel=f"{what} at least so long",
             title=f"{len(lengths)} {what}, mean {mean:.1f}")  # fmt: skip


def _memory(axes: Any, flags: Trace) -> None:
    found = autocorrelation(flags, LAGS)
    axes.bar(range(1, len(found) + 1), found, color=LOST, width=0.8)
    axes.axhline(0, color="black", linewidth=0.8)
    # What chance alone exceeds once in twenty lags.
    chance = 1.96 / np.sqrt(len(flags))
    axes.axhspan(-chance, chance, color="grey", alpha=0.2, linewidth=0)
    axes.set(xlabel="lag in packets", ylabel="correlation", title="memory of the losses")


def _delays(axes: Any, transit: Transit) -> None:
    came = np.isfinite(transit.arrival_ms)
    axes.plot(transit.sent_ms[came] / 1000, transit.delays, ".", color=CALM, markersize=2)
    lost = transit.sent_ms[~came] / 1000
    axes.plot(lost, np.zeros(len(lost)), "|", color=LOST, markersize=8)
    axes.set(xlabel="sent at, s", ylabel="delay, ms", title="delay beyond the fastest; lost below")
