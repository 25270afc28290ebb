# SPDX-License-Identifier: BSD-3-Clause
"""What fills a gap besides descriptions: features of both sides, and the background."""

import numpy as np
import pytest

from dred.models import load_models
from dred.receiver.background import Background
from dred.receiver.bridge import PAST, STEP, Bridge
from dred.stages import extract_features


def tone(samples, level):
    time = np.arange(samples) / 16000
    voice = sum(np.sin(2 * np.pi * 125 * k * time) / k for k in range(1, 20))
    return (level * voice).astype(np.float32)


def bridge_between(before, after, gap):
    missing = np.zeros(gap, np.float32)
    audio = np.concatenate([before, missing, after])
    return Bridge(audio, 1000, (1000 + len(before), 1000 + len(before) + gap), load_models())


def test_a_bridge_rises_from_one_side_to_the_other():
    quiet, loud = tone(PAST, 0.01), tone(640, 0.2)
    bridge = bridge_between(quiet, loud, 640)
    levels = [bridge.vector(1000 + PAST + k * STEP)[0] for k in range(5)]
    assert np.all(np.diff(levels) > 0)
    left = extract_features(tone(2 * PAST, 0.01))[15, 0]
    right = extract_features(tone(2 * PAST, 0.2))[15, 0]
    assert left < levels[0] < levels[-1] < right


def test_a_bridge_says_nothing_of_other_times():
    bridge = bridge_between(tone(PAST, 0.1), tone(640, 0.1), 320)
    assert bridge.vector(1000 + PAST - 3 * STEP) is None
    assert bridge.vector(1000 + PAST + 320 + 3 * STEP) is None


def test_the_pitch_of_a_bridge_is_that_of_the_voiced_side():
    noise = np.random.default_rng(1).standard_normal(640).astype(np.float32) * 0.02
    bridge = bridge_between(tone(PAST, 0.1), noise, 320)
    voiced = extract_features(tone(PAST, 0.1))[-2]
    assert bridge.vector(1000 + PAST + 160)[18] == pytest.approx(voiced[18], abs=0.05)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_background_has_level_colour_and_channels_of_what_was_heard(rate, channels):
    rng = np.random.default_rng(1)
    white = rng.standard_normal((4 * rate, channels)) * 0.01 * np.arange(1, channels + 1)
    low = (white + np.roll(white, 1, 0)).astype(np.float32)  # nothing at the upper band edge
    background = Background(rate, channels)
    for start in range(0, len(low), rate // 50):
        background.learn(low[start : start + rate // 50])
    noise = np.concatenate([background.noise(rate // 50) for _ in range(100)])
    assert noise.shape == (2 * rate, channels)
    ratio = noise.std(axis=0) / low.std(axis=0)
    assert np.all((ratio > 0.3) & (ratio < 0.6))
    spectrum = np.abs(np.fft.rfft(noise[:, 0])) ** 2
    quarter = len(spectrum) // 4
    assert spectrum[-quarter:].mean() < 0.1 * spectrum[:quarter].mean()


def test_speech_does_not_become_background():
    rng = np.random.default_rng(1)
    background = Background(16000, 1)
    for number in range(300):
        level = 0.1 if number % 10 < 7 else 0.001
        background.learn((rng.standard_normal((320, 1)) * level).astype(np.float32))
    assert background.noise(16000).std() < 0.002


def test_no_background_before_anything_was_heard():
    assert not Background(16000, 2).noise(320).any()
