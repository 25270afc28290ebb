# SPDX-License-Identifier: BSD-3-Clause
"""Tables (Markdown, as in the model card) and plots of what quality.py measured; part of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dred.evaluate.metrics import METRICS
from dred.train.curves import Row, bits_per_second

Figures = dict[str, Any]
NAMED = "ours encoder, ours decoder"
BASE = "reference encoder, reference decoder"
LEVEL = 4  # of which the newest chunk is told apart


def tables(result: Figures) -> str:
    """All tables of the sections that there are."""
    parts = [line for name, show in SHOWN.items() if name in result for line in show(result[name])]
    return f"Speech: {result['split']}\n" + "\n".join(parts) + "\n"


def grid(head: Iterable[str], body: Iterable[Iterable[str]]) -> Iterator[str]:
    """A Markdown table."""
    names = list(head)
    yield ""
    yield f"| {' | '.join(names)} |"
    yield "|---" * len(names) + "|"
    for row in body:
        yield f"| {' | '.join(row)} |"


def coder(part: Figures) -> Iterator[str]:
    """Distortion and bits by level, rates at equal distortion, both directions of compatibility."""
    curves: dict[str, list[Row]] = part["curves"]
    own = [NAMED, BASE, *(name for name in curves if " encoder, " not in name)]
    yield from grid(
        ["level", *(f"D {name}" for name in curves), *(f"bit/s {name}" for name in own)],
        (
            [
                str(level),
                *(f"{rows[level]['distortion']:.3f}" for rows in curves.values()),
                *(f"{bits_per_second(curves[name][level]):.0f}" for name in own),
            ]
            for level in range(len(curves[BASE]))
        ),
    )
    yield from grid(
        ["pair", "rate at equal distortion", f"D of the newest chunk, level {LEVEL}"],
        (
            [name, f"{ratio:.3f}", f"{curves[name][LEVEL]['newest']:.3f}"]
            for name, ratio in part["rate_ratio"].items()
        ),
    )
    by_source = sorted((ratio, name) for name, ratio in part["rate_by_source"].items())
    ratios = [ratio for ratio, _ in by_source]
    yield ""
    yield (
        f"By speaker ({len(ratios)}), our pair's rate at equal distortion is {ratios[0]:.3f} to "
        f"{ratios[-1]:.3f} ({by_source[-1][1]}), {np.median(ratios):.3f} in the median."
    )
    there = np.array([row["distortion"] for row in curves["ours encoder, reference decoder"]])
    here = np.array([row["distortion"] for row in curves[NAMED]])
    yield ""
    yield (
        "Our payloads in the reference's decoder: distortion "
        f"{np.mean(there / here):.3f} of that in ours (mean of the levels; worst "
        f"{np.max(there / here):.3f})."
    )
    yield from grid(
        ["decoders apart, rms of all levels", "cepstrum", "pitch", "voicing"],
        (
            [name, *(f"{value:.3f}" for value in apart.values())]
            for name, apart in part["agreement"].items()
        ),
    )


def by_side(part: Figures) -> Iterator[str]:
    """Figures without intervals."""
    names = list(next(iter(part.values())))
    yield from grid(
        ["", *part], ([name, *(f"{side[name]:.3f}" for side in part.values())] for name in names)
    )


def pitch(part: Figures) -> Iterator[str]:
    yield ""
    yield "Pitch network against the reference's:"
    yield from by_side(part)


def plc(part: Figures) -> Iterator[str]:
    yield ""
    yield "Feature predictor, lost steps:"
    yield from by_side(part)


def scores(rows: dict[str, Figures]) -> Iterator[str]:
    """Means with 95 % intervals, and differences file by file, of named rows."""
    metrics = list(next(iter(next(iter(rows.values())).values())))
    yield from grid(
        ["", "", "files", *(METRICS[name].title for name in metrics)],
        (
            [row, side, str(found[metrics[0]]["files"]), *(interval(found[m], m) for m in metrics)]
            for row, sides in rows.items()
            for side, found in sides.items()
        ),
    )


def interval(found: dict[str, float], metric: str) -> str:
    """A mean and its interval."""
    digits = METRICS[metric].digits + (metric == "pesq")
    mean, low, high = (f"{found[key]:.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def words(part: dict[str, Figures]) -> Iterator[str]:
    yield ""
    yield "Words: those that the recogniser hears in the original are right; mean of the files."
    yield from scores(part)


def vocoder(part: Figures) -> Iterator[str]:
    yield from scores({"vocoder alone": part})


def int8(part: Figures) -> Iterator[str]:
    """What rounding costs."""
    size = part["bytes"]
    yield ""
    yield (
        f"int8 (ours) against float: {size['ours']} bytes against {size['float']}; rate at equal "
        f"distortion {part['rate_ratio']:.4f}."
    )
    pairs = list(zip(part["curves"]["ours"], part["curves"]["float"], strict=True))
    yield from grid(
        ["level", "D int8", "D float", "difference", "bit/s int8", "bit/s float"],
        (
            [
                str(a["level"]), f"{a['distortion']:.4f}", f"{b['distortion']:.4f}",
                f"{a['distortion'] - b['distortion']:+.4f}",
                f"{bits_per_second(a):.0f}", f"{bits_per_second(b):.0f}",
            ]
            for a, b in pairs
        ),
    )  # fmt: skip
    yield from scores({"vocoder alone": part["vocoder"], **part["chain"]})


SHOWN = {
    "coder": coder, "pitch": pitch, "plc": plc, "vocoder": vocoder, "chain": scores,
    "words": words, "int8": int8,
}  # fmt: skip


def write_plots(result: Figures, out: Path) -> None:
    """rate_distortion.png and chain.png, of what there is."""
    import matplotlib

    matplotlib.use("Agg")
    if "coder" in result:
        plot_curves(result["coder"]["curves"], out / "rate_distortion.png")
    if "chain" in result:
        plot_chain(result["chain"], out / "chain.png")


def plot_curves(curves: dict[str, list[Row]], path: Path) -> None:
    """Rate against distortion, one line per coder."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 6))
    for name, rows in curves.items():
        rates = [bits_per_second(row) for row in rows]
        style = "k--" if name == BASE else "o-" if " encoder, " in name else "s-"
        axes.loglog(rates, [row["distortion"] for row in rows], style, label=name, markersize=4)
    axes.set_xlabel("redundancy, bit/s (runs of 1.04 s)")
    axes.set_ylabel("mean feature distortion")
    axes.set_title("Rate and distortion at the sixteen levels")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def plot_chain(rows: dict[str, Figures], path: Path) -> None:
    """A panel per metric: rows along the axis, sides side by side, with intervals."""
    from matplotlib import pyplot

    sides = [side for side in next(iter(rows.values())) if " - " not in side]
    metrics = list(rows[next(iter(rows))][sides[0]])
    figure, panels = pyplot.subplots(
        1, len(metrics), figsize=(5 * len(metrics), 4.5), squeeze=False
    )
    places = np.arange(len(rows))
    for axes, metric in zip(panels[0], metrics, strict=True):
        for shift, side in zip(np.linspace(-0.12, 0.12, len(sides)), sides, strict=True):
            found = [row[side][metric] for row in rows.values()]
            mean = np.array([f["mean"] for f in found])
            ends = np.abs([[f["low"] for f in found], [f["high"] for f in found]] - mean)
            axes.errorbar(places + shift, mean, ends, fmt="o", markersize=4, label=side)
        axes.set_xticks(places, list(rows), rotation=60, ha="right", fontsize=8)
        axes.set_title(METRICS[metric].title)
        axes.grid(True, axis="y", alpha=0.3)
    panels[0][0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
