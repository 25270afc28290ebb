# SPDX-License-Identifier: BSD-3-Clause
"""Any packet, any extensions: what is written is read back, and no bytes do harm."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from dred.errors import PacketError
from dred.packet import Extension, Packet, Toc

# 2.5 ms CELT, 10 ms SILK, 20 ms hybrid, 20 ms CELT
CONFIGS = st.sampled_from([16, 8, 15, 31])
FRAMES = st.lists(st.binary(max_size=300), min_size=1, max_size=48)


def extension(frames: int) -> st.SearchStrategy[Extension]:
    short = st.builds(
        Extension, st.integers(3, 31), st.integers(0, frames - 1), st.binary(max_size=1)
    )
    long = st.builds(
        Extension, st.integers(32, 127), st.integers(0, frames - 1), st.binary(max_size=600)
    )
    return st.one_of(short, long)


def lacing(size: int) -> bytes:
    if size < 252:
        return bytes([size])
    first = 252 + (size & 3)
    return bytes([first, (size - first) // 4])


@st.composite
def packets(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A VBR packet of code 3 and its frames."""
    config = draw(CONFIGS)
    units = Toc.parse(config << 3).frame_units
    frames = draw(FRAMES)[: 48 // units]
    lengths = b"".join(lacing(len(frame)) for frame in frames[:-1])
    data = bytes([config << 3 | 3, 0x80 | len(frames)]) + lengths + b"".join(frames)
    return data, frames


@st.composite
def packets_with_extensions(draw: st.DrawFn) -> tuple[bytes, list[bytes], list[Extension]]:
    data, frames = draw(packets())
    return data, frames, draw(st.lists(extension(len(frames)), max_size=8))


@given(packets_with_extensions(), st.integers(0, 700))
def test_extensions_are_read_as_written(case, more):
    data, frames, extensions = case
    packet = Packet.parse(data).with_extensions(extensions)
    padded = Packet.parse(data).with_extensions(extensions, len(packet) + more)
    assert len(padded) == len(packet) + more
    for written in (packet, padded):
        again = Packet.parse(bytes(written))
        assert list(again.frames) == frames
        assert again.extensions == sorted(extensions, key=lambda e: e.frame)
        assert again.extensions_valid
        assert again.toc.byte & ~3 == data[0] & ~3
        assert list(again.without_extensions().frames) == frames
        assert again.without_extensions().extensions == []


@given(packets_with_extensions(), st.binary(min_size=1, max_size=1000))
def test_attaching_keeps_the_rest(case, payload):
    data, frames, extensions = case
    packet = Packet.parse(data).with_extensions(extensions)
    attached = packet.with_dred(payload)
    assert list(attached.frames) == frames
    assert attached.dred_payload() == payload
    others = [e for e in packet.extensions if e.id != 126 or e.data[:2] != b"D\x0c"]
    kept = attached.extensions
    kept.remove(Extension(126, 0, b"D\x0c" + payload))
    assert kept == others
    if packet.extensions == others:
        assert len(attached) == len(packet) + packet.cost_of(len(payload))


@given(st.binary(max_size=400))
def test_any_bytes_are_a_packet_or_an_error(data):
    with contextlib.suppress(PacketError):
        packet = Packet.parse(data)
        assert sum(map(len, packet.frames)) + len(packet.padding) < len(data)
        assert all(0 <= e.frame < len(packet.frames) for e in packet.extensions)
        assert packet.dred is None or packet.dred.chunks <= 26
        assert packet.has_lbrr in (True, False)
        assert packet.without_extensions().frames == packet.frames


@given(st.binary(max_size=120), st.integers(1, 6))
def test_any_area_can_be_rewritten(area, frames):
    data = bytes([0x4B, 0x40 | frames, len(area)]) + bytes(frames) + area
    packet = Packet.parse(data)
    assert packet.padding == area
    again = packet.with_extensions(packet.extensions)
    assert again.extensions == sorted(packet.extensions, key=lambda e: e.frame)
    assert again.extensions_valid
