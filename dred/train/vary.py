# SPDX-License-Identifier: BSD-3-Clause
"""Other speakers, paces, microphones and backgrounds out of the same features, anew for every
batch; knows no pcm.

The networks that see features alone are so small that hours of speech teach them nearly all they
can hold, and so quick that they see every hour dozens of times: what changes from time to time
keeps them from learning those hours by heart.
"""

from __future__ import annotations

import numpy as np

from dred.train.data import BANDS, IDCT, SpeechData
from dred.train.losses import BAND_CENTRES

CHANCE = 0.5  # of each change
TEMPO = (0.8, 1.25)
THROAT = (0.87, 1.15)  # factor on frequencies of the spectral envelope
PITCH = (0.85, 1.2)  # factor on the pitch frequency, beside that of the throat
TILT_DB = 30.0  # between the lowest and the highest band, at most, either way; mostly far less
RIPPLE_DB = 3.0
LOWEST_EDGE = 10  # band behind which a narrow channel passes nothing, at the earliest
NOISE_DB = (25.0, 55.0)  # below the loudest step
FLOOR = 0.01  # of band energies, as the analysis has it
PITCH_LIMIT = 1.5


def paced(features: np.ndarray, tempo: np.ndarray, steps: int) -> np.ndarray:
    """Sequences [n, longer, 20] read at `tempo` [n] steps at a time -> [n, steps, 20]."""
    at = np.minimum(tempo[:, None] * np.arange(steps), features.shape[1] - 1.001)
    before = at.astype(np.int64)
    share = (at - before)[..., None]
    rows = np.arange(len(features))[:, None]
    earlier, later = features[rows, before], features[rows, before + 1]
    out = earlier + share * (later - earlier)
    # a pitch between two pitches need not be one: that of the nearer step
    out[..., BANDS] = np.where(share[..., 0] < 0.5, earlier[..., BANDS], later[..., BANDS])
    return out


def _stretched(factor: np.ndarray) -> np.ndarray:
    """Matrices [n, 18, 18] from log-band energies to those of frequencies times `factor`."""
    centres, eye = np.array(BAND_CENTRES, float), np.eye(BANDS)
    read = centres[None] / factor[:, None]
    return np.stack([np.interp(read, centres, row) for row in eye], -1)


def varied(
    features: np.ndarray, gain_db: np.ndarray, rng: np.random.Generator, chance: float = CHANCE
) -> np.ndarray:
    """Sequences [n, steps, 20] amplified by `gain_db` [n], each with another throat and pitch,
    equaliser and background with a chance of `chance` for each."""
    count = len(features)

    def drawn(low: float, high: float, neutral: float) -> np.ndarray:
        values = rng.uniform(low, high, count)
        return np.where(rng.random(count) < chance, values, neutral)

    throat = drawn(*THROAT, 1.0)
    cepstrum = features[..., :BANDS].copy()
    cepstrum[..., 0] += 4.0
    logs = np.einsum("nij,ntj->nti", _stretched(throat), cepstrum @ IDCT.T)

    place = np.linspace(-1.0, 1.0, BANDS)
    equaliser_db = 0.5 * TILT_DB * drawn(-1.0, 1.0, 0.0)[:, None] ** 3 * place
    narrow = rng.random(count) < 0.2 * chance
    edge = np.where(narrow, rng.integers(LOWEST_EDGE, BANDS, count), BANDS)[:, None]
    stopped_db = rng.uniform(20.0, 60.0, (count, 1))
    equaliser_db -= np.where(np.arange(BANDS) < edge, 0.0, stopped_db)
    for ripples in (1, 2, 3):
        phase = rng.uniform(0.0, 2 * np.pi, (count, 1))
        size = drawn(0.0, RIPPLE_DB / 2, 0.0)[:, None]
        equaliser_db += size * np.cos(np.pi * ripples * place + phase)
    bands = np.maximum(10.0**logs - FLOOR, 0.0) * 10.0 ** (0.1 * equaliser_db)[:, None]

    loudest = bands.max((1, 2), keepdims=True)
    noise_db = -drawn(*NOISE_DB, np.inf)[:, None, None]
    slope = rng.uniform(-2.0, 0.0, (count, 1, 1)) * (1.0 + place)
    flicker = rng.normal(0.0, 0.05, bands.shape)  # a background is no constant
    bands += loudest * 10.0 ** (0.1 * noise_db + 0.5 * slope + flicker)

    out = features.copy()
    gain = 10.0 ** (0.1 * gain_db)[:, None, None]
    out[..., :BANDS] = np.log10(FLOOR + bands * gain) @ IDCT
    out[..., 0] -= 4.0
    pitch = features[..., BANDS] + np.log2(throat * drawn(*PITCH, 1.0))[:, None]
    out[..., BANDS] = pitch.clip(-PITCH_LIMIT, PITCH_LIMIT)
    return out


def excerpts(
    data: SpeechData, rng: np.random.Generator, steps: int, gain_db: np.ndarray, chance: float
) -> np.ndarray:
    """Excerpts [n, steps, 20] drawn from speech, changed in every way that this module knows."""
    count, longer = len(gain_db), int(steps * TEMPO[1]) + 2
    rows = data.excerpt(data.features, data.starts(rng, count, longer), longer)
    tempo = np.where(rng.random(count) < chance, rng.uniform(*TEMPO, count), 1.0)
    return varied(paced(rows, tempo, steps), gain_db, rng, chance)
