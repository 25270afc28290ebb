# SPDX-License-Identifier: BSD-3-Clause
"""Joins make no clicks: what a decoder rings like behind them is told from what the packet says."""

import numpy as np
import pytest
import soundfile
from signals import voice

pytest.importorskip("dred._core")

from weights import embedded_models, random_models

from dred.opus import OpusDecoder
from dred.packet import has_lbrr
from dred.receiver import Receiver, Source
from dred.receiver.join import STEEPER, blares, rings, steepest
from dred.receiver.witness import LISTENS, WAITING, Witness
from dred.sender import Sender

RATE = 16000
LENGTH = RATE // 50


@pytest.mark.parametrize("channels", [1, 2])
def test_only_what_the_other_decoder_lacks_rings(channels):
    speech = voice(RATE, 0.1, 2)[:, :channels]
    before, frame = speech[:LENGTH], speech[LENGTH : 2 * LENGTH]
    t = np.arange(LENGTH)
    tone = 0.5 * np.exp(-t / 15) * np.sin(2 * np.pi * 5300 * t / RATE)
    spoilt = frame + tone.astype(np.float32)[:, None]
    assert steepest(spoilt) > 2 * steepest(frame)
    assert rings(spoilt, before, lambda: frame)
    assert not rings(frame, before, lambda: frame)
    assert not rings(spoilt, before, lambda: spoilt)  # an onset
    assert not rings(spoilt, spoilt, lambda: frame)  # a pitch pulse like those before
    silent = np.zeros_like(frame)
    assert not rings(silent, silent, lambda: silent)


@pytest.mark.parametrize("channels", [1, 2])
def test_only_what_is_far_louder_than_the_other_decoder_blares(channels):
    speech = voice(RATE, 0.1, 2)[:, :channels]
    before, frame = speech[:LENGTH], speech[LENGTH : 2 * LENGTH]
    hum = 0.5 * np.sin(2 * np.pi * 500 * np.arange(LENGTH) / RATE).astype(np.float32)[:, None]
    spoilt = np.concatenate([frame[: LENGTH // 2], (frame + hum)[LENGTH // 2 :]])
    assert blares(spoilt, before, lambda: frame)
    assert not blares(frame, before, lambda: 0.01 * frame)  # the other one heard silence
    assert not blares(spoilt, before, lambda: spoilt)  # an onset
    assert not blares(spoilt, spoilt, lambda: frame)  # a vowel that goes on
    silent = np.zeros_like(frame)
    assert not blares(silent, silent, lambda: silent)
    assert not blares(frame[:2], frame[:2], lambda: frame[:2])


@pytest.fixture(scope="module")
def speech(samples):
    pcm, rate = soundfile.read(samples / "slt_16k.wav", dtype="float32")
    assert rate == RATE
    return pcm


def test_a_witness_conceals_and_stops_listening(speech):
    packets = Sender(RATE, 1, models=embedded_models()).push(speech[: 20 * LENGTH])
    decoder, stock = OpusDecoder(RATE), OpusDecoder(RATE)
    witness = Witness(RATE, 1)
    for packet in packets[:10]:
        assert not witness.hear(packet, LENGTH)
        decoder.decode(packet, LENGTH)
        stock.decode(packet, LENGTH)
    witness.begin(decoder)
    for i, packet in enumerate((None, None, *packets[12 : 12 + LISTENS])):
        assert witness.hear(packet, LENGTH)
        expected = stock.decode(packet, LENGTH)
        if i % 3:  # it need not be asked every time
            np.testing.assert_array_equal(witness.frame(), expected)
    assert not witness.hear(packets[12 + LISTENS], LENGTH)
    witness.hand_over(decoder)
    packet = packets[13 + LISTENS]
    np.testing.assert_array_equal(decoder.decode(packet, LENGTH), stock.decode(packet, LENGTH))


def test_a_witness_catches_up_with_a_long_gap_that_nobody_asked_about(speech):
    packets = Sender(RATE, 1, models=embedded_models()).push(speech[: 12 * LENGTH])
    decoder, stock = OpusDecoder(RATE), OpusDecoder(RATE)
    witness = Witness(RATE, 1)
    for packet in packets[:10]:
        decoder.decode(packet, LENGTH)
        stock.decode(packet, LENGTH)
    witness.begin(decoder)
    for packet in (*[None] * (2 * WAITING + 3), packets[10]):
        assert witness.hear(packet, LENGTH)
        expected = stock.decode(packet, LENGTH)
    np.testing.assert_array_equal(witness.frame(), expected)


def listen(packets, end, lost, models):
    """(source, frame) of every packet before `end`, of which the last `lost` are lost, and of the
    three packets behind."""
    begin = end - lost - 12
    receiver = Receiver(RATE, 1, models, 400)
    for number in range(begin, end + 3):
        if not end - lost <= number < end:
            receiver.push(packets[number], number - begin, arrival_ms=0)
    heard = []
    while len(heard) < end + 3 - begin:
        frame = receiver.pull()
        if receiver.stats.last is not Source.WAITING:
            heard.append((receiver.stats.last, frame))
    return heard


# A vowel ends in the gap, and a fricative comes behind it: the memory of the decoder, full of the
# vowel that the substitute packets went on with, rings through the fricative's filter.
@pytest.mark.parametrize(
    ("end", "lost", "lbrr", "models"),
    [
        (241, 8, False, embedded_models),
        (332, 8, False, random_models),
        (541, 4, False, random_models),
        (542, 8, True, random_models),
        (250, 6, True, random_models),
        (250, 9, True, embedded_models),
    ],
)
def test_frames_behind_a_gap_do_not_ring(speech, end, lost, lbrr, models):
    sender = Sender(RATE, 1, lbrr=lbrr, models=embedded_models())
    packets = sender.push(speech[: (end + 4) * LENGTH])
    assert has_lbrr(packets[end]) == lbrr
    heard = listen(packets, end, lost, models())
    stock = OpusDecoder(RATE)
    clean = [stock.decode(packet, LENGTH) for packet in packets[: end + 3]]
    assert (heard[-4][0] is Source.LBRR) == lbrr
    # The frame that leaves the synthesis fades from it.
    for at in (-3, -2, -1) if lbrr else (-2, -1):
        assert heard[at][0] is Source.REGULAR
        around = max(steepest(heard[at - 1][1]), steepest(clean[at]))
        assert steepest(heard[at][1]) <= 1.1 * STEEPER * around
