# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
from signals import delay, opus_packets, voice

from dred.errors import DredError
from dred.opus import RATES, OpusDecoder, OpusEncoder, library_version
from dred.packet import Toc, duration_ms, has_lbrr


def test_version():
    assert "libopus" in library_version()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_round_trip_in_time(rate, channels):
    """The look-ahead that the encoder states is the delay of what comes out."""
    encoder, decoder = OpusEncoder(rate, channels), OpusDecoder(rate, channels)
    encoder.configure(bitrate=64000 * channels)
    frame = rate // 50
    pcm = voice(rate, 1, channels).reshape(-1, channels)
    out = [
        decoder.decode(encoder.encode(pcm[i : i + frame]), frame) for i in range(0, len(pcm), frame)
    ]
    heard = np.concatenate(out)
    assert heard.shape == pcm.shape
    # Opus cuts low frequencies, which turns the phase a little: a third of a millisecond at most.
    assert abs(delay(pcm[:, 0], heard[:, 0]) - encoder.lookahead) <= rate // 3000


@pytest.mark.parametrize("mode", ["silk", "hybrid", "celt"])
def test_final_range_of_decoder_and_encoder_agree(mode):
    first, second = OpusDecoder(48000), OpusDecoder(16000, 2)
    for packet in opus_packets(48000, 10, mode=mode, bitrate=32000):
        assert Toc.parse(packet).mode == mode
        first.decode(packet, 960)
        second.decode(packet, 320)
        assert first.final_range == second.final_range != 0


@pytest.mark.parametrize("mode", ["silk", "hybrid", "celt"])
def test_saved_state_is_the_whole_state(mode):
    packets = opus_packets(48000, 30, mode=mode)
    decoder = OpusDecoder(48000)
    for packet in packets[:10]:
        decoder.decode(packet, 960)
    state = decoder.save()
    straight = [decoder.decode(packet, 960) for packet in packets[10:]]
    decoder.restore(state)
    decoder.decode(None, 960)
    decoder.decode(packets[3], 960)
    decoder.restore(state)
    again = [decoder.decode(packet, 960) for packet in packets[10:]]
    assert np.array_equal(np.concatenate(straight), np.concatenate(again))
    other = OpusDecoder(48000)
    other.restore(state)
    assert np.array_equal(straight[0], other.decode(packets[10], 960))


def test_lbrr_brings_back_the_packet_before():
    packets = opus_packets(16000, 40, mode="silk", lbrr=True, bitrate=32000)
    assert sum(map(has_lbrr, packets)) > 20
    full, recovered, concealed = (OpusDecoder(16000) for _ in range(3))
    errors = {"lbrr": 0.0, "plc": 0.0}
    for i, packet in enumerate(packets[:-1]):
        expected = full.decode(packet, 320)
        if i < 5 or i % 5:
            recovered.decode(packet, 320)
            concealed.decode(packet, 320)
            continue
        lbrr = recovered.decode(packets[i + 1], 320, fec=True)
        plc = concealed.decode(None, 320)
        errors["lbrr"] += float(np.sum((lbrr - expected) ** 2))
        errors["plc"] += float(np.sum((plc - expected) ** 2))
    assert errors["lbrr"] < 0.5 * errors["plc"]


def test_settings_take_effect():
    assert not any(map(has_lbrr, opus_packets(16000, 20, lbrr=False, mode="silk")))
    encoder = OpusEncoder(48000, 1)
    pcm = voice(48000, 0.02)
    for bandwidth in ("nb", "mb", "wb"):
        encoder.reset()  # SILK changes its bandwidth at once only at the start
        encoder.configure(mode="silk", bandwidth=bandwidth)
        assert Toc.parse(encoder.encode(pcm)).bandwidth == bandwidth
    encoder.configure(bandwidth="auto", mode="celt")
    for _ in range(3):
        packet = encoder.encode(pcm)
    assert Toc.parse(packet).mode == "celt"


def test_dtx():
    encoder = OpusEncoder(16000)
    encoder.configure(dtx=True, bitrate=16000)
    silence = np.zeros(320, np.float32)
    sizes = [len(encoder.encode(silence)) for _ in range(60)]
    assert min(sizes) <= 2
    encoder.configure(dtx=False)
    assert min(len(encoder.encode(silence)) for _ in range(30)) > 2


@pytest.mark.parametrize("frame_ms", [2.5, 5, 10, 20, 40, 60])
def test_frame_durations(frame_ms):
    for packet in opus_packets(48000, 3, frame_ms=frame_ms):
        assert duration_ms(packet) == frame_ms


def test_loss_and_garbage():
    decoder = OpusDecoder(48000)
    assert decoder.decode(None, 960).shape == (960, 1)
    with pytest.raises(DredError, match="decode"):
        decoder.decode(b"\xff\xff", 5760)
    with pytest.raises(DredError, match="decode"):
        decoder.decode(opus_packets(48000, 1)[0], 100)


@pytest.mark.parametrize("kind", [OpusEncoder, OpusDecoder])
def test_arguments(kind):
    with pytest.raises(ValueError, match="sample_rate"):
        kind(44100)
    with pytest.raises(ValueError, match="channels"):
        kind(48000, 3)
    if kind is OpusEncoder:
        with pytest.raises(ValueError, match="application"):
            kind(48000, 1, "music")
