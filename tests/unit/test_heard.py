# SPDX-License-Identifier: BSD-3-Clause
"""Where the audio of a call ends."""

import numpy as np
import pytest
from signals import opus_packets

from dred.net.heard import AHEAD, Heard
from dred.receiver import Playout, Receiver

RATE = 16000


def listen(receiver, packets, frame_ms, lost=()):
    """All that is heard of packets that come in time, and of half a second after them."""
    heard = Heard(receiver)
    frames = []

    def pull_until(time_ms):
        while heard.clock_ms < time_ms:
            frames.append(heard.pull())

    for number, packet in enumerate(packets):
        if number not in lost:
            receiver.push(packet, number, frame_ms * number)
        pull_until(frame_ms * (number + 1))
    pull_until(heard.clock_ms + 500)
    audio = np.concatenate([frame for frame in frames if frame is not None])
    assert len(audio) == heard.samples > heard.sent
    return audio[: heard.sent], heard


@pytest.mark.parametrize("frame_ms", [10, 20, 60])
@pytest.mark.parametrize("lost", [(), (3, 4), (8, 9)])
def test_ends_with_the_last_frame_that_was_sent(frame_ms, lost):
    packets = opus_packets(RATE, 10, frame_ms=frame_ms)
    receiver = Receiver(RATE, concealment="classic", jitter_ms=60)
    audio, _ = listen(receiver, packets, frame_ms, lost)
    assert len(audio) == (8 if 9 in lost else 10) * frame_ms * RATE // 1000


@pytest.mark.parametrize("frame_ms", [10, 20, 60])
def test_adaptive_play_out_loses_nothing(frame_ms):
    packets = opus_packets(RATE, 1200 // frame_ms, frame_ms=frame_ms)
    playout = Playout(Receiver(RATE, concealment="classic", jitter_ms=60))
    playout._steer = lambda: None  # its steps change the length, and what is concealed has some
    audio, heard = listen(playout, packets, frame_ms)
    assert 0 <= len(audio) - 1.2 * RATE <= AHEAD * 0.02 * RATE
    # Nothing that is heard lies behind what was kept.
    whole, _ = listen(Receiver(RATE, concealment="classic", jitter_ms=60), packets, frame_ms)
    tail = whole[-RATE // 100 :]
    places = np.lib.stride_tricks.sliding_window_view(audio, len(tail))
    assert np.abs(places - tail).max(axis=1).min() == 0
    assert heard.waits(0)  # until it is sure that nothing comes any more


def test_waits_until_the_newest_was_played():
    packets = opus_packets(RATE, 3)
    receiver = Receiver(RATE, concealment="classic", jitter_ms=60)
    heard = Heard(receiver)
    assert not heard.waits(7)  # nothing has come
    for number in (0, 2):
        receiver.push(packets[number], number + 7, 0.0)
    pulled = 0
    while heard.waits(9):
        heard.pull()
        pulled += 1
    assert pulled == 3 + 3
    assert receiver.stats.frames() == {"regular": 2, "plc": 1}


def test_an_adaptive_play_out_is_not_waited_for_without_end():
    playout = Playout(Receiver(RATE, concealment="classic", jitter_ms=60))
    heard = Heard(playout)
    while heard.waits(0):
        heard.pull()
    assert 1000 < heard.clock_ms < 1200
