# SPDX-License-Identifier: BSD-3-Clause
"""A picture of how trainings went, from the curves they keep; knows no network."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from dred.errors import ModelError
from dred.io.picture import blank, write_picture

CURVE = "curve.csv"  # of a run: step, seconds spent, quantity, value
VALID = "valid_"  # before the name of a quantity on held-out speech
COLUMNS = 4
DPI = 110
SMOOTHING = 60  # of a curve's points, so many are left apart: what is noisy is averaged
Points = tuple[list[float], list[float]]  # minutes, values
Curve = dict[str, Points]  # by quantity


def find_curves(places: Sequence[Path]) -> dict[str, dict[str, Curve]]:
    """Curves of all runs in folders, by network and then by place; a ModelError without any."""
    found: dict[str, dict[str, Curve]] = {}
    for place in places:
        for file in sorted(place.rglob(CURVE)):
            run = file.parent  # named after the network
            found.setdefault(run.name, {})[str(run.parent)] = read_curve(file)
    if not found:
        raise ModelError(
            f"{', '.join(map(str, places))}: no {CURVE} in there; name a folder of --checkpoints"
        )
    return found


def read_curve(file: Path) -> Curve:
    """What a run noted, by quantity. A last line that was cut off is left out."""
    curve: Curve = {}
    with open(file, newline="") as rows:
        for row in csv.reader(rows):
            with suppress(ValueError):  # also of rows with fewer columns
                _, seconds, quantity, value = row
                minutes, values = curve.setdefault(quantity, ([], []))
                point = float(seconds) / 60, float(value)
                minutes.append(point[0])
                values.append(point[1])
    return curve


def plot_history(path: Path, places: Sequence[Path]) -> None:
    """One panel for each quantity of each network: what was seen in training as a line, held-out
    speech as dots; runs of one network over each other."""
    found = find_curves(places)
    panels = [
        (network, quantity)
        for network, runs in found.items()
        for quantity in dict.fromkeys(
            name.removeprefix(VALID) for run in runs.values() for name in run
        )
    ]
    rows = -(-len(panels) // COLUMNS)
    figure = blank(4.2 * COLUMNS, 2.9 * rows + 0.4)
    figure.suptitle("lines: as trained; dots: held-out speech")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for panel, (network, quantity) in zip(axes, panels, strict=False):
        for index, (place, curve) in enumerate(found[network].items()):
            _draw(panel, curve, quantity, f"C{index}", place)
        panel.set(title=f"{network}: {quantity}", xlabel="minutes")
        panel.grid(alpha=0.3)
    for panel in axes[len(panels) :]:
        panel.remove()
    for network, runs in found.items():
        if len(runs) > 1:
            axes[[name for name, _ in panels].index(network)].legend(fontsize=7)
    write_picture(path, figure, DPI, ModelError)


def _draw(panel: Any, curve: Curve, quantity: str, colour: str, label: str) -> None:
    if quantity in curve:
        minutes, values = (np.array(column) for column in curve[quantity])
        panel.plot(minutes, values, color=colour, linewidth=0.6, alpha=0.35)
        panel.plot(*_smoothed(minutes, values), color=colour, linewidth=1.5, label=label)
    if VALID + quantity in curve:
        panel.plot(*curve[VALID + quantity], "o", color=colour, markersize=3.5)


def _smoothed(*columns: np.ndarray) -> list[np.ndarray]:
    """Means of neighbouring points."""
    width = max(1, len(columns[0]) // SMOOTHING)
    kept = len(columns[0]) // width * width
    return [column[:kept].reshape(-1, width).mean(1) for column in columns]
