# SPDX-License-Identifier: BSD-3-Clause
"""Where nothing is known: it fades, stays quiet, and speech comes back without a jump."""

import numpy as np
import pytest
from signals import voice
from weights import embedded_models

import dred
from dred.opus import OpusEncoder
from dred.packet import Toc, has_lbrr
from dred.receiver import Receiver, Source

RATE, FRAME = 16000, 320
FADED_MS = 400  # a guess has ended after so long
QUIET = 0.03  # amplitude against that of the speech


@pytest.fixture(scope="module")
def packets():
    sender = dred.Sender(
        RATE, bitrate=32000, dred_ms=400, lbrr=False, models=embedded_models(), loss_burst=30
    )
    # With pauses, from which the receiver learns what the background is; none beside the gaps.
    spoken = np.resize(np.repeat([1, 1, 1, 1, 0], 10 * FRAME), 4 * RATE)
    return sender.push(voice(RATE, 4) * np.roll(spoken, 5 * FRAME).astype(np.float32))


def heard(packets, lost, pause=0):
    """Frames [n, 320] and their sources; play-out stands still for so many frames at the end of
    what was lost."""
    rx = Receiver(RATE, models=embedded_models(), jitter_ms=0)
    for number, packet in enumerate(packets):
        if number not in lost:
            rx.push(packet, number + pause * (number > max(lost)), 0)
    frames = [rx.pull() for _ in range(len(packets) + pause)]
    return np.array(frames), rx.stats.sources


def amplitude(frames):
    return np.sqrt(np.mean(frames**2, axis=1))


def jump(frames):
    return np.abs(np.diff(frames.ravel())).max()


def jump_at_borders(frames, sources):
    """The largest where one source follows another, 10 ms to either side."""
    borders = [i for i in range(1, len(frames)) if sources[i] is not sources[i - 1]]
    samples = frames.ravel()
    return max(jump(samples[i * FRAME - FRAME // 2 : i * FRAME + FRAME // 2]) for i in borders)


def test_a_gap_longer_than_the_data(packets):
    lost = range(60, 140)
    frames, sources = heard(packets, lost)
    guessed = [i for i in lost if sources[i] is Source.PLC]
    described = [i for i in lost if sources[i] is Source.DRED]
    assert guessed == list(range(60, described[0]))
    assert 15 <= len(described) <= 21
    whole, _ = heard(packets, [-1])
    level = amplitude(whole).mean()
    assert amplitude(frames)[60 + FADED_MS // 20 : guessed[-1]].max() < QUIET * level
    assert amplitude(frames)[described[5:]].mean() > 0.4 * level
    assert jump_at_borders(frames, sources) < jump(whole)
    assert jump(frames) < 1.5 * jump(whole)  # pulses of synthesised voice may be sharper


def test_a_pause_of_the_sender(packets):
    """Nothing comes for six seconds, then it goes on: as after the last packets were lost."""
    frames, sources = heard(packets, [100], pause=300)
    assert set(sources[100:380]) == {Source.PLC}
    whole, _ = heard(packets, [-1])
    level = amplitude(whole).mean()
    faded, back = 100 + FADED_MS // 20, sources.index(Source.DRED)
    assert amplitude(frames)[faded:back].max() < QUIET * level
    assert amplitude(frames)[-40:].mean() > 0.8 * level
    assert jump_at_borders(frames, sources) < jump(whole)
    assert jump(frames) < 1.5 * jump(whole)


def test_the_first_packets_lost_leave_no_trace(packets):
    """Play-out begins with what comes first; a second later it is as if nothing had been lost."""
    late, _ = heard(packets[7:], [-1])
    whole, _ = heard(packets, [-1])
    assert jump(late) <= jump(whole) * 1.05
    assert np.abs(late[60:] - whole[67:]).max() < 0.02


@pytest.mark.parametrize(("before", "source"), [("celt", Source.PLC), ("silk", Source.LBRR)])
def test_lbrr_behind_celt_restores_nothing(before, source):
    """libopus conceals there instead: what it gives must not count as restored."""
    encoder = OpusEncoder(RATE)
    encoder.configure(bitrate=32000, lbrr=True, loss_percent=30, mode=before)
    packets = []
    for number, frame in enumerate(voice(RATE, 1).reshape(-1, FRAME)):
        if number == 30:
            encoder.configure(mode="silk")
        packets.append(encoder.encode(frame))
    lost = next(n for n in range(30, 50) if Toc.parse(packets[n]).mode == "silk")
    if before == "silk":
        lost += 10
    assert has_lbrr(packets[lost + 1])
    _, sources = heard(packets, {lost})
    assert sources[lost] is source


@pytest.mark.parametrize("wrong", [{"jitter_ms": np.nan}, {"frame_ms": 0}, {"frame_ms": 7}])
def test_settings_that_cannot_be(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Receiver(RATE, models=embedded_models(), **wrong)
