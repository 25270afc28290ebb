# SPDX-License-Identifier: BSD-3-Clause
"""Calls that do not go as they should: what was sent is heard all the same, and nothing else."""

import errno
import socket
import threading
import time
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("dred._core")

from signals import opus_packets

from dred.net import LiveReceiver, LiveSender, Relay
from dred.net.address import drain
from dred.receiver import Playout, Receiver
from dred.rtp import RtpPacket, RtpSender, rtcp

HERE = ("127.0.0.1", 0)
RATE = 16000
BYE = rtcp.build([rtcp.ReceiverReport(1), rtcp.Bye((1,))])


def sent(packets, **options):
    sender = RtpSender(1, **{"sequence": 100, "timestamp": 0, **options})
    return [sender.send(packet) for packet in packets]


def hear(datagrams, *, every_ms=0.0, adaptive=False, **options):
    """(audio, receiving end) of datagrams, one every so many ms."""
    receiver = Receiver(RATE, 1, jitter_ms=60, concealment="classic")
    top = Playout(receiver) if adaptive else receiver
    live = LiveReceiver(HERE, top, 111, **{"idle_s": 2.0, "send_rtcp": False, **options})
    heard = []
    thread = threading.Thread(target=lambda: heard.append(live.run()))
    thread.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        begun = time.monotonic()
        for number, datagram in enumerate(datagrams):
            time.sleep(max(0.0, begun + number * every_ms / 1000 - time.monotonic()))
            out.sendto(bytes(datagram), live.address)
    thread.join(20)
    return heard[0], live


@pytest.mark.parametrize("frame_ms", [10, 20, 60])
def test_adaptive_play_out_hears_all_of_a_call_that_just_stops(frame_ms):
    packets = opus_packets(RATE, 1800 // frame_ms, frame_ms=frame_ms)
    audio, live = hear(sent(packets), every_ms=frame_ms, adaptive=True, idle_s=0.8)
    assert live.receiver.stats.frames()["regular"] >= len(packets) - 60 // frame_ms
    steps = live.receiver.playout
    assert abs(len(audio) / RATE - 1.8) < 0.06 + (steps.grown_ms + steps.shrunk_ms) / 1000


def test_a_fixed_delay_hears_exactly_that():
    audio, _ = hear(sent(opus_packets(RATE, 50)), every_ms=20, idle_s=0.5)
    assert len(audio) == 50 * 320


def test_a_sender_that_begins_anew_is_heard_on():
    packets = opus_packets(RATE, 100)
    again = sent(packets[50:], sequence=40_000, timestamp=10**9)
    audio, live = hear([*sent(packets[:50]), *again], every_ms=20, idle_s=0.5)
    # A busy machine may be late with a packet at the seam.
    assert 2.0 <= len(audio) / RATE < 2.2
    assert live.receiver.stats.frames()["regular"] == 100
    assert live.rtp.lost == 0


@pytest.mark.parametrize("timestamp", [0, 10**9, 2**32 - 10**9])
def test_a_sender_that_begins_anew_in_the_time_of_timestamps(timestamp):
    packets = opus_packets(RATE, 100)
    again = sent(packets[50:], sequence=40_000, timestamp=timestamp)
    audio, live = hear([*sent(packets[:50]), *again, BYE], realtime=False)
    assert live.receiver.stats.frames() == {"regular": 100}
    assert len(audio) == 100 * 320


@pytest.mark.parametrize("counted", [True, False])
def test_speech_behind_a_long_pause_is_heard(counted):
    """In the time of the timestamps, so that nobody has to wait."""
    packets = opus_packets(RATE, 100)
    pause = 33 * 48_000 if counted else 0
    again = sent(packets[50:], sequence=150, timestamp=50 * 960 + pause)
    audio, live = hear([*sent(packets[:50]), *again, BYE], realtime=False)
    stats = live.receiver.stats
    assert stats.frames()["regular"] == 100
    assert (stats.late, live.rtp.lost) == (0, 0)
    # Of the pause no more is played than nothing is waited for.
    assert 2 <= len(audio) / RATE <= 2 + (2.2 if counted else 0)
    assert np.std(audio[-RATE // 2 :]) > 0.03


def test_a_bad_first_datagram_ends_no_call():
    bad = RtpPacket(63, 1, 1, 99, b"\x80")
    packets = opus_packets(RATE, 30)
    audio, live = hear([bad, *sent(packets), BYE], every_ms=20)
    assert live.rtp.stats.malformed == 1
    assert len(audio) == 30 * 320


class Flaky:
    """A socket whose network is away now and then: errors by the number of the call, of each of
    its methods."""

    def __init__(self, real, errors):
        self._real, self._errors = real, errors
        self._calls = Counter()

    def __getattr__(self, name):
        return getattr(self._real, name)

    def _fail(self, method):
        self._calls[method] += 1
        if self._calls[method] in self._errors:
            # OSError makes the right class of it.
            raise OSError(self._errors[self._calls[method]], "as if")

    def send(self, data):
        self._fail("send")
        return self._real.send(data)

    def recvfrom(self, size):
        self._fail("recvfrom")
        return self._real.recvfrom(size)


AWAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENOBUFS, errno.EPERM)


def test_a_call_outlives_a_network_that_is_away():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(HERE)
        sender = LiveSender(end.getsockname(), RtpSender(), realtime=False, send_rtcp=False)
        # The last two are of one packet: no room, and once there is, no network.
        errors = dict(enumerate(AWAY, 3)) | {12: errno.EAGAIN, 13: errno.ENETUNREACH}
        sender._socket = Flaky(sender._socket, errors)
        stats = sender.run(opus_packets(RATE, 20))
        end.setblocking(False)
        assert len(drain(end)) == 20 - len(AWAY) - 1
    assert (stats.packets, stats.refused) == (20, len(AWAY) + 1)


@pytest.mark.parametrize("number", [*AWAY, errno.ECONNREFUSED])
def test_receiving_outlives_it_as_well(number):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(HERE)
        end.setblocking(False)
        end.sendto(b"one", end.getsockname())
        flaky = Flaky(end, {1: number})
        found = drain(flaky) + drain(flaky)
        assert [data for data, _ in found] == [b"one"]


def test_a_relay_outlives_it_as_well():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(HERE)
        relay = Relay(HERE, end.getsockname())
        relay._outside = Flaky(relay._outside, dict(enumerate(AWAY, 2)))
        for packet in sent(opus_packets(RATE, 10)):
            end.sendto(bytes(packet), relay.address)
        relay.run(0.3)
        assert relay.stats.passed == 10 - len(AWAY)
