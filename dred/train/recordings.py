# SPDX-License-Identifier: BSD-3-Clause
"""Recordings of any format, rate and number of channels as 16 kHz mono; knows no features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr

from dred.errors import AudioError
from dred.io.wav import mix, to_int16, too_far_apart
from dred.train.data import STEP

RATE = 16000
SUFFIXES = (
    ".wav", ".flac", ".mp3", ".opus", ".ogg", ".oga", ".aif", ".aiff", ".aifc", ".au", ".caf",
    ".w64", ".rf64", ".sph",
)  # fmt: skip
SHORTEST = 2 * STEP  # samples; a step of it is left at any speed
BLOCK = 1 << 18  # samples of a channel that are converted at a time


class Recordings:
    """The recordings below a folder. What is wrong with one is told, and loses none of the others:
    first of all of them what their headers tell, before hours are spent on any."""

    def __init__(self, folder: Path, tell: Callable[[Iterable[str]], object]):
        self.paths: list[Path] = []
        self.left_out: set[Path] = set()
        self._tell = tell
        for path in _find(folder):
            with self._leaving_out(path), opened(path):
                self.paths.append(path)

    def read(self, path: Path) -> np.ndarray | None:
        """As the function; None for one that is left out."""
        if path not in self.left_out:
            with self._leaving_out(path):
                return read(path)
        return None

    @contextmanager
    def _leaving_out(self, path: Path) -> Iterator[None]:
        try:
            yield
        except AudioError as reason:
            self.left_out.add(path)
            self._tell([f"{reason}; it is left out"])


def _find(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise AudioError(f"{folder}: {'is no folder' if folder.exists() else 'no such folder'}")
    found = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    paths = sorted(p for p in found if p.is_file())
    if not paths:
        raise AudioError(f"{folder}: holds no sound files ({', '.join(SUFFIXES)})")
    return paths


def read(path: Path) -> np.ndarray:
    """Int16 pcm of a recording, the mean of its channels; one that is of no use is an
    AudioError."""
    with opened(path) as file:
        # Of float files libsndfile takes whole numbers, nearly all of them 0; of others it rounds
        # as it has for all data folders there are.
        as_asked = (file.samplerate, file.channels) == (RATE, 1)
        if as_asked and file.subtype not in ("FLOAT", "DOUBLE"):
            pcm = file.read(dtype="int16")
        else:
            pcm = np.concatenate(list(_converted(file)))
        if len(pcm) < SHORTEST:  # the header promised more
            raise _too_short(path)
        if not pcm.any():
            mixed = " when its channels are mixed" if file.channels > 1 else ""
            raise AudioError(f"{path}: is silent{mixed}")
    return pcm


@contextmanager
def opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """A recording that is of use as far as its header tells. What fails to read it is an
    AudioError."""
    try:
        with soundfile.SoundFile(path) as file:
            if file.samplerate < RATE:
                raise AudioError(
                    f"{path}: is of {file.samplerate} Hz, so it holds nothing above "
                    f"{file.samplerate / 2000:g} kHz; record at 16 kHz or more"
                )
            if too_far_apart(file.samplerate, RATE):
                raise AudioError(f"{path}: says that it is of {file.samplerate} Hz")
            if file.frames * RATE < SHORTEST * file.samplerate:
                raise _too_short(path)
            yield file
    except soundfile.LibsndfileError as reason:
        text = reason.error_string.strip(" .")
        raise AudioError(f"{path}: cannot be read ({text}); replace it") from None


def _too_short(path: Path) -> AudioError:
    return AudioError(f"{path}: is shorter than {1000 * SHORTEST // RATE} ms")


def _converted(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """The same piece by piece: an hour of stereo in float takes gigabytes."""
    stream = soxr.ResampleStream(file.samplerate, RATE, 1, dtype="float32", quality="HQ")
    last = False
    while not last:
        block = file.read(BLOCK, dtype="float32", always_2d=True)
        last = len(block) == 0
        if not np.isfinite(block).all():
            raise AudioError(f"{file.name}: holds samples that are not numbers; write it again")
        yield to_int16(stream.resample_chunk(mix(block, 1), last))
