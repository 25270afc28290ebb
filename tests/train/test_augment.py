# SPDX-License-Identifier: BSD-3-Clause
"""Augmentation: every change does what it says, by its seed; data folders hold copies."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dred.cli import main  # noqa: E402
from dred.models import embedded_files  # noqa: E402
from dred.train import augment  # noqa: E402
from dred.train.data import SpeechData  # noqa: E402


@pytest.fixture
def tone():
    return 0.3 * np.sin(2 * np.pi * 500 * np.arange(16000) / 16000)


def peak_hz(pcm):
    return np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))).argmax() * 16000 / len(pcm)


def test_speed_moves_pitch_and_length_together(tone):
    for seed in range(5):
        out = augment.speed(tone, np.random.default_rng(seed))
        assert peak_hz(out) == pytest.approx(500 * len(tone) / len(out), abs=2)
        assert 0.84 < len(out) / len(tone) < 1.19


def test_tilt_changes_bands_by_a_limited_amount():
    white = np.random.default_rng(0).standard_normal(16000)
    out = augment.tilt(white, np.random.default_rng(1))
    gain_db = 20 * np.log10(np.abs(np.fft.rfft(out)) / np.abs(np.fft.rfft(white)))
    assert np.ptp(gain_db) > 1.0
    assert np.abs(gain_db).max() < augment.TILT_DB * 4.1 + augment.RIPPLE_DB + 0.1


def test_a_room_rings_after_the_sound_and_not_before():
    click = np.zeros(16000)
    click[4000] = 1.0
    out = augment.room(click, np.random.default_rng(2))
    assert np.abs(out[:3999]).max() < 1e-9
    early, late = np.sum(out[4001:6000] ** 2), np.sum(out[8000:] ** 2)
    assert out[4000] == pytest.approx(1.0)
    assert early > 100 * late
    assert 10 ** (-1.8) * 0.9 < early < 10 ** (-0.3) * 1.1


def test_noise_is_light(tone):
    added = augment.noise(tone, np.random.default_rng(3)) - tone
    ratio = 10 * np.log10(np.mean(tone**2) / np.mean(added**2))
    assert augment.NOISE_DB[0] <= ratio <= augment.NOISE_DB[1]


def test_changes_follow_the_seed_and_keep_the_level(tone):
    pcm = np.round(20000 * tone).astype(np.int16)
    first, again = (augment.augmented(pcm, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    others = [augment.augmented(pcm, np.random.default_rng(seed)) for seed in range(30)]
    levels = [np.sqrt(np.mean((o / 32768.0) ** 2)) for o in others]
    assert max(levels) / min(levels) < 1.05
    kept = sum(o.shape == pcm.shape and bool((o == pcm).all()) for o in others)
    assert kept <= 6
    silence = np.zeros(1000, np.int16)
    assert not augment.augmented(silence, np.random.default_rng(0)).any()


def test_data_folders_hold_changed_copies_behind_the_files(tmp_path, samples):
    if not embedded_files():
        pytest.skip("this installation holds no models")
    (tmp_path / "speech").mkdir()
    (tmp_path / "speech" / "a_0.wav").write_bytes((samples / "slt_16k.wav").read_bytes())
    for name, options in (("plain", []), ("more", ["--copies", "2"])):
        command = ["train", "features", str(tmp_path / "speech"), str(tmp_path / name), *options]
        assert main(command) == 0
    plain, more = SpeechData(tmp_path / "plain"), SpeechData(tmp_path / "more")
    assert len(more.files) == 3
    assert len(more.features) == sum(entry["steps"] for entry in more.files)
    assert len(more.pcm) == 160 * len(more.features)
    assert len(plain.files) == 1
    np.testing.assert_array_equal(more.features[: len(plain.features)], plain.features)
    first, second = (more.features[entry["first_step"] :][:100] for entry in more.files[1:])
    assert not np.array_equal(first, plain.features[:100])
    assert not np.array_equal(first, second)
    assert json.loads((tmp_path / "more" / "files.json").read_text())[1]["source"] == "a"
