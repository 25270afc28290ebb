# SPDX-License-Identifier: BSD-3-Clause
"""Variations of features: neutral where nothing is asked for, and each what its name says."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dred.train.data import IDCT, SpeechData, shift_level  # noqa: E402
from dred.train.vary import PITCH_LIMIT, excerpts, paced, varied  # noqa: E402

COUNT, STEPS = 6, 50


@pytest.fixture
def speech(folder):
    return SpeechData(folder)


@pytest.fixture
def features(speech):
    rows = speech.features[: COUNT * STEPS].astype(np.float64)
    return rows.reshape(COUNT, STEPS, 20)


def logs(features):
    cepstrum = features[..., :18].copy()
    cepstrum[..., 0] += 4.0
    return cepstrum @ IDCT.T


def test_without_a_chance_only_the_level_changes(features):
    gain = np.linspace(-20.0, 9.0, COUNT)
    out = varied(features, gain, np.random.default_rng(1), 0.0)
    np.testing.assert_allclose(out, shift_level(features, gain), atol=1e-5)


def test_every_sequence_is_another_speaker(features):
    out = varied(features, np.zeros(COUNT), np.random.default_rng(1), 1.0)
    shift = out[..., 18] - features[..., 18]
    inside = np.abs(out[..., 18]) < PITCH_LIMIT
    for row, ok in zip(shift, inside, strict=True):
        assert np.ptp(row[ok]) < 1e-6  # one factor on the pitch of the whole sequence
    assert np.ptp([row[ok][0] for row, ok in zip(shift, inside, strict=True)]) > 0.05
    np.testing.assert_array_equal(out[..., 19], features[..., 19])  # voicing stays
    assert np.abs(logs(out) - logs(features)).mean() > 0.05
    assert np.isfinite(out).all()


def test_a_background_fills_the_pauses_and_leaves_the_loudest_bands(features):
    quiet = features.copy()
    quiet[:, 20:30, :18] = 0.0
    quiet[:, 20:30, 0] = -4.0 - 2.0 * np.sqrt(18.0)  # all bands at their floor
    assert logs(quiet)[:, 20:30].max() < -1.99
    out = [varied(quiet, np.zeros(COUNT), np.random.default_rng(s), 1.0) for s in range(20)]
    assert np.mean([logs(rows)[:, 20:30].mean((1, 2)) > -1.9 for rows in out]) > 0.4
    loudest = np.median([logs(rows).max() for rows in out])
    assert loudest == pytest.approx(logs(features).max(), abs=1.0)


def test_microphones_differ_far_and_some_channels_are_narrow(features):
    """Means of the bands of one utterance, heard through 600 channels."""
    rng = np.random.default_rng(5)
    loud = features.copy()
    loud[..., 0] += 12.0  # nothing at the floor
    rows = np.concatenate([varied(loud, np.zeros(COUNT), rng, 0.6) for _ in range(100)])
    change = 10.0 * (logs(rows) - np.tile(logs(loud), (100, 1, 1))).mean(1)
    tilt = change[:, 15:].mean(1) - change[:, :3].mean(1)
    assert np.median(np.abs(tilt)) < 6.0
    assert 0.03 < np.mean(tilt > 12.0) < 0.2
    narrow = change[:, 17] < change[:, 9] - 15.0
    assert 0.05 < narrow.mean() < 0.25


def test_pace_reads_the_same_speech_faster_or_slower(features):
    np.testing.assert_array_equal(paced(features, np.ones(COUNT), 40), features[:, :40])
    fast = paced(features, np.full(COUNT, 1.25), 40)
    np.testing.assert_allclose(fast[:, ::4], features[:, :50:5], atol=1e-9)
    slow = paced(features, np.full(COUNT, 0.8), 41)
    np.testing.assert_allclose(slow[:, ::5], features[:, :33:4], atol=1e-5)
    assert np.isin(slow[..., 18], features[..., 18]).all()  # pitch is never interpolated


def test_excerpts_are_seeded_and_as_long_as_asked_for(speech):
    gain = np.zeros(4)
    first, again, other = (
        excerpts(speech, np.random.default_rng(seed), 30, gain, 0.5) for seed in (7, 7, 8)
    )
    assert first.shape == (4, 30, 20)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
