# SPDX-License-Identifier: BSD-3-Clause
"""PLCMOS v2 (Diener et al. 2023): predicted opinion of concealed speech, 1 to 5, no original.

The package speechmos carries the network (MIT licence, Microsoft). The network imitates a rater,
whose taste is a random vector; the package averages over fifteen new ones at every call. The same
raters for all files would shift all scores alike (by about 0.03), and new ones make scores that do
not repeat. So the raters here are fixed and come in opposite pairs, whose tastes cancel.
"""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from dred.evaluate.metrics.common import at_16k, pieces, require

PAIRS = 8
TASTE = 64  # numbers that make a rater
SEED = 1
LONGEST_S = 20  # a second takes 7 MB: an hour of a call would take all the memory there is
SHORTEST = 7  # spectra, 82 ms: of less, the layers of the network leave nothing


@functools.cache
def _network() -> Any:
    require("onnxruntime", "PLCMOS")
    return require("speechmos.plcmos", "PLCMOS").PLCMOS()


@functools.cache
def _raters() -> npt.NDArray[np.float32]:
    half = np.random.default_rng(SEED).standard_normal((PAIRS, 1, TASTE))
    return np.concatenate([half, -half]).astype(np.float32)


def plcmos(degraded: npt.NDArray[Any], rate: int) -> float:
    """Mean opinion score, of longer speech than LONGEST_S the mean over pieces of one length; NaN
    for silence, and for less than the network can look at."""
    audio = at_16k(degraded, rate, "degraded")
    network = _network()
    if not audio.any():
        return float("nan")
    return float(np.mean([_rated(network, part) for (part,) in pieces(audio, longest_s=LONGEST_S)]))


def _rated(network: Any, audio: npt.NDArray[np.float32]) -> float:
    spectrum = network.stft_transform(np.clip(audio, -1, 1)).astype(np.float32)[None, None]
    if spectrum.shape[2] < SHORTEST:
        return float("nan")
    opinions = [
        network.session.run(None, {"degraded_audio": spectrum, "rater_embed": rater})[0]
        for rater in _raters()
    ]
    return float(np.mean(opinions))
