# SPDX-License-Identifier: BSD-3-Clause
"""One picture to look at: spectrograms of several files as sent and as heard after losses.

A row per file, a column per scheme, the stretch of each file with most losses; lost packets are
black ticks under each spectrogram. Run: `python tools/bench/spectrograms.py OUT.png FILE...`
(needs the extra eval).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dred.cli.options import number, progress
from dred.io.wav import read_wav
from dred.models import load_models
from dred.simulate import simulate
from dred.traces import read_trace

Pcm = npt.NDArray[np.float32]
WINDOW, HOP = 512, 80
RANGE_DB = 70.0


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="picture to write (png, svg, pdf)")
    parser.add_argument("files", type=Path, nargs="+", help="speech")
    parser.add_argument("--trace", type=Path, required=True, help="0 or 1 per packet of 20 ms")
    parser.add_argument("--schemes", default="clean,neural-plc,lbrr,dred", help="columns")
    parser.add_argument("--bitrate", type=int, default=32000, help="bit/s in all (default 32000)")
    parser.add_argument("--models", type=Path, help="model file (default: the embedded ones)")
    parser.add_argument("--seconds", type=number(0.5), default=2.0, help="shown of each file")
    return parser


def power_db(pcm: Pcm) -> npt.NDArray[np.float64]:
    """Level of every bin and step in dB, [bins, steps]."""
    frames = np.lib.stride_tricks.sliding_window_view(pcm, WINDOW)[::HOP] * np.hanning(WINDOW)
    return np.asarray(20 * np.log10(np.abs(np.fft.rfft(frames)) + 1e-5).T)


def busiest(lost: npt.NDArray[np.uint8], packets: int) -> int:
    """First packet of the stretch in which most are lost."""
    inside = np.convolve(lost, np.ones(min(packets, len(lost))), "valid")
    return int(np.argmax(inside))


def panel(axes: Any, pcm: Pcm, rate: int, lost: npt.NDArray[np.uint8], start: float) -> None:
    """One spectrogram, with ticks under it where packets were lost."""
    level = power_db(pcm)
    top = level.max()
    extent = (start, start + len(pcm) / rate, 0, rate / 2000)
    axes.imshow(
        level, origin="lower", aspect="auto", extent=extent, cmap="magma",
        vmin=top - RANGE_DB, vmax=top, interpolation="nearest",
    )  # fmt: skip
    for index in np.flatnonzero(lost):
        axes.axvspan(start + 0.02 * index, start + 0.02 * (index + 1), ymax=0.04, color="cyan")
    axes.set_xlim(extent[:2])


def main() -> int:
    args = get_parser().parse_args()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    schemes = args.schemes.split(",")
    models, trace = load_models(args.models), read_trace(args.trace)
    rows = len(args.files)
    figure, grid = pyplot.subplots(
        rows, len(schemes), figsize=(4.2 * len(schemes), 2.2 * rows), squeeze=False, sharey="row"
    )
    for row, path in zip(grid, progress(args.files, "files"), strict=True):
        pcm, rate = read_wav(path)
        for axes, scheme in zip(row, schemes, strict=True):
            result = simulate(pcm, rate, trace, scheme, args.bitrate, models=models)
            packets = min(round(args.seconds / 0.02), len(result.lost))
            if scheme == schemes[0]:
                first = busiest(np.resize(trace, len(result.lost)), packets)
            begin, end = (round(0.02 * rate * n) for n in (first, first + packets))
            heard = np.asarray(result.pcm[begin:end], np.float32).reshape(end - begin, -1)[:, 0]
            panel(axes, heard, rate, result.lost[first : first + packets], 0.02 * first)
            axes.set_title(f"{path.stem[-20:]}  {scheme}", fontsize=8)  # names differ at their ends
            axes.tick_params(labelsize=6)
        row[0].set_ylabel("kHz", fontsize=7)
    figure.tight_layout()
    figure.savefig(args.out, dpi=110)
    return 0


if __name__ == "__main__":
    sys.exit(main())
