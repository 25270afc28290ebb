# SPDX-License-Identifier: BSD-3-Clause
"""Draws training excerpts from memory-mapped pcm and features; knows no network.

A data folder holds `pcm16.i16` (all files one after another), `feat.f32` ([steps, 20]; row i is
centred at sample 160 i), `files.json` ([{file, source, first_step, steps}]) and optionally more
arrays with one row per step.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dred.errors import AudioError

TABLE = "files.json"
STEP = 160
PREEMPHASIS = 0.85  # of the signals that networks see and make
BANDS = 18
DB_TO_C0 = 0.1 * np.sqrt(18.0)

# Share of each source in an excerpt draw, relative to its length: one speaker (kerstin) and the
# band-limited source count less, fluent speech with full bandwidth more.
SOURCE_WEIGHTS = {
    "kerstin": 0.3,
    "librispeech-dev-clean-6k": 0.5,
    "librispeech-train-clean-100": 2.0,
}


def inverse_dct() -> np.ndarray:
    """Orthonormal inverse DCT [18, 18]: log-band energies = matrix @ cepstrum."""
    i, j = np.meshgrid(np.arange(BANDS), np.arange(BANDS), indexing="ij")
    matrix = np.sqrt(2 / BANDS) * np.cos((i + 0.5) * j * np.pi / BANDS)
    matrix[:, 0] *= np.sqrt(0.5)
    return matrix


IDCT = inverse_dct().astype(np.float32)


def shift_level(features: np.ndarray, gain_db: np.ndarray) -> np.ndarray:
    """Features as if the pcm had been amplified (dB, one per sequence), noise floor included."""
    cepstrum = features[..., :BANDS].copy()
    cepstrum[..., 0] += 4.0
    bands = 10.0 ** (cepstrum @ IDCT.T) - 0.01
    gain = (10.0 ** (gain_db / 10.0)).reshape(-1, *[1] * (features.ndim - 1))
    logs = np.log10(0.01 + np.maximum(bands, 0.0) * gain)
    out = features.copy()
    out[..., :BANDS] = logs @ IDCT
    out[..., 0] -= 4.0
    return out


class SpeechData:
    """Random access to a data folder, with excerpts drawn by source weight."""

    def __init__(self, folder: Path | str, covered: str | None = None, width: int = 1):
        """`covered`: an int8 array of `width` that may cover only the first files."""
        self.folder = Path(folder)
        self.files = self._table()
        if covered is not None:
            steps = (self.folder / covered).stat().st_size // width
            self.files = [e for e in self.files if e["first_step"] + e["steps"] <= steps]
        self.pcm = np.memmap(self.folder / "pcm16.i16", np.int16, "r")
        self.features = self.rows("feat.f32", 20)
        self.steps = sum(entry["steps"] for entry in self.files)

    def _table(self) -> list[dict[str, Any]]:
        """What `files.json` holds, which tells a data folder from others."""
        try:
            files: list[dict[str, Any]] = json.loads((self.folder / TABLE).read_text())
        except (OSError, ValueError):
            raise AudioError(
                f"{self.folder}: is no data folder, for want of a {TABLE} in it; "
                "'dred train features' makes one"
            ) from None
        return files

    def rows(self, name: str, width: int, dtype: str = "f4") -> np.ndarray:
        """A memory-mapped array with one row per step."""
        flat = np.memmap(self.folder / name, dtype, "r")
        return flat[: flat.size // width * width].reshape(-1, width)

    def has(self, name: str) -> bool:
        """Whether the folder holds an optional array."""
        return (self.folder / name).exists()

    def long_enough(self, steps: int) -> list[dict[str, Any]]:
        """The files that hold excerpts of `steps` steps; none at all is a ValueError."""
        usable = [entry for entry in self.files if entry["steps"] >= steps + 2]
        if not usable:
            raise ValueError(
                f"{self.folder}: no file is as long as {(steps + 2) / 100} s, which excerpts need"
            )
        return usable

    def starts(self, rng: np.random.Generator, count: int, steps: int) -> np.ndarray:
        """First steps of `count` excerpts, each of `steps` steps inside one file."""
        usable = self.long_enough(steps)
        weights = np.array(
            [(e["steps"] - steps) * SOURCE_WEIGHTS.get(e["source"], 1.0) for e in usable]
        )
        chosen = rng.choice(len(usable), count, p=weights / weights.sum())
        first = np.array([usable[i]["first_step"] for i in chosen])
        room = np.array([usable[i]["steps"] - steps - 1 for i in chosen])
        return first + 1 + (rng.random(count) * room).astype(np.int64)

    def excerpt(self, array: np.ndarray, starts: np.ndarray, steps: int) -> np.ndarray:
        """Rows [count, steps, ...] of a per-step array."""
        return array[starts[:, None] + np.arange(steps)]

    def waveform(self, samples: np.ndarray, length: int) -> np.ndarray:
        """Pcm excerpts [count, length] in +-1 from given first samples."""
        index = samples[:, None] + np.arange(length)
        return self.pcm[index].astype(np.float32) / np.float32(32768)
