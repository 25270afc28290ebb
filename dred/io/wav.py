# SPDX-License-Identifier: BSD-3-Clause
"""Sound files to arrays, and to the rates and channels a codec takes; knows no codec.

Audio is float32 in +-1 (or int16), shape [samples] for one channel and [samples, channels]
otherwise, as in python-soundfile. 16-bit files survive a round trip (with `wav_writer`) bit by bit.
"""

import io
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from dred.errors import AudioError
from dred.io.files import STANDARD_STREAM, read_bytes
from dred.pcm import INT16_SCALE, as_float
from dred.units import OPUS_RATES, opus_rate_for

Audio = npt.NDArray[Any]

# Ratio of rates beyond which a file is nonsense (or a trap): 1 Hz to 48 kHz would turn a
# kilobyte into gigabytes.
MAX_RATIO = 64
# Programs that write into a pipe cannot go back to note a length, and note the largest they can.
UNKNOWN_LENGTH = 0x7F000000


class _Memory(io.BytesIO):
    """A file in memory that stays where it is when it is sent to a place before its beginning, as
    damaged AIFF files do: an exception of ours would be printed by libsndfile's caller, not raised.
    """

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return super().seek(offset, whence)
        except ValueError:
            return self.tell()


def read_wav(path: str | os.PathLike[str]) -> tuple[Audio, int]:
    """Audio (float32) and its sampling rate from a WAV, FLAC or other file libsndfile reads;
    `-` is standard input."""
    return _parse(read_bytes(path, AudioError), _name(path))


def _name(path: str | os.PathLike[str]) -> str:
    return "standard input" if os.fspath(path) == STANDARD_STREAM else os.fspath(path)


def _parse(data: bytes, name: str) -> tuple[Audio, int]:
    if not data:
        raise AudioError(f"{name}: is empty, not even a WAV header; was the recording cut off?")
    try:
        pcm, rate = soundfile.read(_Memory(data), dtype="float32")
    except soundfile.LibsndfileError as reason:
        raise AudioError(
            f"{name}: is not a sound file that can be read ({reason.error_string.strip(' .')}); "
            "give a WAV or FLAC file"
        ) from None
    if not np.isfinite(pcm).all():
        raise AudioError(f"{name}: holds samples that are not numbers; write the file again")
    return pcm, int(rate)


def read_speech(
    path: str | os.PathLike[str], tell: Callable[[Iterable[str]], object] | None = None
) -> tuple[Audio, int]:
    """The same with one or two channels, at least one sample, and a rate that can be brought to one
    of Opus's: something to send. tell: takes remarks, such as that the file was cut off."""
    data, name = read_bytes(path, AudioError), _name(path)
    pcm, rate = _parse(data, name)
    if len(pcm) == 0:
        raise AudioError(f"{name}: holds no samples; give a file with sound in it")
    if too_far_apart(rate, opus_rate_for(rate)):
        raise AudioError(
            f"{name}: says that its sampling rate is {rate} Hz, which cannot be; write it again "
            "with the rate it was recorded at"
        )
    missing = _missing_share(data)
    if missing and tell:
        here = len(pcm) / rate
        tell([f"{name}: is cut off; of {here / (1 - missing):.1f} s, {here:.1f} s are here"])
    return mix(pcm, 1 if pcm.ndim == 1 or pcm.shape[1] == 1 else 2), rate


def _missing_share(data: bytes) -> float:
    """How much of the sound that the header of a WAV file promises lies behind the file's end."""
    if data[:4] != b"RIFF":
        return 0.0
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            missing = at + 8 + size - len(data)
            return missing / size if missing > 0 and size < UNKNOWN_LENGTH else 0.0
        at += 8 + size + size % 2
    return 0.0


def to_int16(pcm: Audio) -> npt.NDArray[np.int16]:
    """16-bit samples of audio in +-1, rounded and clipped; int16 passes as it is.

    libsndfile reads with 1/32768 and writes with 32767, so that its own round trip is not exact:
    hence the conversion is made here."""
    if pcm.dtype == np.int16:
        return pcm
    if not np.issubdtype(pcm.dtype, np.floating):
        raise TypeError(f"audio must be float or int16, not {pcm.dtype}")
    # Exact in single precision, and one copy of a long file is enough: the rest works in place.
    scaled = np.multiply(pcm, INT16_SCALE, dtype=np.result_type(pcm.dtype, np.float32))
    np.rint(scaled, out=scaled)
    np.clip(scaled, -INT16_SCALE, INT16_SCALE - 1, out=scaled)
    return scaled.astype(np.int16)


def check_ratio(from_rate: int, to_rate: int) -> None:
    """An AudioError where no sound has both rates."""
    if too_far_apart(from_rate, to_rate):
        raise AudioError(f"cannot resample from {from_rate} Hz to {to_rate} Hz: too far apart")


def too_far_apart(from_rate: int, to_rate: int) -> bool:
    return not 1 / MAX_RATIO <= to_rate / from_rate <= MAX_RATIO


def resample(pcm: Audio, from_rate: int, to_rate: int) -> Audio:
    """Audio at another rate: linear phase, no delay, round(n * to / from) samples."""
    if from_rate == to_rate:
        return as_float(pcm)
    check_ratio(from_rate, to_rate)
    wanted = round(pcm.shape[0] * to_rate / from_rate)
    if wanted == 0:
        return np.zeros((0, *pcm.shape[1:]), np.float32)
    out = soxr.resample(as_float(pcm), from_rate, to_rate, quality="HQ")[:wanted]
    missing = wanted - out.shape[0]
    padding = [(0, missing)] + [(0, 0)] * (out.ndim - 1)
    return np.ascontiguousarray(np.pad(out, padding), dtype=np.float32)


def to_opus_rate(pcm: Audio, rate: int) -> tuple[Audio, int]:
    """Audio at a rate that Opus takes: unchanged where it is one, else resampled upwards."""
    target = rate if rate in OPUS_RATES else opus_rate_for(rate)
    return resample(pcm, rate, target), target


def mix(pcm: Audio, channels: int) -> Audio:
    """Audio with 1 or 2 channels: the mean of all for one; one copied for two. Of more than two
    channels, both sides of a stereo signal get the mean: their places are not known here."""
    if channels not in (1, 2):
        raise ValueError(f"channels must be 1 or 2, not {channels}")
    pcm = as_float(pcm)
    present = 1 if pcm.ndim == 1 else pcm.shape[1]
    if present == channels:
        return pcm.reshape(-1) if channels == 1 else pcm
    mono = pcm.reshape(len(pcm), present).mean(axis=1, dtype=np.float32)
    return mono if channels == 1 else np.ascontiguousarray(np.stack([mono, mono], axis=1))
