# SPDX-License-Identifier: BSD-3-Clause
"""What is heard of a difference: nothing of what is masked, more of what is added than of what is
missing, and the order that PESQ gives."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dred.io.wav import read_wav  # noqa: E402
from dred.train.losses import spectral_loss  # noqa: E402
from dred.train.perceptual import heard_difference, points_lost  # noqa: E402

SPEECH = Path(__file__).parents[2] / "samples" / "slt_16k.wav"


def emphasised(signal):
    """As the networks have it."""
    return torch.from_numpy(np.float32(np.append(signal[0], signal[1:] - 0.85 * signal[:-1])))[None]


def heard(produced, target):
    return float(heard_difference(emphasised(produced), emphasised(target)).mean())


@pytest.fixture(scope="module")
def speech():
    signal, _ = read_wav(SPEECH)
    return np.asarray(signal, np.float64).reshape(-1)[:48000]


@pytest.fixture(scope="module")
def noise(speech):
    return np.sqrt(np.mean(speech**2)) * np.random.default_rng(0).standard_normal(len(speech))


def tone(hertz, size, seconds=0.5):
    return size * np.sin(2 * np.pi * hertz * np.arange(int(16000 * seconds)) / 16000)


def test_equals_and_levels_are_not_heard():
    signal = 0.05 * np.random.default_rng(0).standard_normal(8000)
    assert heard(signal, signal) < 1e-3
    assert heard(0.7 * signal, signal) < 0.01
    assert heard(np.zeros(8000), np.zeros(8000)) < 1e-3


def test_what_is_added_counts_more_than_what_is_missing():
    one, both = tone(1000, 0.1), tone(1000, 0.1) + tone(3000, 0.003)
    assert heard(both, one) > 1.5 * heard(one, both) > 0.01


def test_below_the_threshold_nothing_is_heard():
    speech = tone(500, 0.05)
    assert heard(speech + tone(3000, 3e-7), speech) < 1e-3
    assert heard(speech + tone(3000, 3e-4), speech) > 0.01


def test_gradients_stay_finite_in_silence():
    produced = torch.zeros(1, 2000, requires_grad=True)
    heard_difference(produced, torch.zeros(1, 2000)).sum().backward()
    assert bool(produced.grad.isfinite().all())


def test_the_order_is_that_of_pesq_where_the_spectral_loss_errs(speech, noise):
    """A tilt, which changes all of the spectrum and is hardly heard; soft noise, the other way."""
    pesq = pytest.importorskip("pesq").pesq
    tilted = speech - 0.3 * np.append(0.0, speech[:-1])
    noisy = speech + 10 ** (-50 / 20) * noise
    opinion = [pesq(16000, speech, x, "wb") for x in (tilted, noisy)]
    loss = [
        float(spectral_loss(emphasised(x), emphasised(speech), (640, 320, 160)))
        for x in (tilted, noisy)
    ]
    assert opinion[0] > opinion[1] + 0.3
    assert loss[0] > loss[1]
    assert heard(tilted, speech) < 0.8 * heard(noisy, speech)


@pytest.mark.parametrize("kind", ["noise 20 dB", "noise 35 dB", "noise 50 dB", "hoarse", "coarse"])
def test_the_points_lost_are_those_of_pesq(speech, noise, kind):
    """P.862 takes them from 4.5; P.862.2 says what it makes of the rest."""
    pesq = pytest.importorskip("pesq").pesq
    if kind.startswith("noise"):
        produced = speech + 10 ** (-float(kind.split()[1]) / 20) * noise
    elif kind == "hoarse":
        produced = speech * (1.0 + 0.03 * noise / noise.std())
    else:
        logarithm = np.round(4 * np.log1p(255 * np.abs(speech))) / 4
        produced = np.sign(speech) * np.expm1(logarithm) / 255
    opinion = pesq(16000, speech, produced, "wb")
    raw = (3.8224 - np.log(4.0 / (opinion - 0.999) - 1.0)) / 1.3669
    points = points_lost(heard_difference(emphasised(produced), emphasised(speech)))
    assert float(points) == pytest.approx(4.5 - raw, rel=0.15)


def test_one_bad_block_spoils_its_third_of_a_second():
    points = torch.full((1, 40), 0.1)
    points[0, 7] = 2.0
    assert 0.5 < float(points_lost(points)) < float(points_lost(torch.full((1, 40), 2.0)))
    assert float(points_lost(points[:, :3])) == pytest.approx(0.1, abs=0.01)
