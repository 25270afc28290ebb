# SPDX-License-Identifier: BSD-3-Clause
"""Joins make no clicks: neither the fades themselves, nor what a decoder rings like behind them."""

import numpy as np
import pytest
import soundfile
from signals import voice

pytest.importorskip("dred._core")

from weights import embedded_models, random_models

from dred.packet import has_lbrr
from dred.receiver import Receiver, Source
from dred.receiver.join import STEEPER, settle, steepest
from dred.sender import Sender

RATE = 16000
SETTLING = 80


def ring():
    """A short high tone, as a filter with the wrong memory gives."""
    t = np.arange(SETTLING)
    return (0.5 * np.exp(-t / 15) * np.sin(2 * np.pi * 5300 * t / RATE)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
def test_what_rings_is_no_steeper_than_the_speech_around(channels):
    speech = voice(RATE, 0.1, 2)[:, :channels]
    before, frame = speech[:320], speech[320:640].copy()
    assert settle(frame, before, SETTLING) is frame
    spoilt = frame.copy()
    spoilt[:SETTLING] += ring()[:, None]
    out = settle(spoilt, before, SETTLING)
    own = max(steepest(before), steepest(frame[SETTLING:]))
    assert steepest(spoilt) > 2 * own
    assert steepest(out[: SETTLING + 1]) <= 1.001 * STEEPER * own
    assert np.sum((out - frame) ** 2) < 0.7 * np.sum((spoilt - frame) ** 2)
    np.testing.assert_array_equal(out[SETTLING:], frame[SETTLING:])


def test_pulses_like_others_stay():
    frame = np.zeros((320, 1), np.float32)
    frame[40::90] = 0.5
    assert settle(frame, np.zeros(320, np.float32), SETTLING) is frame


def test_a_silent_frame_is_taken():
    silent = np.zeros((320, 1), np.float32)
    np.testing.assert_array_equal(settle(silent, silent, SETTLING), silent)


@pytest.mark.parametrize("models", [random_models, embedded_models])
@pytest.mark.parametrize("lost", [6, 9])
def test_the_frame_after_lbrr_that_ends_a_gap(samples, models, lost):
    """A vowel ends in the gap, the packet behind it brings a fricative: the memory of the decoder,
    full of the vowel that LBRR went on with, rang through the fricative's filter."""
    pcm, rate = soundfile.read(samples / "slt_16k.wav", dtype="float32")
    begin, end = 225, 250
    packets = Sender(rate, 1, lbrr=True, models=embedded_models()).push(
        pcm[: (end + 2) * rate // 50]
    )
    assert has_lbrr(packets[end])
    receiver = Receiver(rate, 1, models(), 400)
    for number in range(begin, len(packets)):
        if not end - lost <= number < end:
            receiver.push(packets[number], number - begin, arrival_ms=0)
    heard = []
    while len(heard) <= end - begin:
        frame = receiver.pull()
        if receiver.stats.last is not Source.WAITING:
            heard.append((receiver.stats.last, frame))
    (source, before), (_, after) = heard[-2:]
    assert source is Source.LBRR
    own = max(steepest(before), steepest(after[SETTLING:]))
    assert steepest(after) <= 1.001 * STEEPER * own
