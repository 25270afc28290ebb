# SPDX-License-Identifier: BSD-3-Clause
"""Sample arrays as the codec takes them: float32 in +-1, checked; knows no files and no codec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from dred.errors import AudioError

INT16_SCALE = 32768.0
_ONE, _MINUS_ONE = np.array(1, np.float32), np.array(-1, np.float32)


def as_float(pcm: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """C-contiguous float32 in +-1 from float or int16 samples, of the same shape."""
    array = np.asarray(pcm)
    if array.dtype == np.int16:
        return array.astype(np.float32) / np.float32(INT16_SCALE)
    if array.dtype.kind != "f":
        raise TypeError(f"audio must be float or int16, not {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.float32)


def mono(pcm: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Samples of one channel, [n]."""
    array = as_float(pcm)
    if array.ndim != 1:
        raise ValueError(f"pcm: expected one channel [n], got {list(array.shape)}")
    return array


def interleaved(pcm: npt.ArrayLike, channels: int) -> npt.NDArray[np.float32]:
    """Samples of so many channels, [n, channels], from [n] or [n, channels]."""
    array = as_float(pcm)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != channels:
        raise ValueError(f"pcm: expected [n, {channels}] samples, got {list(np.shape(pcm))}")
    if not np.isfinite(array).all():
        raise AudioError("pcm: holds samples that are not numbers; mend the source")
    return np.ascontiguousarray(array)


def clipped(pcm: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Samples held within +-1; numpy's own `clip` takes three times as long for a frame."""
    return np.maximum(np.minimum(pcm, _ONE), _MINUS_ONE)


def downmix(frame: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The mean of the channels [n] of samples [n, channels]."""
    narrow = frame[:, 0] if frame.shape[1] == 1 else frame.mean(axis=1)
    return np.ascontiguousarray(narrow)


def cut(
    frames: Iterable[npt.NDArray[np.float32]], first: int, count: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Of samples that come in frames, `count` from sample `first` on; takes all frames."""
    at = -first
    for frame in frames:
        begin, end = max(0, -at), min(len(frame), count - at)
        at += len(frame)
        if begin < end:
            yield frame[begin:end]
