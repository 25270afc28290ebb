# SPDX-License-Identifier: BSD-3-Clause
"""What recovered audio has above 8 kHz, with and without the receiver's high band.

Sends 48 kHz speech through lossy packets and prints, per file, in dB: how far its spectrum from 8
to 16 kHz is from the original's inside gaps; by how much the high band is stronger there than where
nothing is lost, in vowels and in fricatives (mean, and what a tenth of the blocks exceeds); and
PESQ, which must not change. The first second is not lost. Run:
`python tools/bench/high_band.py FILE.wav ... [--models FILE] [--pictures DIR]`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

import dred
from dred.evaluate.metrics import high_band_distance, measure
from dred.io.wav import read_speech

RATE = 48000
HALF = 480  # of a window
GOOD = 50  # packets at the beginning that are not lost: a receiver has to know the voice
AUDIBLE_DB = -80.0
Audio = npt.NDArray[np.float32]


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", metavar="FILE", help="speech at 48 kHz")
    parser.add_argument("--scheme", default="dred")
    parser.add_argument("--bitrate", type=int, default=48000)
    parser.add_argument("--loss", default="burst:every=360ms,length=200ms",
                        help="(default: %(default)s)")  # fmt: skip
    parser.add_argument("--metrics", default="pesq", help="of 16 kHz, beside the distance")
    parser.add_argument("--models", help="model file (default: the embedded ones)")
    parser.add_argument("--pictures", metavar="DIR", help="spectrograms of each file")
    return parser


def recovered(result: dred.Simulation, length: int) -> npt.NDArray[np.bool_]:
    """Which samples were made up or described; frame i begins a look-ahead before 20 ms times i."""
    frames = np.isin(result.sources, ("dred", "plc"))
    samples = np.repeat(frames, 2 * HALF)[result.sent.lookahead :][:length]
    return np.append(samples, np.zeros(length - len(samples), bool))


def levels(pcm: Audio) -> tuple[npt.NDArray[np.float64], ...]:
    """dB of blocks of 20 ms: below 4 kHz, 4 to 8 kHz, 8 to 16 kHz."""
    shape = np.sin(np.pi * (np.arange(2 * HALF) + 0.5) / (2 * HALF))
    blocks = np.lib.stride_tricks.sliding_window_view(pcm, 2 * HALF)[::HALF]
    power = np.abs(np.fft.rfft(blocks * shape)) ** 2 / HALF**2
    edges = ((0, 80), (80, 160), (160, 320))
    return tuple(10 * np.log10(power[:, a:b].sum(axis=1) + 1e-8) for a, b in edges)


def surplus(reference: Audio, heard: Audio, gaps: npt.NDArray[np.bool_]) -> list[str]:
    """By how much 8 to 16 kHz is too strong in the gaps of vowels, and of fricatives."""
    low, middle, high = levels(reference)
    excess = np.maximum(levels(heard)[2], AUDIBLE_DB) - np.maximum(high, AUDIBLE_DB)
    speech = gaps[HALF::HALF][: len(low)] & (np.maximum(low, middle) > -50)
    found = []
    for sound in (speech & (middle - low < -15), speech & (middle - low > -3)):
        there = excess[sound]
        found.append(f"{there.mean():+5.1f} {np.quantile(there, 0.9):+5.1f}" if len(there)
                     else "    -     -")  # fmt: skip
    return found


def draw(path: Path, tracks: dict[str, Audio], gaps: npt.NDArray[np.bool_]) -> None:
    """Spectrograms under each other, with the gaps marked."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(tracks), 1, figsize=(18, 4 * len(tracks)), sharex=True)
    edges = np.flatnonzero(np.diff(gaps.astype(int), prepend=0, append=0)).reshape(-1, 2) / RATE
    for axis, (title, pcm) in zip(axes, tracks.items(), strict=True):
        axis.specgram(
            pcm + 1e-9, NFFT=512, Fs=RATE, noverlap=384, vmin=-150, vmax=-50, cmap="magma"
        )
        axis.set(title=title, ylabel="Hz", ylim=(0, 22000))
        for begin, end in edges:
            axis.plot([begin, end], [21500, 21500], color="cyan", linewidth=3)
    axes[-1].set_xlabel("s; lost where there is a bar")
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def main() -> int:
    args = get_parser().parse_args()
    models = dred.load_models(args.models)
    names = args.metrics.split(",")
    print("file                  high band  LSD 8-16k in gaps  vowels        fricatives    "
          + "  ".join(names))  # fmt: skip
    for file in args.files:
        pcm, rate = read_speech(file)
        if rate != RATE or pcm.ndim != 1:
            print(f"{file}: expected mono speech at 48 kHz, got {rate} Hz, {pcm.ndim} dimensions")
            return 1
        packets = len(pcm) // 960 + 2
        rng = np.random.default_rng(1)
        lost = dred.traces.parse_model(args.loss).draw(packets, rng, 20)
        lost[:GOOD] = 0
        coded, *heard = (
            dred.simulate(pcm, RATE, flags, args.scheme, args.bitrate, 20, models, high_band=on)
            for flags, on in (([0], True), (lost, False), (lost, True))
        )
        gaps = recovered(heard[0], len(pcm))
        for label, result in zip(("lossless", "without", "with"), (coded, *heard), strict=True):
            rated = measure(pcm, result.pcm, RATE, names)
            print(f"{Path(file).stem:20s}  {label:9s}  "
                  f"{high_band_distance(pcm, result.pcm, RATE, gaps):17.2f}  "
                  + "   ".join(surplus(coded.pcm, result.pcm, gaps)) + "   "
                  + "  ".join(f"{rated[name]:.3f}" for name in names), flush=True)  # fmt: skip
        if args.pictures:
            Path(args.pictures).mkdir(parents=True, exist_ok=True)
            titles = ("coded, nothing lost", "recovered without", "recovered with")
            tracks = [result.pcm for result in (coded, *heard)]
            draw(Path(args.pictures) / f"{Path(file).stem}.png",
                 dict(zip(titles, tracks, strict=True)), gaps)  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
