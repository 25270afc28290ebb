# SPDX-License-Identifier: BSD-3-Clause
"""WAV files of 16 bits, written as audio comes, of whatever length, in little memory; knows no
codec."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import soxr

from dred.errors import AudioError
from dred.io.files import refusing, written
from dred.io.wav import Audio, check_ratio, to_int16
from dred.pcm import as_float

BYTES = 2  # per sample
HEADER = "<4sI4s4sIHHIIHH4sI"
BEFORE_LENGTH = 8  # bytes of the file that the first of its two lengths leaves out
PCM = 1
LARGEST = 0xFFFFFFFF - struct.calcsize(HEADER)  # bytes of audio that a header can tell
PIECE = 1 << 18  # samples that are converted at a time


def write_wav(path: str | os.PathLike[str], pcm: Audio, rate: int) -> None:
    """Write audio [n] or [n, channels] (float in +-1, clipped; or int16) as a WAV file; `-` is
    standard output."""
    pcm = np.asarray(pcm)
    with wav_writer(path, rate, 1 if pcm.ndim == 1 else pcm.shape[1]) as writer:
        writer.write(pcm)


@contextmanager
def wav_writer(
    path: str | os.PathLike[str], rate: int, channels: int = 1, file_rate: int | None = None
) -> Iterator[WavWriter]:
    """What writes a WAV file, `-` for standard output, that takes its place at the end of the
    block, whole, and not at all where the block raises.

    rate: of the audio given, Hz; file_rate: that of the file, where it is another.
    """
    if rate <= 0:
        raise ValueError(f"sampling rate must be positive, not {rate}")
    check_ratio(rate, file_rate or rate)
    with written(path, AudioError) as file:
        writer = WavWriter(file, os.fspath(path), rate, channels, file_rate or rate)
        yield writer
        writer.finish()


class WavWriter:
    """Puts audio into a binary file in which one can go back."""

    def __init__(self, file: BinaryIO, name: str, rate: int, channels: int, file_rate: int) -> None:
        self._file, self._name = file, name
        self._rate, self._channels, self._file_rate = rate, channels, file_rate
        self._resampler = None
        if file_rate != rate:
            self._resampler = soxr.ResampleStream(
                rate, file_rate, channels, dtype="float32", quality="HQ"
            )
        self.samples = 0  # given, per channel
        self._written = 0  # to the file, per channel
        self._header()

    @property
    def seconds(self) -> float:
        """Audio that was given."""
        return self.samples / self._rate

    def write(self, pcm: Audio) -> None:
        """Audio [n] or [n, channels], float in +-1 (clipped) or int16, after what came before."""
        self.samples += len(pcm)
        for at in range(0, len(pcm), PIECE):
            piece = pcm[at : at + PIECE]
            self._put(piece if self._resampler is None else self._resampled(piece))

    def finish(self) -> None:
        """Puts what is still held back and notes the length: round(n * file_rate / rate) samples in
        all. Once, at the end."""
        if self._resampler is not None:
            wanted = round(self.samples * self._file_rate / self._rate) - self._written
            rest = self._resampled(np.zeros((0, self._channels), np.float32), last=True)[:wanted]
            self._put(np.pad(rest, [(0, wanted - len(rest)), (0, 0)]))
        with refusing(self._name, AudioError):
            self._file.seek(0)
        self._header()

    def _resampled(self, pcm: Audio, last: bool = False) -> Audio:
        assert self._resampler is not None
        frames = as_float(pcm).reshape(len(pcm), self._channels)
        return self._resampler.resample_chunk(frames, last).reshape(-1, self._channels)

    def _put(self, pcm: Audio) -> None:
        self._written += len(pcm)
        if self._size() > LARGEST:
            raise AudioError(
                f"{self._name}: would be longer than the 4 GB that a WAV file can hold; write "
                "less, or at a lower rate"
            )
        with refusing(self._name, AudioError):
            self._file.write(to_int16(pcm).astype("<i2", copy=False).tobytes())

    def _size(self) -> int:
        """Bytes of audio."""
        return self._written * self._channels * BYTES

    def _header(self) -> None:
        width, size = self._channels * BYTES, self._size()
        header = struct.pack(
            HEADER, b"RIFF", size + struct.calcsize(HEADER) - BEFORE_LENGTH, b"WAVE",
            b"fmt ", 16, PCM, self._channels, self._file_rate, self._file_rate * width, width,
            8 * BYTES, b"data", size,
        )  # fmt: skip
        with refusing(self._name, AudioError):
            self._file.write(header)
