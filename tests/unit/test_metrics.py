# SPDX-License-Identifier: BSD-3-Clause
import importlib.util
import math
import sys

import numpy as np
import pytest

from dred.errors import UnavailableError
from dred.evaluate.metrics import (
    METRICS,
    align,
    feature_distortion,
    find_shift,
    measure,
    pesq_wb,
    plcmos,
    stoi,
    word_error_rate,
)
from dred.evaluate.metrics.words import edits
from dred.evaluate.outcome import scores
from dred.io.wav import read_wav, resample, to_int16

NEEDS = {"pesq": "pesq", "stoi": "pystoi", "estoi": "pystoi", "plcmos": "speechmos",
         "distortion": "numpy", "highband": "numpy", "wer": "pocketsphinx"}  # fmt: skip


@pytest.fixture(scope="module")
def speech(samples):
    pcm, rate = read_wav(samples / "slt_16k.wav")
    return pcm[: 4 * rate]


def has(package):
    return importlib.util.find_spec(package) is not None


def noisy(pcm, level):
    return pcm + np.random.default_rng(1).normal(0, level, len(pcm)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "best"), [("pesq", 4.5), ("stoi", 0.999), ("estoi", 0.999), ("plcmos", 3.5)]
)
def test_worse_speech_scores_worse(speech, name, best):
    pytest.importorskip(NEEDS[name])
    clean, little, much = (
        measure(speech, pcm, 16000, [name])[name]
        for pcm in (speech, noisy(speech, 0.002), noisy(speech, 0.05))
    )
    assert clean > best
    # PLCMOS judges concealment and may not mind a little noise.
    assert clean > much
    if name != "plcmos":
        assert clean > little > much


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("length", [0, 1, 1000, 40000])
def test_silence_is_not_rated(name, length):
    pytest.importorskip(NEEDS[name])
    silence = np.zeros(length, np.float32)
    assert math.isnan(measure(silence, silence, 16000, [name])[name])


def test_long_speech_is_rated_in_pieces(speech):
    """The code of P.862 writes beyond its arrays at 50 utterances: 96 s of speech with pauses
    ended the whole program."""
    pytest.importorskip("pesq")
    said = np.append(speech[8000:16000], np.zeros(4000, np.float32))
    clean = np.tile(said, 60)  # as many utterances in 45 s, three pieces
    heard = noisy(clean, 0.01)
    pieces = zip(np.array_split(clean, 3), np.array_split(heard, 3), strict=True)
    rated = [measure(*piece, 16000, ["pesq"])["pesq"] for piece in pieces]
    assert measure(clean, heard, 16000, ["pesq"])["pesq"] == pytest.approx(np.mean(rated))
    # An outage of a whole piece is no speech to rate, nor may it be left out.
    heard[: len(heard) // 2] = 0
    assert math.isnan(measure(clean, heard, 16000, ["pesq"])["pesq"])


def test_a_long_call_is_rated_by_plcmos_in_pieces(speech, monkeypatch):
    """All of it at once would take 7 MB a second."""
    pytest.importorskip("speechmos")
    halves = [measure(half, half, 16000, ["plcmos"])["plcmos"] for half in np.split(speech, 2)]
    whole = measure(speech, speech, 16000, ["plcmos"])["plcmos"]
    module = importlib.import_module("dred.evaluate.metrics.plcmos")
    monkeypatch.setattr(module, "LONGEST_S", 2)
    found = measure(speech, speech, 16000, ["plcmos"])["plcmos"]
    assert found == pytest.approx(np.mean(halves))
    assert found == pytest.approx(whole, abs=0.5)


def seeded_noise():
    """Two signals of 8000 samples as `torch.manual_seed(1)` and twice `torch.randn(8000)` give:
    the Mersenne Twister's lower 24 bits, sixteen at a time through Box and Muller."""
    bits = np.random.RandomState(1).randint(0, 2**32, 16000, dtype=np.uint32)
    uniform = ((bits & 0xFFFFFF) / np.float32(2**24)).reshape(-1, 2, 8)
    radius, angle = np.sqrt(-2 * np.log1p(-uniform[:, 0])), 2 * np.pi * uniform[:, 1]
    normal = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return normal.reshape(2, 8000).astype(np.float32)


def test_known_values_of_published_examples():
    """The examples of the TorchMetrics documentation for the packages pesq and pystoi (functions
    perceptual_evaluation_speech_quality and short_time_objective_intelligibility)."""
    pesq, pystoi = pytest.importorskip("pesq"), pytest.importorskip("pystoi")
    heard, wanted = seeded_noise()
    assert pesq.pesq(8000, wanted, heard, "nb") == pytest.approx(2.2076, abs=1e-4)
    assert pesq_wb(wanted, heard, 16000) == pytest.approx(1.7359, abs=1e-4)
    assert pystoi.stoi(wanted, heard, 8000) == pytest.approx(-0.0100, abs=1e-4)
    assert stoi(wanted, heard, 8000) == pytest.approx(-0.0100, abs=1e-3)  # by way of 16 kHz


def test_any_rate_and_type(speech):
    pytest.importorskip("pesq")
    bad = noisy(speech, 0.01)
    at_48k = pesq_wb(resample(speech, 16000, 48000), resample(bad, 16000, 48000), 48000)
    assert at_48k == pytest.approx(pesq_wb(speech, bad, 16000), abs=0.1)
    as_int16 = pesq_wb(to_int16(speech), to_int16(bad), 16000)
    assert as_int16 == pytest.approx(pesq_wb(speech, bad, 16000), abs=0.02)


def test_plcmos_repeats_and_leaves_the_global_generator_alone(speech):
    pytest.importorskip("speechmos")
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    first = plcmos(speech, 16000)
    assert np.random.random() == expected  # noqa: NPY002
    assert plcmos(speech, 16000) == first


def test_wrong_use(speech):
    with pytest.raises(ValueError, match="unknown metric 'mos'"):
        measure(speech, speech, 16000, ["mos"])
    with pytest.raises(ValueError, match="one channel"):
        stoi(speech.reshape(-1, 2), speech.reshape(-1, 2), 16000)


@pytest.mark.parametrize(("metric", "package"), [(pesq_wb, "pesq"), (stoi, "pystoi")])
def test_a_missing_package_is_named(monkeypatch, speech, metric, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnavailableError, match=rf"{package}: pip install 'dred\[eval\]'"):
        metric(speech, speech, 16000)


@pytest.mark.parametrize("shift", [-300, -1, 0, 17, 400])
def test_shift_is_found_to_the_sample(speech, shift):
    late = np.concatenate([np.zeros(max(0, shift), np.float32), speech])[max(0, -shift) :]
    late = noisy(0.3 * late, 0.001)
    assert find_shift(speech, late, 500) == shift
    a, b, found = align(speech, late, 500)
    assert found == shift
    assert len(a) == len(b)
    np.testing.assert_allclose(0.3 * a, b, atol=0.01)


@pytest.mark.parametrize("shift", [-1, 1, 100])
def test_a_shift_changes_nothing(speech, shift):
    names = [name for name in ("pesq", "stoi", "distortion") if has(NEEDS[name])]
    heard = noisy(speech, 0.003)
    moved = np.concatenate([np.zeros(max(0, shift), np.float32), heard])[max(0, -shift) :]
    before, after = (scores(speech, pcm, 16000, names) for pcm in (heard, moved))
    for name in names:
        assert after[name] == pytest.approx(before[name], rel=0.02), name
    # Without being brought into step, the features at least would tell.
    assert feature_distortion(speech, np.roll(speech, 100), 16000) > 0.02


def test_distortion_of_features(speech):
    assert feature_distortion(speech, speech, 16000) == 0
    values = [feature_distortion(speech, noisy(speech, level), 16000) for level in (1e-4, 1e-3)]
    assert 0 < values[0] < values[1]


def test_edits():
    words = ["we", "can", "change", "the", "order"]
    assert edits(words, words) == 0
    assert edits(words, []) == edits([], words) == 5
    assert edits(words, ["we", "can", "not", "change", "order"]) == 2
    assert edits(words, ["he", "can", "change", "the", "odour"]) == 2


@pytest.mark.slow
def test_words_are_recognised(samples):
    pytest.importorskip("pocketsphinx")
    pcm, rate = read_wav(samples / "slt_16k.wav")
    pcm = pcm[: 3 * rate]
    assert word_error_rate(pcm, pcm, rate) == 0
    half = pcm.copy()
    half[len(half) // 2 :] = 0
    assert 0.2 < word_error_rate(pcm, half, rate) <= 1


def test_shift_of_nothing():
    silence = np.zeros(100)
    assert find_shift(silence, silence, 10) == 0
    assert find_shift(np.zeros(0), np.ones(3), 10) == 0
    assert find_shift(np.ones(3), np.ones(2), 100) == 0
    with pytest.raises(ValueError, match="negative"):
        find_shift(silence, silence, -1)
    with pytest.raises(ValueError, match="mono"):
        find_shift(np.zeros((3, 2)), np.zeros((3, 2)), 1)
