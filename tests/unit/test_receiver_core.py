# SPDX-License-Identifier: BSD-3-Clause
"""The receiver as a whole: lengths, sources, arrivals of every kind; random networks will do."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import opus_packets, voice
from weights import random_models

import dred
from dred.opus import OpusDecoder, OpusEncoder
from dred.packet import Packet, Toc
from dred.receiver import Receiver, Source
from dred.receiver.priming import Primer

RATES = (8000, 12000, 16000, 24000, 48000)


def receiver(rate=16000, channels=1, jitter_ms=0, **options):
    return Receiver(rate, channels, random_models(), jitter_ms, **options)


def dred_packets(rate=16000, count=30, channels=1, frame_ms=20, **options):
    sender = dred.Sender(
        rate, channels, frame_ms, options.pop("bitrate", 32000), models=random_models(), **options
    )
    return sender.push(voice(rate, count * frame_ms / 1000, channels))


def listen(rx, packets, lost=(), ahead=5):
    """Feed packets a little ahead of time, and hear as many frames."""
    heard = []
    for i in range(-ahead, len(packets)):
        if i + ahead < len(packets) and i + ahead not in lost:
            rx.push(packets[i + ahead], i + ahead)
        if i >= 0:
            heard.append(rx.pull())
    return heard


@pytest.mark.parametrize("concealment", ["neural", "classic"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_without_loss_it_is_plain_libopus(rate, channels, concealment):
    packets = dred_packets(rate=48000)
    decoder = OpusDecoder(rate, channels)
    expected = [decoder.decode(packet, rate // 50) for packet in packets]
    rx = receiver(rate, channels, concealment=concealment)
    heard = listen(rx, packets)
    whole = np.concatenate(expected)
    assert np.array_equal(np.concatenate(heard).reshape(whole.shape), np.clip(whole, -1, 1))
    assert rx.stats.frames() == {"regular": len(packets)}


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_every_frame_has_its_length(rate, channels, frame_ms):
    packets = dred_packets(rate, 14, channels, frame_ms, bitrate=48000)
    rx = receiver(rate, channels, frame_ms=frame_ms)
    heard = listen(rx, packets, lost=(4, 5, 6, 9))
    size = rate * frame_ms // 1000
    shape = (size,) if channels == 1 else (size, channels)
    assert {frame.shape for frame in heard} == {shape}
    assert np.isfinite(np.concatenate(heard)).all()
    assert sum(rx.stats.frames().values()) == 14
    assert rx.stats.frames()["regular"] == 10


@pytest.mark.parametrize("output", [8000, 16000, 48000])
@pytest.mark.parametrize("frame_ms", [2.5, 5, 10, 20, 40, 60])
@pytest.mark.parametrize("mode", ["silk", "hybrid", "celt"])
def test_modes_and_durations(mode, frame_ms, output):
    if (mode == "silk" and frame_ms < 10) or (mode == "hybrid" and frame_ms not in (10, 20)):
        pytest.skip("no such packets")
    packets = opus_packets(48000, 16, mode=mode, frame_ms=frame_ms, bitrate=32000, channels=2)
    assert Toc.parse(packets[3]).mode == mode
    rx = receiver(output, 2, frame_ms=frame_ms)
    heard = listen(rx, packets, lost=(5, 6, 12))
    assert {len(frame) for frame in heard} == {round(output * frame_ms / 1000)}
    assert rx.stats.frames() == {"regular": 13, "plc": 3}


@pytest.mark.parametrize("count", [2, 3, 5, 6])
def test_packets_of_several_frames(count):
    """40, 30, 100, 120 ms: durations that an encoder does not write as one frame, or not at all."""
    frame_ms = 10 if count == 3 else 20
    singles = opus_packets(16000, 10 * count, mode="silk", frame_ms=frame_ms)
    merged = []
    for i in range(0, len(singles), count):
        frames = [Packet.parse(packet).frames[0] for packet in singles[i : i + count]]
        lengths = b"".join(_length(frame) for frame in frames[:-1])
        merged.append(bytes([singles[0][0] & 0xFC | 3, 0x80 | count]) + lengths + b"".join(frames))
    duration = Packet.parse(merged[0]).duration_ms
    rx = receiver(frame_ms=duration)
    heard = listen(rx, merged, lost=(4, 5))
    assert {len(frame) for frame in heard} == {round(16 * duration)}
    assert rx.stats.frames() == {"regular": 8, "plc": 2}


def _length(frame):
    size = len(frame)
    if size < 252:
        return bytes([size])
    first = 252 + (size & 3)
    return bytes([first, (size - first) // 4])


def test_the_duration_may_change():
    packets = []
    encoder = OpusEncoder(16000)
    encoder.configure(bitrate=24000, lbrr=True, loss_percent=30)
    pcm = voice(16000, 4)
    sizes = [320] * 5 + [960] * 5 + [160] * 5 + [640] * 5 + [40] * 5 + [320] * 5
    at = 0
    for size in sizes:
        packets.append(encoder.encode(pcm[at : at + size]))
        at += size
    rx = receiver()
    heard = listen(rx, packets, lost=(4, 5, 9, 10, 14, 15, 19, 20, 24, 25))
    assert [len(f) for f in heard[:4]] == [320] * 4
    assert np.isfinite(np.concatenate(heard)).all()
    assert rx.stats.frames()["regular"] == 20


def test_pull_before_any_push():
    rx = receiver(48000, 2)
    for _ in range(5):
        frame = rx.pull()
        assert frame.shape == (960, 2)
        assert not frame.any()
    assert rx.stats.frames() == {}
    assert rx.stats.sources == [Source.WAITING] * 5
    packets = dred_packets(48000)
    assert len(listen(rx, packets)) == len(packets)
    assert rx.stats.frames() == {"regular": len(packets)}


def test_play_out_delay():
    rx = receiver(jitter_ms=60)
    packets = dred_packets()
    rx.push(packets[0], 0, 0)
    sources = []
    for packet, number in zip(packets[1:], range(1, 10), strict=False):
        rx.pull()
        rx.push(packet, number)
        sources.append(rx.stats.sources[-1])
    assert sources[:5] == [Source.WAITING] * 3 + [Source.REGULAR] * 2


def test_the_first_packets_are_lost():
    packets = dred_packets()
    rx = receiver()
    heard = listen(rx, packets, lost=(0, 1, 2))
    assert len(heard) == len(packets)
    assert rx.stats.frames()["regular"] == len(packets) - 3


def test_the_last_packets_are_lost():
    packets = dred_packets()
    rx = receiver()
    heard = listen(rx, packets, lost=range(20, 30))
    assert len(heard) == 30
    assert rx.stats.frames() == {"regular": 20, "plc": 10}
    assert np.isfinite(np.concatenate(heard)).all()


def test_redundancy_is_used_where_it_is():
    packets = dred_packets(count=80, bitrate=48000)
    lost = set(range(40, 52))
    everything = receiver()
    listen(everything, packets, lost, ahead=20)
    assert everything.stats.frames() == {"regular": 68, "lbrr": 1, "dred": 11}
    no_lbrr = receiver(use_lbrr=False)
    listen(no_lbrr, packets, lost, ahead=20)
    assert no_lbrr.stats.frames() == {"regular": 68, "dred": 12}
    no_dred = receiver(use_dred=False)
    listen(no_dred, packets, lost, ahead=20)
    assert no_dred.stats.frames() == {"regular": 68, "lbrr": 1, "plc": 11}
    # The packet after the gap is not here in time: a guess first, then what it tells.
    short = receiver()
    listen(short, packets, lost, ahead=6)
    assert short.stats.frames()["plc"] >= 5
    assert short.stats.frames()["dred"] >= 4


def test_a_description_counts_from_the_frame_on_that_it_comes_for():
    """What was guessed ahead, for the substitute packets, is not played where it is described."""
    packets = dred_packets(count=80, bitrate=48000)
    rx = receiver(use_lbrr=False)
    listen(rx, packets[:46], lost=range(40, 46))  # six frames are guessed
    assert rx.stats.last is Source.PLC
    rx.push(packets[52], 52)
    rx.pull()
    assert rx.stats.last is Source.DRED
    assert rx._filler.described_throughout(46 * 320, 47 * 320)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_no_bridge_where_all_is_described(rate):
    """It takes decoding of the packets behind the gap, and is needed for guesses only."""
    packets = dred_packets(rate, 60, bitrate=48000)
    described, guessed = receiver(rate, use_lbrr=False), receiver(rate, use_dred=False)
    for rx in (described, guessed):
        listen(rx, packets, lost=(50, 51))
    assert described._descriptions.bridge is None
    assert described._filler.described_throughout(50 * rate // 50, 52 * rate // 50 + rate // 100)
    assert guessed._descriptions.bridge is not None


def test_reordering_duplicates_and_wrap_around():
    packets = dred_packets(count=40)
    order = [1, 0, 3, 2, 2, 5, 4, 4, 7, 6, *range(8, 40), 39]
    rx = receiver(jitter_ms=60)
    first = 65530
    for number in order:
        rx.push(packets[number], (first + number) % 65536, 0)
    straight = receiver(jitter_ms=60)
    for number in range(40):
        straight.push(packets[number], number, 0)
    for _ in range(43):
        assert np.array_equal(rx.pull(), straight.pull())
    assert rx.stats.duplicates == 3
    assert rx.stats.frames() == {"regular": 40}


def test_late_packets_and_restart():
    packets = dred_packets(count=60)
    rx = receiver()
    listen(rx, packets[:10])
    rx.pull()
    rx.push(packets[10], 10)
    assert rx.stats.late == 1
    # The sender starts anew with other numbers.
    for i, packet in enumerate(packets[20:]):
        rx.push(packet, 40000 + i)
        rx.pull()
    assert rx.stats.restarts == 1
    assert rx.stats.frames()["regular"] >= 10 + 38


def test_a_sender_that_pauses_is_heard_again():
    packets = dred_packets(count=80)
    rx = receiver()
    listen(rx, packets[:20])
    for _ in range(100):
        assert np.isfinite(rx.pull()).all()
    heard = []
    for number in range(20, 80):
        rx.push(packets[number], number)
        heard.append(rx.pull())
    assert rx.stats.frames()["regular"] >= 50
    assert np.abs(np.concatenate(heard[-20:])).max() > 0.05


def test_a_large_gap():
    packets = dred_packets(count=40)
    rx = receiver()
    for number, packet in enumerate(packets):
        rx.push(packet, number if number < 20 else number + 2000)
        rx.pull()
    assert rx.stats.frames() == {"regular": 40}
    assert rx.stats.skipped == 2000


def test_a_long_silence_costs_no_more_than_a_short_one():
    """Nothing arrives for ten seconds; a frame takes as long as in the beginning."""
    rx = receiver(48000)
    listen(rx, dred_packets(48000, 10))

    def median(frames):
        times = []
        for _ in range(frames):
            start = time.perf_counter()
            rx.pull()
            times.append(time.perf_counter() - start)
        return float(np.median(times))

    early = median(100)
    for _ in range(400):
        rx.pull()
    assert median(100) < 2.5 * early


def garbage(rng, packets):
    """Bytes that begin like packets, or are packets with errors."""
    kind = rng.integers(5)
    if kind == 0:
        return rng.bytes(int(rng.integers(0, 200)))
    packet = bytearray(packets[rng.integers(len(packets))])
    if kind == 1:
        packet = packet[: rng.integers(0, len(packet) + 1)]
    elif kind == 2:
        for _ in range(rng.integers(1, 8)):
            packet[rng.integers(len(packet))] = rng.integers(256)
    elif kind == 3:
        packet[0] = rng.integers(256)
    elif kind == 4:
        packet = bytearray([rng.integers(256)]) + packet
    return bytes(packet)


@pytest.mark.parametrize("seed", range(6))
def test_garbage_never_raises(seed):
    rng = np.random.default_rng(seed)
    rate = int(rng.choice(RATES))
    packets = dred_packets(rate, 40)
    rx = receiver(rate, int(rng.integers(1, 3)))
    for number in range(200):
        for _ in range(rng.integers(0, 3)):
            bad = rng.random() < 0.6
            content = garbage(rng, packets) if bad else packets[number % 40]
            rx.push(content, int(number + rng.integers(0, 4)) % 65536)
        frame = rx.pull()
        assert np.isfinite(frame).all()
        assert np.abs(frame).max() <= 1
        assert 0 < len(frame) <= rate * 120 // 1000
    assert rx.stats.malformed > 0


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=30)), max_size=20))
def test_any_bytes_at_all(arrivals):
    rx = receiver()
    for number, content in arrivals:
        rx.push(content, number)
        assert np.isfinite(rx.pull()).all()


@pytest.mark.parametrize("bandwidth", ["nb", "mb", "wb", "swb", "fb"])
@pytest.mark.parametrize("mode", ["silk", "hybrid", "celt"])
def test_substitutes_are_of_the_kind_of_the_stream(mode, bandwidth):
    possible = {"silk": "nb mb wb", "hybrid": "swb fb", "celt": "nb wb swb fb"}
    if bandwidth not in possible[mode].split():
        pytest.skip("no such packets")
    encoder = OpusEncoder(48000)
    encoder.configure(mode=mode, bandwidth=bandwidth, bitrate=40000)
    toc = Toc.parse(encoder.encode(voice(48000, 0.02)))
    primer = Primer(48000)
    primer.begin(toc)
    pcm = voice(primer.rate, 0.2)[:, None]
    for at in range(0, len(pcm), primer.rate // 50):
        substitute = Toc.parse(primer.encode(pcm[at : at + primer.rate // 50]))
        assert (substitute.mode, substitute.bandwidth) == (toc.mode, toc.bandwidth)


def test_arguments():
    with pytest.raises(ValueError, match="concealment"):
        receiver(concealment="magic")
    with pytest.raises(ValueError, match="jitter_ms"):
        receiver(jitter_ms=-1)
    with pytest.raises(ValueError, match="sample_rate"):
        receiver(44100)
    with pytest.raises(ValueError, match="channels"):
        receiver(channels=3)
