# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
from signals import voice
from weights import random_image, random_models

import dred
from dred.stages import analyse


@pytest.fixture(scope="module")
def models():
    return random_models()


def test_shapes(models):
    pcm = voice(16000, 0.5)
    features = dred.extract_features(pcm, models)
    assert features.shape == (50, 20)
    assert features.dtype == np.float32
    assert analyse(pcm, models).shape == (50, 36)
    assert dred.burg_features(pcm).shape == (50, 36)
    latents, states = dred.rdovae_encode(features, models)
    assert latents.shape == (25, 25)
    assert states.shape == (25, 50)
    rows = np.zeros((3, 26), np.float32)
    assert dred.rdovae_decode(states[-1], rows, models).shape == (12, 20)
    assert np.isfinite(features).all()


def test_int16_and_float_are_the_same_audio(models):
    pcm = np.round(voice(16000, 0.3) * 32768).astype(np.int16)
    as_float = pcm.astype(np.float64) / 32768
    assert np.array_equal(
        dred.extract_features(pcm, models), dred.extract_features(as_float, models)
    )
    assert np.array_equal(dred.burg_features(pcm), dred.burg_features(as_float))


def test_nothing_in_nothing_out(models):
    empty = np.zeros(0, np.float32)
    assert dred.extract_features(empty, models).shape == (0, 20)
    assert dred.extract_features(empty[:159], models).shape == (0, 20)
    latents, states = dred.rdovae_encode(np.zeros((1, 20)), models)
    assert latents.shape == (0, 25)
    assert states.shape == (0, 50)
    assert dred.rdovae_decode(np.zeros(50), np.zeros((0, 26)), models).shape == (0, 20)


@pytest.mark.parametrize(
    ("pcm", "error"),
    [
        (np.zeros((160, 2), np.float32), ValueError),
        (np.zeros(160, np.int32), TypeError),
        (["a"], TypeError),
    ],
)
def test_audio_of_the_wrong_kind(models, pcm, error):
    with pytest.raises(error, match=r"pcm|audio"):
        dred.extract_features(pcm, models)


def test_shapes_are_checked_by_name(models):
    with pytest.raises(ValueError, match="features"):
        dred.rdovae_encode(np.zeros((4, 19)), models)
    with pytest.raises(ValueError, match="state"):
        dred.rdovae_decode(np.zeros(49), np.zeros((1, 26)), models)
    with pytest.raises(ValueError, match="latents"):
        dred.rdovae_decode(np.zeros(50), np.zeros((1, 25)), models)
    with pytest.raises(ValueError, match="pcm_past"):
        dred.Vocoder(models).resume(np.zeros(319), np.zeros((5, 20)))
    with pytest.raises(ValueError, match="x: expected"):
        dred.FeaturePredictor(models).step(np.zeros(56))
    with pytest.raises(ValueError, match="wavenet"):
        dred.Vocoder(models, kind="wavenet")


def test_decoding_starts_anew_each_time(models):
    rng = np.random.default_rng(0)
    state, latents = rng.normal(size=50), rng.normal(size=(4, 26))
    first = dred.rdovae_decode(state, latents, models)
    assert np.array_equal(first, dred.rdovae_decode(state, latents, models))
    # Newest first: what comes later in the payload changes nothing before it.
    assert np.array_equal(first[:8], dred.rdovae_decode(state, latents[:2], models))


def test_vocoder_in_parts_is_the_vocoder_at_once(models):
    pcm = voice(16000, 0.5)
    features = dred.extract_features(pcm, models)
    vocoder = dred.Vocoder(models)
    vocoder.resume(pcm[:320], features[:5])
    whole = vocoder.synthesize(features[5:25])
    assert whole.shape == (3200,)
    vocoder.reset()
    vocoder.resume(pcm[:320], features[:5])
    parts = [vocoder.synthesize(features[i : i + 5]) for i in range(5, 25, 5)]
    assert np.array_equal(whole, np.concatenate(parts))
    assert vocoder.synthesize(features[:0]).shape == (0,)


def test_predictor_remembers_and_forgets(models):
    predictor = dred.FeaturePredictor(models)
    x = np.random.default_rng(0).normal(size=57)
    first = predictor.step(x)
    assert not np.array_equal(first, predictor.step(x))
    predictor.reset()
    assert np.array_equal(first, predictor.step(x))


@pytest.mark.parametrize("value", [1e30, -1e30, np.nan, np.inf])
def test_absurd_values_do_no_harm(models, value):
    """Features out of a hostile payload, or audio that somebody scaled wrongly."""
    huge = np.full((8, 20), value, np.float32)
    vocoder = dred.Vocoder(models)
    vocoder.resume(np.full(320, value, np.float32), huge[:5])
    assert np.isfinite(vocoder.synthesize(huge)).all()
    vocoder.synthesize(np.zeros((20, 20), np.float32))
    assert np.isfinite(vocoder.synthesize(np.zeros((20, 20), np.float32))).all()
    decoded = dred.rdovae_decode(np.full(50, value), np.full((2, 26), value), models)
    assert np.isfinite(decoded).all()


def test_missing_networks_are_named():
    with pytest.raises(dred.ModelError, match=r"part\.bin: \w+: no weights"):
        dred.Models(random_image(prefix="conv2d_1"), "part.bin")
    with pytest.raises(dred.ModelError, match=r"other\.bin: "):
        dred.Models(b"", "other.bin")
    models = dred.Models(random_image(prefix="dec_"), "decoder.bin")
    assert models.networks == ("decoder",)
    assert dred.rdovae_decode(np.zeros(50), np.zeros((1, 26)), models).shape == (4, 20)
    with pytest.raises(dred.ModelError, match="vocoder"):
        dred.Vocoder(models)
