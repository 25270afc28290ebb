# SPDX-License-Identifier: BSD-3-Clause
"""The pitch post-filter for decoded frames: noise goes, what repeats stays."""

import numpy as np
import pytest

from dred.models import load_models
from dred.receiver import polish


def around(rate, frame_ms):
    return rate * (polish.PAST_MS + frame_ms + polish.FUTURE_MS) // 1000


def tone(rate, samples):
    time = np.arange(samples) / rate
    voice = sum(np.sin(2 * np.pi * 125 * k * time) / k for k in range(1, 20))
    return (0.1 * voice).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 48000])
@pytest.mark.parametrize("frame_ms", [10, 20, 60])
def test_noise_on_a_steady_voice_is_lowered(rate, frame_ms):
    samples, begin = rate * frame_ms // 1000, rate * polish.PAST_MS // 1000
    clean = tone(rate, around(rate, frame_ms))
    noise = 0.01 * np.random.default_rng(1).standard_normal(len(clean)).astype(np.float32)
    added = polish.change(clean + noise, samples, rate, load_models())
    assert added.shape == (samples,)
    edge = rate * 5 // 1000 // 2
    inner = slice(edge, samples - edge)
    before = noise[begin : begin + samples][inner]
    after = before + added[inner]
    assert np.mean(after**2) < 0.75 * np.mean(before**2)


def test_what_repeats_is_left_alone_and_the_ends_meet_their_neighbours():
    clean = tone(16000, around(16000, 20))
    added = polish.change(clean, 320, 16000, load_models())
    assert np.abs(added).max() < 0.02 * np.abs(clean).max()
    noise = np.random.default_rng(2).standard_normal(len(clean)).astype(np.float32)
    added = polish.change(clean + 0.02 * noise, 320, 16000, load_models())
    assert max(abs(added[0]), abs(added[-1])) < 0.1 * np.abs(added).max()


def test_silence_stays_silent():
    silence = np.zeros(around(48000, 20), np.float32)
    assert not polish.change(silence, 960, 48000, load_models()).any()
