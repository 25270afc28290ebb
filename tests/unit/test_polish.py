# SPDX-License-Identifier: BSD-3-Clause
"""The pitch post-filter for decoded frames: noise goes, what repeats stays."""

import numpy as np
import pytest
from signals import voice

import dred
from dred.models import load_models
from dred.packet import has_lbrr
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


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (48000, 2)])
def test_frames_out_of_lbrr_and_no_others_are_filtered(rate, channels, monkeypatch):
    tx = dred.Sender(rate, channels, 20, 40000 * channels, 0, True, loss_percent=20)
    packets = tx.push(voice(rate, 2, channels))
    lost = [n for n in range(10, 90, 7) if has_lbrr(packets[n + 1])]
    assert lost

    def heard():
        rx = dred.Receiver(rate, channels, jitter_ms=40, use_dred=False)
        frames = []
        for number, packet in enumerate(packets):
            if number not in lost:
                rx.push(packet, number)
            frames.append(rx.pull().reshape(-1, channels))
        assert rx.stats.frames()["lbrr"] == len(lost)
        return np.stack(frames)

    filtered = heard()
    monkeypatch.setattr(
        polish, "change", lambda audio, samples, rate, models: np.zeros(samples, np.float32)
    )
    changed = np.flatnonzero(np.abs(filtered - heard()).max(axis=(1, 2)))
    waited = changed[0] - lost[0]
    assert list(changed) == [number + waited for number in lost]
