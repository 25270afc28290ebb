# SPDX-License-Identifier: BSD-3-Clause
"""Opus packets, TOC and payload wrappers on hand-made bytes."""

import numpy as np
import pytest

from dred.errors import PacketError
from dred.packet import Extension, Packet, Toc, attach_payload, duration_ms, has_lbrr, why_no_dred
from dred.payload import MAX_CHUNKS, decode_payload, encode_payload, quantizer_levels

PLAIN = bytes.fromhex("48aabbccdd")
PAYLOAD = bytes.fromhex("0102030405060708")


@pytest.mark.parametrize(
    ("config", "mode", "bandwidth", "frame_ms"),
    [
        (0, "silk", "nb", 10),
        (7, "silk", "mb", 60),
        (9, "silk", "wb", 20),
        (13, "hybrid", "swb", 20),
        (14, "hybrid", "fb", 10),
        (16, "celt", "nb", 2.5),
        (21, "celt", "wb", 5),
        (31, "celt", "fb", 20),
    ],
)
def test_toc(config, mode, bandwidth, frame_ms):
    toc = Toc.parse(bytes([config << 3 | 4 | 1]))
    assert (toc.mode, toc.bandwidth, toc.frame_ms) == (mode, bandwidth, frame_ms)
    assert toc.stereo
    assert toc.channels == 2
    assert toc.code == 1


def test_toc_of_nothing():
    with pytest.raises(PacketError):
        Toc.parse(b"")
    with pytest.raises(ValueError, match="not a byte"):
        Toc.parse(256)


def test_packet_with_payload():
    packet = Packet.parse(PLAIN).with_dred(PAYLOAD)
    assert bytes(packet) == bytes.fromhex("4b410baabbccddfc440c") + PAYLOAD
    assert packet.frames == (PLAIN[1:],)
    assert packet.extensions == [Extension(126, 0, b"D\x0c" + PAYLOAD)]
    assert packet.dred_payload() == PAYLOAD
    assert len(packet) - len(PLAIN) == Packet.parse(PLAIN).cost_of(len(PAYLOAD))
    assert bytes(packet.without_extensions()) == PLAIN
    assert attach_payload(PLAIN, PAYLOAD) == bytes(packet)
    assert packet.duration_ms == duration_ms(PLAIN) == 20


def test_exact_size_is_filled_in_front():
    packet = Packet.parse(PLAIN).with_extensions([Extension(126, 0, b"D\x0c" + PAYLOAD)], 30)
    assert bytes(packet) == bytes.fromhex("4b4117aabbccdd" + 12 * "01" + "fc440c") + PAYLOAD


def test_other_extensions_stay():
    others = [Extension(5, 0, b"x"), Extension(40, 1, b"long" * 100), Extension(3, 2, b"")]
    three = bytes.fromhex("cb03aabbcc")  # three frames of one byte
    packet = Packet.parse(three).with_extensions(others)
    assert packet.extensions == others
    attached = packet.with_dred(PAYLOAD)
    assert [e for e in attached.extensions if e.id != 126] == others
    assert attached.frames == packet.frames
    replaced = attached.with_dred(b"another")
    assert replaced.dred_payload() == b"another"
    assert [e for e in replaced.extensions if e.id != 126] == others


def test_offset_includes_the_frame():
    payload = encode_payload(np.full((1, 25), 3.0), np.full((1, 50), 3.0), 0, offset=-5)
    three = Packet.parse(bytes.fromhex("db03aabbcc"))  # 20 ms each
    later = three.with_extensions([Extension(126, 2, b"D\x0c" + payload)])
    assert decode_payload(payload).offset == -5
    assert later.dred.offset == -5 + 2 * 8
    assert later.dred.chunks == 1


def test_why_there_is_no_dred():
    packet = Packet.parse(PLAIN)
    assert why_no_dred(PLAIN) == "none sent"
    assert why_no_dred(b"") == "malformed packet"
    assert why_no_dred(bytes(packet.with_dred(PAYLOAD))) == ""
    for data, reason in (
        (b"D\x0b" + PAYLOAD, "other version"),
        (b"X\x0c" + PAYLOAD, "other experiment"),
        (b"D\x0c", "empty payload"),
    ):
        other = packet.with_extensions([Extension(126, 0, data)])
        assert other.why_no_dred() == reason
        assert other.dred is None
        assert other.dred_payload() is None
    assert why_no_dred(bytes.fromhex("4b4103aabb0b5103")) == "malformed extensions"


def test_lbrr_flag():
    assert has_lbrr(b"\x48\x40")
    assert not has_lbrr(b"\x48\x80")
    assert not has_lbrr(b"")


@pytest.mark.parametrize("data", [b"", b"\x49\x01", b"\x4b", b"\x4b\x00", b"\x4b\x41\xff"])
def test_malformed_packets(data):
    with pytest.raises(PacketError):
        Packet.parse(data)


@pytest.mark.parametrize(
    "extension",
    [Extension(2, 0, b""), Extension(128, 0, b""), Extension(5, 0, b"12"), Extension(40, 1, b"")],
)
def test_impossible_extensions(extension):
    with pytest.raises(ValueError, match="packet"):
        Packet.parse(PLAIN).with_extensions([extension])


def test_payload_sizes_that_cannot_be():
    packet = Packet.parse(PLAIN)
    for size in (0, 5000):
        with pytest.raises(ValueError, match="payload"):
            packet.with_dred(bytes(size))


def test_payload_rows_are_every_second_latent():
    rng = np.random.default_rng(1)
    z, s0 = 8 * rng.standard_normal((9, 25)), 8 * rng.standard_normal((9, 50))
    data = encode_payload(z, s0, 7, q0=0, dq=0)
    decoded = decode_payload(data)
    assert decoded.chunks == 4  # rows 7, 5, 3, 1
    assert decoded.levels == (0, 0, 0, 0)
    assert np.abs(decoded.latents[:, :25] - z[7::-2]).max() < 1.5
    assert (decoded.latents[:, 25] == -1).all()
    assert decoded.symbols.shape == (50 + 4 * 25,)
    assert (sum(decoded.bits) + 7) // 8 == len(data)
    fewer = decode_payload(data, max_chunks=2)
    assert fewer.chunks == 2
    assert (fewer.latents == decoded.latents[:2]).all()


def test_payload_of_few_bytes():
    z, s0 = np.full((60, 25), 4.0), np.full((60, 50), 4.0)
    sizes = [len(encode_payload(z, s0, 59, max_bytes=n)) for n in range(0, 400, 10)]
    assert sizes[0] == 0
    assert all(size <= 10 * i for i, size in enumerate(sizes))
    assert sizes == sorted(sizes)


def test_payload_arguments():
    z, s0 = np.zeros((4, 25)), np.zeros((4, 50))
    with pytest.raises(ValueError, match="newest"):
        encode_payload(z, s0, 4)
    with pytest.raises(ValueError, match="qmax"):
        encode_payload(z, s0, 3, q0=6, dq=3, qmax=6)
    with pytest.raises(ValueError, match="offset"):
        encode_payload(z, s0, 3, offset=17)
    with pytest.raises(ValueError, match="latents"):
        encode_payload(np.zeros((4, 26)), s0, 3)
    with pytest.raises(ValueError, match="initial states"):
        encode_payload(z, np.zeros((3, 50)), 2)
    with pytest.raises(TypeError, match="q0"):
        encode_payload(z, s0, 3, q0=6.5)
    with pytest.raises(ValueError, match="max_chunks"):
        decode_payload(b"", MAX_CHUNKS + 1)


def test_levels():
    assert quantizer_levels(4, 3, 15, 11) == [4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 7]
    assert quantizer_levels(4, 5, 6, 11) == [4, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6]
