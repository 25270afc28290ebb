# SPDX-License-Identifier: BSD-3-Clause
"""Calls over loopback: sender, relay and receiver in one process, one thread each."""

import threading

import numpy as np
import pytest

pytest.importorskip("dred._core")

from dred.net import LiveReceiver, LiveSender, Relay, format_address, parse_address
from dred.opus import OpusEncoder
from dred.receiver import Playout, Receiver, Source
from dred.rtp import RtpSender
from dred.traces import parse_model

HERE = ("127.0.0.1", 0)
RATE = 16000
FRAMES = 60


@pytest.fixture(scope="module")
def packets():
    """Opus packets of a tone, without any network."""
    encoder = OpusEncoder(RATE, 1, "voip")
    encoder.configure(bitrate=16000, vbr=True, complexity=5, lbrr=False, loss_percent=0, dtx=False)
    time = np.arange(FRAMES * 320) / RATE
    tone = (0.3 * np.sin(2 * np.pi * 300 * time)).astype(np.float32)
    return [encoder.encode(frame[:, None]) for frame in tone.reshape(FRAMES, 320)]


class Noted(Playout):
    """scaled_ms: by how much it had lengthened the call when it made the last frame of packets."""

    scaled_ms = made = 0

    def pull(self):
        frame = super().pull()
        made = self.stats.played - self.stats.counts[Source.PLC]
        if made > self.made:
            self.made, self.scaled_ms = made, self.playout.grown_ms - self.playout.shrunk_ms
        return frame


def call(
    packets, *, loss=None, jitter_ms=0.0, realtime=False, red=0, adaptive=False, on_report=None,
    on_delay=None, **receiving,
):  # fmt: skip
    """One call through a relay; (audio, receiving end, relay, sender's stats)."""
    receiver = Receiver(RATE, 1, jitter_ms=receiving.get("jitter_ms", 60), concealment="classic")
    if adaptive:
        receiver = Noted(receiver)
    live = LiveReceiver(HERE, receiver, realtime=realtime, idle_s=2.0, **receiving)
    relay = Relay(HERE, live.address, loss and parse_model(loss), jitter_ms=jitter_ms, seed=3)
    sender = LiveSender(
        relay.address,
        RtpSender(red_copies=red),
        realtime=realtime,
        on_report=on_report,
        on_delay=on_delay,
    )
    ended = threading.Event()
    heard = []
    threads = [
        threading.Thread(target=lambda: heard.append(live.run())),
        threading.Thread(target=lambda: relay.run(20, ended.is_set)),
    ]
    for thread in threads:
        thread.start()
    try:
        stats = sender.run(packets)
        threads[0].join(15)
    finally:
        ended.set()
        threads[1].join(5)
    assert heard, "the receiving end did not finish"
    return heard[0], live, relay, stats


def test_a_call_as_fast_as_possible(packets):
    audio, live, relay, stats = call(packets)
    assert stats.packets == FRAMES
    assert relay.stats.lost == 0
    assert live.rtp.reception.lost == 0
    assert live.receiver.stats.frames() == {"regular": FRAMES}
    assert len(audio) == FRAMES * 320
    assert 0.15 < np.sqrt(np.mean(audio[RATE // 2 :] ** 2)) < 0.25


def test_copies_fill_losses(packets):
    audio, live, relay, _ = call(packets, loss="burst:every=200ms,length=40ms", red=2)
    assert relay.stats.lost == 12
    assert live.rtp.reception.figures().longest_burst == 2
    # The last burst has nothing behind it.
    assert live.receiver.stats.frames() == {"regular": FRAMES - 12, "red": 10}
    assert len(audio) == (FRAMES - 2) * 320


def test_losses_are_told_to_the_sender(packets):
    told = []
    _, live, relay, stats = call(
        packets, loss="bernoulli:p=0.3", realtime=True, jitter_ms=100,
        on_report=lambda *report: told.append(report),
    )  # fmt: skip
    assert relay.stats.lost > 5
    assert stats.reports >= 1
    assert 0 < stats.reported_loss < 1
    assert stats.losses().lost > 0
    assert stats.losses().expected >= 20
    assert len(told) == stats.reports
    assert sum(sum(flags) for _, _, flags in told) == stats.losses().lost
    assert told[-1][1] == stats.reported_loss
    assert stats.round_trip_ms is not None
    assert sum(live.receiver.stats.frames().values()) >= FRAMES - 8


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_playout_delay_is_told_to_the_sender(packets, adaptive):
    told = []
    *_, stats = call(packets, realtime=True, adaptive=adaptive, on_delay=told.append)
    assert stats.reported_delay_ms == 60
    assert told == [60]  # once, as it does not change


def test_the_time_asked_for_is_kept(packets):
    audio, *_ = call(packets, seconds=0.5)
    assert len(audio) <= 0.5 * RATE


def test_jitter_of_the_relay_is_measured(packets):
    receiver = Receiver(RATE, 1, jitter_ms=200, concealment="classic")
    assert receiver.stats.frames() == {}
    _, live, _, _ = call(packets, jitter_ms=200, realtime=True)
    assert live.rtp.reception.jitter_ms > 1


def test_the_delay_follows_the_jitter(packets):
    audio, live, relay, _ = call(packets * 2, jitter_ms=80, realtime=True, adaptive=True)
    assert relay.stats.lost == 0
    playout = live.receiver.playout
    assert playout.target_ms > 60 + 60
    # The beginning may be late, as nothing is known of the jitter yet.
    assert live.receiver.stats.frames()["regular"] >= 2 * FRAMES - 8
    # All that was sent, and no more behind it than a Playout may hold: three frames.
    assert -320 <= len(audio) - 2 * FRAMES * 320 - live.receiver.scaled_ms * RATE / 1000 <= 3 * 320


def test_nobody_listens(packets):
    sender = LiveSender(("127.0.0.1", 9), RtpSender(), realtime=False)
    assert sender.run(packets[:5]).packets == 5


@pytest.mark.parametrize("text", ["127.0.0.1:5004", "[::1]:5004", "name:0"])
def test_addresses(text):
    assert format_address(parse_address(text)) == text


@pytest.mark.parametrize("text", ["5004", "a:b", "a:70000", ""])
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)
