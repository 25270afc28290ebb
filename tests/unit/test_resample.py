# SPDX-License-Identifier: BSD-3-Clause
import itertools

import numpy as np
import pytest

from dred.resample import Resampler

RATES = (8000, 12000, 16000, 24000, 48000)
PAIRS = [(16000, rate) for rate in RATES] + [(rate, 16000) for rate in RATES if rate != 16000]


def tone(frequency, rate, count, start=0):
    return np.sin(2 * np.pi * frequency * np.arange(start, start + count) / rate).astype("f4")


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_no_delay(from_rate, to_rate):
    out = Resampler(from_rate, to_rate).process(tone(700, from_rate, from_rate))
    expected = tone(700, to_rate, len(out))
    edge = to_rate // 100
    assert np.abs(out - expected)[edge:].max() < 2e-3


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_in_pieces_is_at_once(from_rate, to_rate):
    pcm = np.random.default_rng(0).normal(size=4001).astype(np.float32)
    whole = Resampler(from_rate, to_rate).process(pcm)
    resampler = Resampler(from_rate, to_rate)
    cuts = [0, 1, 3, 160, 161, 1000, 1000, 4001]
    pieces = [resampler.process(pcm[a:b]) for a, b in itertools.pairwise(cuts)]
    assert np.array_equal(whole, np.concatenate(pieces))
    resampler.reset()
    assert np.array_equal(whole, resampler.process(pcm))


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_output_comes_half_a_filter_late(from_rate, to_rate):
    resampler = Resampler(from_rate, to_rate)
    fed = from_rate // 10
    out = resampler.process(np.zeros(fed, np.float32))
    due = (fed - resampler.half) * to_rate / from_rate
    assert abs(len(out) - due) <= max(1, to_rate / from_rate)


def test_same_rate_is_the_same_audio():
    pcm = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    assert np.array_equal(Resampler(16000, 16000).process(pcm), pcm)


@pytest.mark.parametrize("rate", RATES[3:])
def test_what_lies_beyond_the_band_is_kept_out(rate):
    out = Resampler(rate, 16000).process(tone(10000, rate, rate))
    assert np.abs(out)[200:-200].max() < 1e-2


@pytest.mark.parametrize("pair", [(44100, 16000), (8000, 48000), (0, 16000), (16000, -1)])
def test_other_rates_are_refused(pair):
    with pytest.raises(ValueError, match="resampling"):
        Resampler(*pair)
