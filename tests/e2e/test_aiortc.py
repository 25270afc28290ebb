# SPDX-License-Identifier: BSD-3-Clause
"""DRED in aiortc: its codec hooks, and real calls between two peers over a lossy path."""

import asyncio
from fractions import Fraction
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace

import numpy as np
import pytest
from signals import voice

pytest.importorskip("dred._core")
pytest.importorskip("aiortc", reason="no aiortc (pip install 'dred[voip]')")
import aiortc
import aiortc.codecs
import aiortc.rtcrtpreceiver
import av

from dred.adapters.aiortc import FRAME, RATE, Arrival, DredCodec, Passage
from dred.packet import Packet

TRACE = ([0] * 20 + [1] * 10 + [0] * 20) * 4
SMALL = {"bitrate": 32000, "lbrr": False, "loss_burst": 30}


def audio_frame(pcm, pts, rate=RATE):
    frame = av.AudioFrame.from_ndarray(
        np.round(32767 * pcm).astype(np.int16)[None, :], format="s16", layout="mono"
    )
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), pts
    return frame


def encoded(encoder):
    """A second as the hook encodes it: (packet, timestamp)."""
    pcm = voice(RATE, 1.0)
    made = [encoder.encode(audio_frame(pcm[at : at + FRAME], at)) for at in range(0, RATE, FRAME)]
    return [(packets[0], timestamp) for packets, timestamp in made if packets]


@pytest.fixture(scope="module")
def stream():
    return encoded(DredCodec(**SMALL).encoder())


def arrival(stream, number, *, first=65000, ssrc=7, wrap=0):
    payload, timestamp = stream[number]
    return Arrival(
        SimpleNamespace(
            payload=payload, payload_type=96, ssrc=ssrc,
            sequence_number=(first + number) & 0xFFFF, timestamp=(timestamp + wrap) & 0xFFFFFFFF,
        )
    )  # fmt: skip


def decode(stream, numbers, **how):
    """Frames and the decoder after these packets in this order."""
    decoder = DredCodec(**SMALL).decoder()
    frames = [f for n in numbers for f in decoder.decode(arrival(stream, n, **how))]
    return frames, decoder


def test_packets_carry_dred_and_time(stream):
    assert [timestamp for _, timestamp in stream[:3]] == [0, FRAME, 2 * FRAME]
    assert Packet.parse(stream[-1][0]).dred is not None


def described(packets):
    """Packets with a payload, of those that can have one: two latents of 20 ms must exist."""
    return [Packet.parse(packet).dred is not None for packet, _ in packets[4:]]


def test_a_receiver_that_waits_needs_fewer_payloads(stream):
    assert all(described(stream))
    spaced = described(encoded(DredCodec(**SMALL, jitter_ms=500).encoder()))
    (step,) = set(np.diff(np.flatnonzero(spaced)).tolist())
    assert 2 <= step <= 4


def test_a_delay_that_is_told_later_counts_from_then_on():
    made = []
    encoder = DredCodec(**SMALL, on_encoder=made.append).encoder()
    assert made == [encoder]
    assert encoder.jitter_ms is None
    assert all(described(encoded(encoder)))
    encoder.jitter_ms = 500
    assert np.mean(described(encoded(encoder))) < 0.6
    with pytest.raises(ValueError, match="jitter_ms: expected 0 or more, got -1"):
        encoder.jitter_ms = -1


def test_long_frames_are_refused():
    encoder = DredCodec(**SMALL).encoder()
    with pytest.raises(ValueError, match=r"at most 20 ms of audio, got 40 ms"):
        encoder.encode(audio_frame(np.zeros(2 * FRAME), 0))


def test_other_rates_are_taken():
    encoder = DredCodec(**SMALL).encoder()
    pcm = voice(16000, 0.5)
    made = [
        encoder.encode(audio_frame(pcm[at : at + 320], at, 16000)) for at in range(0, 8000, 320)
    ]
    times = [time for packets, time in made if packets]
    assert times == [FRAME * n for n in range(len(times))]
    assert len(times) >= 23


def test_packets_out_of_order_are_put_in_order(stream):
    straight, _ = decode(stream, range(12))
    turned, _ = decode(stream, [0, 2, 1, 3, 6, 5, 4, 7, 8, 9, 10, 11])
    assert len(straight) == len(turned) == 12 - 4
    for one, other in zip(straight, turned, strict=True):
        assert one.pts == other.pts
        np.testing.assert_array_equal(one.to_ndarray(), other.to_ndarray())


def test_a_burst_is_recovered_without_further_delay(stream):
    numbers = [*range(20), *range(40, 50)]
    frames, decoder = decode(stream, numbers, wrap=(1 << 32) - 10 * FRAME)
    assert decoder.stats.frames() == {"regular": 27 - 1, "dred": 20}
    assert [frame.pts for frame in frames] == [FRAME * n for n in range(46)]
    assert {(frame.sample_rate, frame.layout.name, frame.samples) for frame in frames} == {
        (RATE, "stereo", FRAME)
    }


def test_a_new_source_begins_anew(stream):
    decoder = DredCodec(**SMALL).decoder()
    before = [f for n in range(10) for f in decoder.decode(arrival(stream, n))]
    after = [f for n in range(10) for f in decoder.decode(arrival(stream, n, ssrc=8, first=5))]
    assert decoder.stats.frames() == {"regular": 6}
    assert after[0].pts == before[-1].pts + FRAME


@pytest.mark.parametrize("jump_s", [60, -60])
def test_a_jump_of_time_is_left_out(stream, jump_s):
    decoder = DredCodec(**SMALL).decoder()
    for number in range(10):
        decoder.decode(arrival(stream, number))
    after = [decoder.decode(arrival(stream, n, wrap=jump_s * RATE)) for n in range(10, 20)]
    assert list(map(len, after)) == [0] * 4 + [1] * 6


def test_any_bytes_are_survived(stream):
    rng = np.random.default_rng(5)
    decoder = DredCodec(**SMALL).decoder()
    for number in range(len(stream)):
        packet, time = stream[number]
        damaged = bytearray(packet if number % 3 else rng.bytes(number))
        for place in rng.integers(0, max(1, len(damaged)), 3 if damaged else 0):
            damaged[place] ^= int(rng.integers(1, 256))
        for frame in decoder.decode(arrival({number: (bytes(damaged), time)}, number)):
            assert frame.sample_rate == RATE
    assert decoder.stats.malformed > 0


def test_damaged_packets_are_counted(stream):
    decoder = DredCodec(**SMALL).decoder()
    damaged = [(b"\xff\xff" if n == 5 else packet, time) for n, (packet, time) in enumerate(stream)]
    frames = [f for n in range(10) for f in decoder.decode(arrival(damaged, n))]
    assert len(frames) == 6
    assert decoder.stats.malformed == 1


def test_other_payload_types_keep_their_buffer():
    passage = Passage(16, 4)
    packet = aiortc.rtp.RtpPacket(payload_type=8, sequence_number=1, timestamp=0)
    packet._data = b"pcma"
    assert passage.add(packet) == (False, None)


@pytest.mark.parametrize("wrong", [{"dred_ms": 5000}, {"jitter_ms": -1}])
def test_wrong_settings_are_errors_at_once(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DredCodec(**wrong)


def test_all_is_put_back():
    names = (aiortc.codecs.OpusEncoder, aiortc.codecs.OpusDecoder)
    buffer = aiortc.rtcrtpreceiver.JitterBuffer
    with DredCodec(**SMALL):
        assert aiortc.rtcrtpreceiver.JitterBuffer is Passage
        assert "ext32-dred-duration=1040" in asyncio.run(offer())
    assert (aiortc.codecs.OpusEncoder, aiortc.codecs.OpusDecoder) == names
    assert aiortc.rtcrtpreceiver.JitterBuffer is buffer
    assert "dred" not in asyncio.run(offer())


async def offer():
    peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    peer.addTransceiver("audio")
    description = await peer.createOffer()
    await peer.close()
    return description.sdp


def test_two_peers_talk(root, samples):
    pytest.importorskip("pesq", reason="no pesq (pip install 'dred[eval]')")
    spec = spec_from_file_location("aiortc_call", root / "tools" / "examples" / "aiortc_call.py")
    example = module_from_spec(spec)
    spec.loader.exec_module(example)
    pcm, rate = example.soundfile.read(samples / "slt_16k.wav", dtype="float32")
    speech = example.resample(pcm[: 3 * rate], rate, RATE)
    (_, _, path, plain, made), (_, _, _, dred, frames) = example.compare(
        speech, TRACE, ("plain", "dred")
    )
    assert path.lost >= 30
    assert set(made) == {"regular", "plc"}
    assert frames["dred"] >= 20
    assert dred > plain + 0.2
