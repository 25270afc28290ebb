# SPDX-License-Identifier: BSD-3-Clause
import time

import numpy as np
import pytest
from signals import opus_packets, voice
from weights import embedded_models, random_models

import dred
from dred.io.wav import read_wav
from dred.opus import RATES, OpusDecoder
from dred.packet import Packet, duration_ms, has_lbrr


def sender(rate=16000, channels=1, frame_ms=20, bitrate=32000, **options):
    return dred.Sender(rate, channels, frame_ms, bitrate, models=random_models(), **options)


def carried(packets):
    return [Packet.parse(packet).dred for packet in packets]


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_every_kind_of_stream(rate, channels, frame_ms):
    tx = sender(rate, channels, frame_ms, 48000)
    pcm = voice(rate, 0.6, channels)
    packets = tx.push(pcm) + tx.flush()
    assert {duration_ms(packet) for packet in packets} == {frame_ms}
    # All that was pushed is heard, and not a packet more.
    duration = len(packets) * frame_ms * rate // 1000
    missing = len(pcm) + tx.lookahead
    assert missing <= duration < missing + frame_ms * rate // 1000
    assert sum(tx.stats.values()) == len(packets)
    assert tx.stats["dred"] >= len(packets) - 6
    decoder = OpusDecoder(rate, channels)
    for packet in packets:
        assert len(decoder.decode(packet, rate * 60 // 1000)) == rate * frame_ms // 1000


@pytest.mark.parametrize("sizes", [[1] * 400, [319, 1, 320, 640], [5, 0, 1000, 159, 4000]])
def test_audio_in_any_pieces(sizes):
    pcm = voice(16000, sum(sizes) / 16000)
    whole, pieces = sender(), sender()
    expected = whole.push(pcm) + whole.flush()
    packets, at = [], 0
    for size in sizes:
        packets += pieces.push(pcm[at : at + size])
        at += size
    assert packets + pieces.flush() == expected


def test_kinds_of_samples():
    pcm = np.round(voice(16000, 0.2) * 32768).astype(np.int16)
    as_float = pcm / 32768
    assert sender().push(pcm) == sender().push(as_float) == sender().push(pcm[:, None])


def test_one_sample_is_one_packet():
    tx = sender(48000)
    assert tx.flush() == []
    assert tx.push(np.zeros(1, np.float32)) == []
    assert len(tx.flush()) == 1
    assert tx.flush() == []


def test_going_on_after_a_flush():
    tx = sender()
    packets = []
    for _ in range(5):
        packets += tx.push(voice(16000, 0.005)) + tx.flush()
    packets += tx.push(voice(16000, 0.5)) + tx.flush()
    seconds = sum(map(duration_ms, packets)) / 1000
    assert seconds >= 0.525


def test_padding_disturbs_no_decoder():
    """A decoder that knows no DRED gives the same samples with and without it."""
    tx = sender(48000, 2, bitrate=48000)
    with_dred, without = OpusDecoder(48000, 2), OpusDecoder(48000, 2)
    packets = tx.push(voice(48000, 1, 2))
    bare = [bytes(Packet.parse(packet).without_extensions()) for packet in packets]
    assert sum(map(len, bare)) < 0.8 * sum(map(len, packets))
    for packet, plain in zip(packets, bare, strict=True):
        assert np.array_equal(with_dred.decode(packet, 960), without.decode(plain, 960))
        assert with_dred.final_range == without.final_range


def test_what_is_described():
    packets = sender(dred_ms=400, trim=False, loss_burst=20.0).push(voice(16000, 2))
    payloads = carried(packets)
    assert payloads[0] is None
    assert all(payload is not None for payload in payloads[3:])
    # 10 chunks are asked for; random networks do not always keep to the bits that are expected.
    assert max(payload.chunks for payload in payloads[3:]) == 10
    assert {payload.offset for payload in payloads[3:]} == {10}


def test_offset_is_right_for_all_durations():
    """The newest vector lies just beyond the packet's first sample, where the vocoder needs it."""
    for rate in RATES:
        for frame_ms in (10, 20, 40, 60):
            tx = sender(rate, 1, frame_ms, 48000, trim=False, complexity=0)
            packets = tx.push(voice(rate, 0.6))
            offsets = {payload.offset for payload in carried(packets)[8:]}
            # A latent can be up to 10 ms short of it where packets or filters end before it.
            assert offsets <= set(range(-2, 15)), (rate, frame_ms, offsets)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"dred_ms": 0}, "no duration asked"),
        ({"loss_percent": 0}, "no loss announced"),
    ],
)
def test_reasons_of_a_whole_stream(options, reason):
    tx = sender(**options)
    packets = tx.push(voice(16000, 0.5))
    assert not any(carried(packets))
    assert dict(tx.stats) == {reason: len(packets)}


def test_reasons_of_packets():
    tx = sender(loss_burst=30.0)
    packets = tx.push(np.concatenate([voice(16000, 1), np.zeros(16000 * 3, np.float32)]))
    assert tx.stats["no history yet"] in (1, 2)
    assert tx.stats["silence"] > 40
    # Speech that has ended is described until it is out of reach.
    assert all(payload is not None for payload in carried(packets)[52:80])
    assert not any(carried(packets)[-20:])
    untrimmed = sender(trim=False)
    untrimmed.push(np.zeros(16000 * 2, np.float32))
    assert untrimmed.stats["silence"] == 0


def test_no_loss_announced_means_no_lbrr():
    assert not any(map(has_lbrr, sender(loss_percent=0).push(voice(16000, 1))))
    assert any(map(has_lbrr, sender(loss_percent=20, lbrr=True).push(voice(16000, 1))))
    assert any(map(has_lbrr, sender(loss_percent=20, dred_ms=0).push(voice(16000, 1))))
    assert not any(map(has_lbrr, sender(lbrr=False).push(voice(16000, 1))))


def test_lbrr_beside_dred_where_it_is_worth_its_bits():
    pcm = voice(16000, 1)
    assert not any(map(has_lbrr, sender(bitrate=24000).push(pcm)))
    assert any(map(has_lbrr, sender(bitrate=64000).push(pcm)))


def test_longer_bursts_make_longer_descriptions():
    pcm = voice(16000, 2)
    short, long = (
        [payload.chunks for payload in carried(sender(loss_burst=burst).push(pcm)) if payload]
        for burst in (1.2, 20.0)
    )
    assert np.mean(long[50:]) > 2 * np.mean(short[50:])


def test_payloads_are_apart_and_finer_where_the_receiver_can_wait():
    pcm = voice(16000, 3)
    every, apart = (
        carried(sender(bitrate=24000, lbrr=False, jitter_ms=ms).push(pcm)) for ms in (None, 500)
    )
    assert all(every[5:])
    places = np.flatnonzero([payload is not None for payload in apart])
    assert set(np.diff(places)) == {4}
    finest = [np.mean([p.q0 for p in payloads if p]) for payloads in (every[50:], apart[50:])]
    assert finest[1] < finest[0] - 1
    tx = sender(bitrate=24000, lbrr=False, jitter_ms=500)
    tx.push(pcm)
    assert tx.stats["between payloads"] > 2 * tx.stats["dred"]


def test_every_third_payload_goes_far_back_where_the_receiver_hears_several():
    payloads = carried(sender(bitrate=32000, lbrr=False, jitter_ms=1100).push(voice(16000, 5)))
    reached = [payload.chunks for payload in payloads if payload][15:]  # behind a second
    turns = [reached[first::3] for first in range(3)]
    means = sorted(map(np.mean, turns))
    assert means[1] < 1.2 * means[0]
    assert means[2] > 1.4 * means[1]


def test_the_delay_may_be_told_later():
    pcm = voice(16000, 2)
    tx = sender(bitrate=32000, lbrr=False)
    before = carried(tx.push(pcm))
    tx.jitter_ms = 500
    apart = carried(tx.push(pcm))
    assert all(before[5:])
    assert 20 < sum(payload is not None for payload in apart) < 30
    tx.jitter_ms = None
    assert all(carried(tx.push(pcm))[4:])


def test_the_bitrate_is_kept_where_payloads_are_apart(samples):
    pcm, rate = read_wav(samples / "slt_16k.wav")
    tx = dred.Sender(rate, 1, 20, 32000, models=embedded_models(), complexity=5, jitter_ms=500)
    packets = tx.push(pcm[: 6 * rate])
    assert 8 * sum(map(len, packets)) / (len(packets) * 20) == pytest.approx(32, rel=0.05)


def test_dtx():
    tx = sender(dtx=True, lbrr=False)
    pause = np.zeros(16000 * 2, np.float32)
    packets = tx.push(np.concatenate([voice(16000, 1), pause, voice(16000, 1)]))
    sizes = [len(packet) for packet in packets]
    assert sum(size <= 2 for size in sizes) > 40
    assert carried(packets)[-1] is not None
    assert tx.stats["silence"] >= sum(size <= 2 for size in sizes)


def kbps_of(samples, bitrate, lbrr):
    pcm, rate = read_wav(samples / "slt_16k.wav")
    tx = dred.Sender(rate, 1, 20, bitrate, lbrr=lbrr, models=embedded_models(), complexity=5)
    packets = tx.push(pcm[: 6 * rate])
    return 8 * sum(map(len, packets)) / (len(packets) * 20)


@pytest.mark.parametrize(
    ("bitrate", "lbrr"),
    [(24000, False), (32000, False), (64000, False), (32000, True), (48000, True)],
)
def test_the_bitrate_is_kept(samples, bitrate, lbrr):
    # With LBRR at 32 kb/s, DRED gets so little that its cheapest settings leave some of it.
    assert 0.92 * bitrate / 1000 < kbps_of(samples, bitrate, lbrr) < 1.05 * bitrate / 1000


@pytest.mark.parametrize("bitrate", [16000, 20000, 24000])
@pytest.mark.parametrize("lbrr", [False, True])
def test_a_low_bitrate_is_not_exceeded(samples, bitrate, lbrr):
    """Where little or nothing is left for DRED, it is left out."""
    assert kbps_of(samples, bitrate, lbrr) <= 1.05 * bitrate / 1000


def test_cost_of_a_packet_is_flat():
    """Neither the redundancy's length nor that of the stream makes a packet dearer."""

    def median(tx, seconds):
        times = []
        for frame in voice(16000, seconds).reshape(-1, 320):
            start = time.perf_counter()
            tx.push(frame)
            times.append(time.perf_counter() - start)
        return float(np.median(times[-100:]))

    short, long = sender(dred_ms=200), sender(dred_ms=1040)
    costs = {"short": median(short, 2), "long": median(long, 2)}
    costs["later"] = median(long, 3)
    # Entropy coding of 26 chunks instead of 5 is a small part of a packet.
    assert costs["long"] < 2 * costs["short"]
    assert costs["later"] < 2 * costs["long"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sample_rate": 44100}, "sample_rate"),
        ({"channels": 6}, "channels"),
        ({"frame_ms": 30}, "frame_ms"),
        ({"bitrate": 0}, "bitrate"),
        ({"bitrate": 10**7}, "bitrate"),
        ({"dred_ms": -1}, "dred_ms"),
        ({"dred_ms": 1041}, "dred_ms"),
        ({"loss_percent": 101}, "loss_percent"),
        ({"loss_burst": 0.5}, "burst"),
        ({"jitter_ms": -1}, "jitter_ms"),
        ({"red": 1}, "red"),
        ({"application": "radio"}, "application"),
    ],
)
def test_arguments(options, says):
    with pytest.raises(ValueError, match=says):
        dred.Sender(**options, models=random_models())


@pytest.mark.parametrize(
    ("pcm", "error"),
    [
        (np.zeros((100, 2), np.float32), ValueError),
        (np.zeros((2, 3, 4), np.float32), ValueError),
        (np.zeros(100, np.int32), TypeError),
        (np.full(100, np.nan, np.float32), dred.AudioError),
        (np.full(100, np.inf, np.float32), dred.AudioError),
    ],
)
def test_audio_of_the_wrong_kind(pcm, error):
    with pytest.raises(error):
        sender().push(pcm)


def test_audio_far_too_loud_does_no_harm():
    packets = sender().push(1e6 * voice(16000, 0.5))
    packets += sender().push(1e-30 * voice(16000, 0.5))
    assert len(packets) == 50


def test_plain_packets_are_left_alone():
    for packet in opus_packets(16000, 3):
        assert carried([packet]) == [None]


def settings(bitrate=32000, lbrr=False, dred_ms=1000, loss_percent=20):
    return {
        "bitrate": bitrate, "lbrr": lbrr, "dred_ms": dred_ms, "loss_percent": loss_percent,
        "loss_burst": 20.0,
    }  # fmt: skip


def test_settings_change_while_running():
    tx, same = (sender(lbrr=False, loss_burst=20.0) for _ in range(2))
    pcm = voice(16000, 3)
    seconds = [pcm[i * 16000 : (i + 1) * 16000] for i in range(3)]
    before = tx.push(seconds[0])
    assert before == same.push(seconds[0])
    tx.configure(**settings(dred_ms=0, loss_percent=0))
    without = tx.push(seconds[1])
    assert not any(carried(without))
    tx.configure(**settings(bitrate=48000, lbrr=True, dred_ms=200))
    after = tx.push(seconds[2])
    same.push(seconds[1])
    expected = carried(same.push(seconds[2]))
    # The past was analysed all along: the same time, the shorter duration.
    assert [found.offset for found in carried(after)] == [found.offset for found in expected]
    assert {len(found.latents) for found in carried(after)} == {5}
    assert max(len(found.latents) for found in expected) > 5
    assert sum(map(has_lbrr, after)) > 25
    assert not any(map(has_lbrr, before))


def test_settings_out_of_range():
    for wrong in ({"bitrate": 1}, {"dred_ms": 2000}, {"loss_percent": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            sender().configure(**settings() | wrong)
    plain = sender(dred_ms=0)
    plain.configure(**settings(dred_ms=0))
    with pytest.raises(ValueError, match="began without DRED"):
        plain.configure(**settings())


def test_one_chunk_that_lbrr_spares():
    tx = sender(frame_ms=60, lbrr=True, dred_ms=40)
    assert len(tx.push(voice(16000, 1.2))) == 20
