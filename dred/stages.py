# SPDX-License-Identifier: BSD-3-Clause
"""The stages of the codec on whole arrays; knows no packets, no Opus and no time.

Audio is 16 kHz mono, float32 in +-1 or int16. Feature vectors have 20 values (18 cepstrum, pitch,
voicing), one per 10 ms; latents 25 and initial states 50, one per 20 ms.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dred._core import ffi, lib
from dred._native import Floats, Handle, check, floats, pointer
from dred.models import Models, load_models
from dred.pcm import mono

STEP = lib.DRED_STEP
FEATURES = lib.DRED_FEATURES
LATENT_DIM = lib.DRED_LATENT_DIM
STATE_DIM = lib.DRED_STATE_DIM


def analyse(pcm: npt.ArrayLike, models: Models | None = None) -> Floats:
    """Features and LPC, [frames, 36]: 20 features, then a_1..a_16 of the cepstrum's LPC.

    Row i is centred on sample 160 i; samples that do not fill a step are left out.
    """
    samples = mono(pcm)
    steps = len(samples) // STEP
    out = np.zeros((steps, lib.DRED_ANALYSIS_SIZE), np.float32)
    analysis = Handle("analysis", models or load_models())
    check(lib.dred_analysis_process(analysis.raw, pointer(samples), steps, pointer(out)))
    return out


def extract_features(pcm: npt.ArrayLike, models: Models | None = None) -> Floats:
    """Feature vectors, [frames, 20]; row i is centred on sample 160 i."""
    return np.ascontiguousarray(analyse(pcm, models)[:, :FEATURES])


def burg_features(pcm: npt.ArrayLike) -> Floats:
    """Burg cepstra of every 10 ms, [frames, 36]: 18 means and 18 differences of two halves."""
    samples = mono(pcm)
    steps = len(samples) // STEP
    out = np.zeros((steps, lib.DRED_BURG_SIZE), np.float32)
    check(lib.dred_burg_features(pointer(samples), steps, pointer(out)))
    return out


def rdovae_encode(features: npt.ArrayLike, models: Models | None = None) -> tuple[Floats, Floats]:
    """Latents [n, 25] and initial states [n, 50] of features [2 n, 20], one row per 20 ms.

    Row i covers the 40 ms up to the end of feature rows 2 i and 2 i + 1.
    """
    rows = floats(features, (-1, FEATURES), "features")
    count = len(rows) // 2
    latents = np.zeros((count, LATENT_DIM), np.float32)
    states = np.zeros((count, STATE_DIM), np.float32)
    encoder = Handle("rdovae_encoder", models or load_models())
    check(
        lib.dred_rdovae_encoder_process(
            encoder.raw, pointer(rows), count, pointer(latents), pointer(states)
        )
    )
    return latents, states


def rdovae_decode(
    state: npt.ArrayLike, latents: npt.ArrayLike, models: Models | None = None
) -> Floats:
    """Features [4 c, 20], newest first, of an initial state [50] and latents [c, 26].

    The 26th value of each row is the quantiser level / 8 - 1.
    """
    first = floats(state, (STATE_DIM,), "state")
    rows = floats(latents, (-1, LATENT_DIM + 1), "latents")
    out = np.zeros((len(rows) * lib.DRED_CHUNK_STEPS, FEATURES), np.float32)
    handle = (models or load_models()).handle
    check(lib.dred_rdovae_decode(handle, pointer(first), pointer(rows), len(rows), pointer(out)))
    return out


class Vocoder:
    """Speech from features, autoregressively, able to continue real audio."""

    def __init__(self, models: Models | None = None, kind: str = "fargan") -> None:
        if kind != "fargan":
            raise ValueError(f"vocoder kind {kind!r} is not known; there is 'fargan'")
        self._handle = Handle("vocoder", models or load_models())

    def reset(self) -> None:
        """Forget the past; synthesis starts from silence."""
        lib.dred_vocoder_reset(self._handle.raw)

    def resume(self, pcm_past: npt.ArrayLike, feats_past: npt.ArrayLike) -> None:
        """Continue audio: its last samples [320], five vectors [5, 20], two beyond its end."""
        past = floats(pcm_past, (lib.DRED_VOCODER_PAST,), "pcm_past")
        queue = floats(feats_past, (lib.DRED_VOCODER_QUEUE, FEATURES), "feats_past")
        check(lib.dred_vocoder_resume(self._handle.raw, pointer(past), pointer(queue)))

    def synthesize(self, features: npt.ArrayLike) -> Floats:
        """Samples [160 n] of vectors [n, 20], each two steps ahead of its audio."""
        rows = floats(features, (-1, FEATURES), "features")
        out = np.zeros(len(rows) * STEP, np.float32)
        check(lib.dred_vocoder_process(self._handle.raw, pointer(rows), len(rows), pointer(out)))
        return out


class FeaturePredictor:
    """Features of lost steps from what was received before."""

    def __init__(self, models: Models | None = None) -> None:
        self._handle = Handle("predictor", models or load_models())

    def reset(self) -> None:
        """Forget the past."""
        lib.dred_predictor_reset(self._handle.raw)

    def step(self, x: npt.ArrayLike) -> Floats:
        """One step: Burg cepstra, features and flag [57] -> features [20].

        Flag 1: received, 0: lost (all zeros), -1: features known, Burg cepstra zero.
        """
        row = floats(x, (lib.DRED_PLC_INPUT,), "x")
        out = np.zeros(FEATURES, np.float32)
        check(lib.dred_predictor_step(self._handle.raw, pointer(row), pointer(out)))
        return out


class Concealer:
    """Continues a waveform into a gap, from known features or predicted ones."""

    def __init__(self, models: Models | None = None) -> None:
        self._handle = Handle("concealer", models or load_models())

    def reset(self) -> None:
        """Forget the past."""
        lib.dred_concealer_reset(self._handle.raw)

    def good(self, pcm: Floats) -> None:
        """Tell what was played: any number of float32 samples."""
        check(lib.dred_concealer_good(self._handle.raw, pointer(pcm), len(pcm)))

    def rewind(self, samples: int) -> None:
        """Take back the last concealed samples (at most 960): they were not played."""
        check(lib.dred_concealer_rewind(self._handle.raw, samples))

    def copy(self, other: Concealer) -> None:
        """Become the twin of another one of the same models: the same input will give the same
        output."""
        check(lib.dred_concealer_copy(self._handle.raw, other._handle.raw), "other models")

    def wants(self) -> int:
        """Vectors that the next step takes: 3 after good audio, else 1."""
        return check(lib.dred_concealer_wants(self._handle.raw))

    def step(self, features: Floats, known: npt.NDArray[np.uint8]) -> Floats:
        """The next 160 samples, from vectors [wants(), 20]; known 0: predict that one."""
        out = np.zeros(STEP, np.float32)
        rows = floats(features, (self.wants(), FEATURES), "features")
        flags = np.ascontiguousarray(known, np.uint8)
        if flags.shape != (len(rows),):
            raise ValueError(f"known: expected {len(rows)} flags, got {list(flags.shape)}")
        pointer_flags = ffi.from_buffer("unsigned char[]", flags)
        check(lib.dred_concealer_step(self._handle.raw, pointer(rows), pointer_flags, pointer(out)))
        return out

    def corrected(self) -> Floats:
        """The step three before the latest one, with less noise between harmonics and its spectral
        envelope nearer to the vectors it was made of; nothing behind the first three steps of a
        gap. To be called after every step."""
        out = np.zeros(STEP, np.float32)
        return out[: check(lib.dred_concealer_corrected(self._handle.raw, pointer(out)))]
