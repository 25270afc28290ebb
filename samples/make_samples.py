#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the clips and loss traces of this folder; needs flite (`apt-get install flite`).

Run it in the project's environment: `.venv/bin/python samples/make_samples.py`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from dred.cli import main as dred
from dred.io.wav import read_wav, resample
from dred.io.wav_writer import write_wav

HERE = Path(__file__).resolve().parent
LEVEL_DB = -26.0  # rms of full scale, over the whole clip
PAUSE_S = 0.35
EDGE_S = 0.2

# file: flite voice, rate in Hz, sentences (written for this project)
CLIPS = {
    "slt_16k.wav": (
        "slt",
        16000,
        (
            "The ferry leaves the harbour at seven, unless the fog comes in.",
            "My sister keeps three bicycles in the hall.",
            "Please call me back before noon, so we can change the order.",
        ),
    ),
    "rms_16k.wav": (
        "rms",
        16000,
        (
            "Nobody expected the old bridge to carry that many people.",
            "We wrote each figure in a small blue book.",
            "When the line is bad, say the number twice.",
        ),
    ),
    "awb_48k.wav": (
        "awb",
        48000,
        (
            "There is a quiet bakery behind the station that opens before sunrise.",
            "Half of the apples were green, and the others were sold.",
            "Could you repeat the last part? I only heard the beginning.",
        ),
    ),
}

# file: loss model, seed. 700 packets of 20 ms are 14 s, longer than any clip.
TRACES = {
    "bursty_20.txt": ("gilbert:p=0.045,r=0.18", 2),
    "heavy_33.txt": ("gilbert:p=0.085,r=0.16", 3),
}
PACKETS = 700


def speak(voice: str, sentence: str, path: Path) -> np.ndarray:
    subprocess.run(["flite", "-voice", voice, "-t", sentence, "-o", str(path)], check=True)
    pcm, rate = read_wav(path)
    if rate != 16000:
        sys.exit(f"flite's voice {voice} speaks at {rate} Hz, not 16000: another build of it?")
    return pcm


def make_clip(voice: str, rate: int, sentences: tuple[str, ...], path: Path) -> None:
    parts = [np.zeros(round(EDGE_S * 16000))]
    with tempfile.TemporaryDirectory() as folder:
        for sentence in sentences:
            parts += [speak(voice, sentence, Path(folder) / "part.wav")]
            parts += [np.zeros(round(PAUSE_S * 16000))]
    parts[-1] = np.zeros(round(EDGE_S * 16000))
    pcm = np.concatenate(parts)
    pcm = resample(pcm * 10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(pcm**2)), 16000, rate)
    write_wav(path, pcm, rate)
    print(f"{path.name}: {len(pcm) / rate:.1f} s, peak {20 * np.log10(np.abs(pcm).max()):.1f} dBFS")


def main() -> None:
    for name, (voice, rate, sentences) in CLIPS.items():
        make_clip(voice, rate, sentences, HERE / name)
    for name, (model, seed) in TRACES.items():
        options = ["--packets", str(PACKETS), "--seed", str(seed), "-o", str(HERE / name)]
        dred(["trace", "make", model, *options])
        print(name)
        dred(["trace", "stats", str(HERE / name)])


if __name__ == "__main__":
    main()
