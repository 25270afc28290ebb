# SPDX-License-Identifier: BSD-3-Clause
"""Inputs of the pitch network in numpy, for training; LPC come from the C core's analysis."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dred.train.data import PREEMPHASIS, STEP

WINDOW, DELAY = 320, 80
MAX_LAG, LAGS, ORDER, BINS = 256, 224, 16, 30


def _window() -> np.ndarray:
    half = np.sin(0.5 * np.pi * np.sin(0.5 * np.pi * (np.arange(STEP) + 0.5) / STEP) ** 2)
    return np.concatenate([half, half[::-1]])


def _level(power: np.ndarray) -> np.ndarray:
    return np.clip((10.0 * np.log10(1e-15 + power) - 6.0) / 64.0, -1.0, 1.0)


def frequency_features(emphasised: np.ndarray) -> np.ndarray:
    """Phase advance and level of the 30 lowest bins, [steps, 88]."""
    padded = np.concatenate([np.zeros(STEP), emphasised])
    frames = sliding_window_view(padded, WINDOW)[::STEP]
    spectrum = np.fft.rfft(frames * _window(), axis=1)[:, :BINS] / WINDOW
    before = np.concatenate([np.zeros((1, BINS)), spectrum[:-1]])
    turn = spectrum[:, 1:] * np.conj(before[:, 1:])
    turn = turn / np.sqrt(1e-15 + np.abs(turn) ** 2)
    out = np.empty((len(frames), 3 * BINS - 2), np.float32)
    out[:, 0] = _level(spectrum[:, 0].real ** 2)
    out[:, 1::3], out[:, 2::3] = turn.real, turn.imag
    out[:, 3::3] = _level(np.abs(spectrum[:, 1:]) ** 2)
    return out


def residual(emphasised: np.ndarray, lpc: np.ndarray) -> np.ndarray:
    """The filtered LPC residual, delayed so that it is centred where the spectrum is."""
    padded = np.concatenate([np.zeros(DELAY + ORDER), emphasised])
    frames = sliding_window_view(padded, STEP + ORDER)[::STEP][: len(lpc)]
    error = frames[:, ORDER:].copy()
    for k in range(1, ORDER + 1):
        error += lpc[:, k - 1 : k] * frames[:, ORDER - k : ORDER - k + STEP]
    flat = error.reshape(-1)
    flat[1:] += 0.7 * flat[:-1].copy()
    return flat


def correlation_features(excitation: np.ndarray, block: int = 2048) -> np.ndarray:
    """Normalised correlations at lags 256 down to 33, [steps, 224]."""
    padded = np.concatenate([np.zeros(MAX_LAG), excitation])
    frames = sliding_window_view(padded, MAX_LAG + STEP)[::STEP]
    energy = np.concatenate([[0.0], np.cumsum(padded**2)])
    out = np.empty((len(frames), LAGS), np.float32)
    lags = np.arange(LAGS)
    for first in range(0, len(frames), block):
        part = frames[first : first + block]
        now = part[:, MAX_LAG:]
        product = np.fft.rfft(part, 512) * np.conj(np.fft.rfft(now, 512))
        cross = np.fft.irfft(product, 512)[:, :LAGS]
        start = (first + np.arange(len(part)))[:, None] * STEP + lags
        past = energy[start + STEP] - energy[start]
        out[first : first + block] = 2.0 * cross / (1.0 + (now**2).sum(1)[:, None] + past)
    return out


def pitch_inputs(pcm: np.ndarray, lpc: np.ndarray) -> np.ndarray:
    """All 312 inputs per step as int8 (x 127), from int16-scale pcm and LPC [steps, 16]."""
    samples = np.asarray(pcm, np.float64)[: len(lpc) * STEP]
    emphasised = samples.copy()
    emphasised[1:] -= PREEMPHASIS * samples[:-1]
    frequency = frequency_features(emphasised)
    correlation = correlation_features(residual(emphasised, np.asarray(lpc, np.float64)))
    both = np.concatenate([frequency, correlation], 1)
    return np.clip(np.round(both * 127.0), -127, 127).astype(np.int8)
