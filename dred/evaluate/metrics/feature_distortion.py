# SPDX-License-Identifier: BSD-3-Clause
"""Feature distortion: what the training of the RDO-VAE minimises, here of whole speech.

Log spectrum, loudness of bands, pitch where there is voice, and voicing, of the 20 features of
10 ms (Valin, Büthe, Mustafa, "Low-bitrate redundancy coding of speech ...", ICASSP 2023, and the
training code published with libopus 1.6.1). 0 is none. It is strict with noise where there was
silence, which ears forgive.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from dred.evaluate.metrics.common import pair_at_16k
from dred.stages import extract_features

BANDS, PITCH, VOICING = 18, 18, 19
CEPSTRUM_OFFSET = 4.0  # of c0, in features as the networks see them
LOGS = (-8.0, 12.0)  # of band energies, log10: beyond is no sound
# Orthonormal inverse DCT: cepstrum to log10 band energies, [band, coefficient].
IDCT = np.sqrt(2 / BANDS) * np.cos(
    np.pi / BANDS * np.outer(np.arange(BANDS) + 0.5, np.arange(BANDS))
)
IDCT[:, 0] *= np.sqrt(0.5)
WEIGHTS = 1.15 - np.arange(BANDS) / 36


def feature_distortion(reference: npt.NDArray[Any], degraded: npt.NDArray[Any], rate: int) -> float:
    """Mean over all frames; NaN where there is not one, or only silence."""
    clean, coded = pair_at_16k(reference, degraded, rate)
    if not clean.any():
        return float("nan")
    true, found = (extract_features(pcm).astype(np.float64) for pcm in (clean, coded))
    return distortion(true, found)


def distortion(true: npt.NDArray[np.float64], found: npt.NDArray[np.float64]) -> float:
    """The same of features [frames, 20]."""
    if not len(true):
        return float("nan")
    delta = found - true
    spectrum = 0.05 * np.square(delta[:, :BANDS] @ IDCT.T).mean(axis=1)
    loud_true, loud = (10 ** (0.25 * _band_logs(each)) for each in (true, found))
    usual = np.square(loud_true).mean(axis=0) + 1e-9
    excess = (WEIGHTS * np.square(loud - loud_true) / usual).mean(axis=1)
    loudness = excess + np.minimum(20 * excess, 25 * excess**2)
    voiced = np.maximum(true[:, VOICING] + 0.5, 0) ** 2
    pitch = 14 / 18 * np.abs(2 * delta[:, PITCH]) * voiced
    voicing = 2 / 18 * delta[:, VOICING] ** 2
    return float((spectrum + loudness + pitch + voicing).mean())


def _band_logs(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    cepstrum = features[:, :BANDS].copy()
    cepstrum[:, 0] += CEPSTRUM_OFFSET
    return np.clip(cepstrum @ IDCT.T, *LOGS)
