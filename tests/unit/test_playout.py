# SPDX-License-Identifier: BSD-3-Clause
"""Adaptive play-out: the delay follows jitter and clock skew by pitch periods, without clicks."""

import numpy as np
import pytest

pytest.importorskip("dred._core")

from signals import opus_packets, voice

from dred.receiver import Playout, Receiver, Source
from dred.receiver.delay import BIN_MS, DelayHistogram
from dred.receiver.playout import ABOVE_MS
from dred.receiver.time_scale import find_period, lengthen, shorten

RATE = 16000
FRAME_MS = 20.0


@pytest.fixture(scope="module")
def packets():
    return opus_packets(RATE, 500)


def listen(packets, delays, *, recover_ms=0.0, skew=0.0):
    """Packet n leaves at 20 n ms and takes delays[n] ms; the listener's clock runs 1 + skew as
    fast. Returns (playout, audio, delay_ms after every frame)."""
    playout = Playout(Receiver(RATE, 1, jitter_ms=recover_ms, concealment="classic"))
    arrivals = sorted((20.0 * n + delays[n], n) for n in range(len(packets)))
    heard, history = [], []
    for frame in range(round(len(packets) * (1 + skew))):
        while arrivals and arrivals[0][0] * (1 + skew) <= 20 * frame:
            time, number = arrivals.pop(0)
            playout.push(packets[number % len(packets)], number, time * (1 + skew))
        heard.append(playout.pull())
        history.append(playout.playout.delay_ms)
    return playout, np.concatenate(heard), history


def test_without_jitter_the_delay_shrinks(packets):
    playout, audio, history = listen(packets, np.zeros(len(packets)), recover_ms=60)
    assert len(audio) == len(packets) * 320
    assert history[2] >= 60 + 30
    assert 0 < history[-1] - playout.playout.target_ms <= ABOVE_MS
    assert playout.playout.target_ms == 60 + BIN_MS + FRAME_MS
    assert playout.playout.shrunk > 0
    assert playout.stats.late == 0


def test_jitter_lengthens_the_delay_at_once_and_shortens_it_later(packets):
    rng = np.random.default_rng(1)
    delays = np.zeros(len(packets))
    delays[150:250] = rng.uniform(0, 120, 100)
    playout, _, history = listen(packets, delays)
    assert history[140] < 60
    assert history[200] > 100
    assert history[249] > 120
    # What came in between came late; once the delay has grown, nothing does.
    before = playout.stats.late
    assert 0 < before < 30
    assert playout.playout.grown > 5


def test_the_delay_asked_for_is_kept_for_recovery(packets):
    for recover in (0, 200):
        playout, _, history = listen(packets, np.zeros(len(packets)), recover_ms=recover)
        assert recover < history[-1] < recover + 50
    playout.recover_ms = 0
    assert playout.playout.target_ms > 200


@pytest.mark.parametrize("skew", [-2e-3, 2e-3])
def test_skewed_clocks_do_not_drift(packets, skew):
    """2000 ppm for a minute are as 100 ppm for twenty: 120 ms."""
    longer = packets * 6
    playout, _, history = listen(longer, np.zeros(len(longer)), skew=skew)
    late = history[250:]
    assert max(late) - min(late) < 30
    steps = playout.playout
    moved = steps.grown_ms - steps.shrunk_ms
    # All of it but what the band and the time to notice leave.
    assert moved == pytest.approx(skew * len(longer) * 20, abs=60)
    assert playout.stats.late == 0
    assert playout.stats.frames().keys() == {"regular"}


def test_no_click_at_the_joins(packets):
    playout, audio, _ = listen(packets, np.zeros(len(packets)), recover_ms=300)
    playout, scaled, _ = listen(packets, np.tile([0, 90.0], len(packets) // 2))
    assert playout.playout.grown > 3
    own = np.abs(np.diff(audio)).max()
    assert np.abs(np.diff(scaled)).max() <= 1.05 * own


def test_restart_waits_anew(packets):
    playout = Playout(Receiver(RATE, 1, jitter_ms=20, concealment="classic"))
    for number in range(20):
        playout.push(packets[number], number)
        playout.pull()
    assert playout.stats.last is Source.REGULAR
    playout.restart()
    playout.pull()
    assert playout.stats.last is Source.WAITING
    for number in range(5000, 5020):
        playout.push(packets[number % 500], number)
        playout.pull()
    assert playout.stats.last is Source.REGULAR
    assert playout.stats.restarts == 1


def test_frames_have_the_length_asked_for():
    long = opus_packets(RATE, 40, frame_ms=60)
    playout = Playout(Receiver(RATE, 2, jitter_ms=60, frame_ms=60), frame_ms=10)
    for number, packet in enumerate(long):
        playout.push(packet, number)
        for _ in range(6):
            assert playout.pull().shape == (160, 2)
    assert playout.stats.frames()["regular"] >= 37


def test_bad_arguments():
    with pytest.raises(ValueError, match="recover_ms"):
        Playout(Receiver(RATE), 4000)
    with pytest.raises(ValueError, match="jitter_ms"):
        Receiver(RATE).jitter_ms = -1


def test_histogram_is_fast_up_and_slow_down():
    delays = DelayHistogram()
    margins = []
    for number in range(3000):
        delays.push(80.0 if 500 <= number < 600 and number % 2 else 7.0)
        margins.append(delays.margin_ms)
    assert margins[499] == BIN_MS
    assert margins[540] >= 75
    assert margins[850] >= 75
    assert margins[2999] == BIN_MS
    assert delays.base_ms == 7.0


def test_histogram_forgets_the_fastest_packet():
    delays = DelayHistogram()
    for number in range(4000):
        delays.push(0.002 * number)  # 100 ppm of 20 ms
    assert delays.base_ms > 0.002 * (4000 - 600)
    assert delays.margin_ms == BIN_MS


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("pitch", [80, 200, 390])
def test_the_period_is_found(rate, pitch):
    time = np.arange(rate // 10) / rate
    tone = sum(np.sin(2 * np.pi * k * pitch * time + k) for k in (1, 2, 3))
    period, likeness = find_period(tone[:, None].astype(np.float32), rate // 20, rate)
    assert likeness > 0.95
    cycles = period * pitch / rate
    assert cycles == pytest.approx(round(cycles), abs=0.06 * round(cycles))


def test_scaling_adds_and_takes_one_period():
    pcm = voice(RATE, 0.2, 2).astype(np.float32)
    period, _ = find_period(pcm, 1000, RATE)
    longer, shorter = lengthen(pcm, 1000, period), shorten(pcm, 1000, period)
    assert longer.shape == (len(pcm) + period, 2)
    assert shorter.shape == (len(pcm) - period, 2)
    for made in (longer, shorter):
        np.testing.assert_array_equal(made[: 1000 - period], pcm[: 1000 - period])
        np.testing.assert_array_equal(made[-500:], pcm[-500:])


def test_silence_is_like_silence():
    assert find_period(np.zeros((600, 1), np.float32), 300, RATE) == (240, 1.0)


@pytest.mark.parametrize("seed", range(4))
def test_anything_may_arrive(packets, seed):
    """Jumps, strays, duplicates and pauses: every pull gives a frame, none of it out of range."""
    rng = np.random.default_rng(seed)
    playout = Playout(Receiver(RATE, 1, jitter_ms=20, concealment="classic"))
    number = 0
    for _ in range(400):
        for _ in range(rng.choice([0, 1, 1, 1, 2, 6])):
            number += int(rng.choice([1, 1, 1, 1, 2, -3, 700, 20000], p=[0.2] * 4 + [0.05] * 4))
            late = float(rng.choice([0, 0, 5, 80]))
            data = packets[number % 500] if rng.random() < 0.95 else b"\xff"
            playout.push(data, number % 65536, playout.clock_ms + late, copy=rng.random() < 0.1)
        frame = playout.pull()
        assert frame.shape == (320,)
        assert np.abs(frame).max() <= 1
        assert 0 <= playout.playout.target_ms <= 3000
    playout.restart()
    assert playout.pull().shape == (320,)
