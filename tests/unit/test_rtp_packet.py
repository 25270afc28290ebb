# SPDX-License-Identifier: BSD-3-Clause
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.errors import PacketError
from dred.rtp.packet import HeaderExtension, RtpPacket, is_rtcp
from dred.rtp.serial import Unwrapper

words = st.integers(0, 2**32 - 1)
packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 63) | st.integers(96, 127),
    sequence=st.integers(0, 65535),
    timestamp=words,
    ssrc=words,
    payload=st.binary(max_size=80),
    marker=st.booleans(),
    csrcs=st.lists(words, max_size=15).map(tuple),
    extension=st.none()
    | st.builds(
        HeaderExtension,
        st.integers(0, 65535),
        st.integers(0, 9).flatmap(lambda n: st.binary(min_size=4 * n, max_size=4 * n)),
    ),
    padding=st.integers(0, 255),
)


@given(packets)
def test_round_trip(packet):
    assert RtpPacket.parse(bytes(packet)) == packet


def test_bytes_are_those_of_the_rfc():
    packet = RtpPacket(111, 0x1234, 0x01020304, 0xDEADBEEF, b"ab", marker=True)
    assert bytes(packet) == bytes.fromhex("80ef1234 01020304 deadbeef 6162")


@given(packets, st.data())
def test_cut_off_packets_are_errors_or_shorter(packet, data):
    whole = bytes(packet)
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    with suppress(PacketError):
        assert len(RtpPacket.parse(cut).payload) <= len(whole)


@given(st.binary(max_size=60))
def test_any_bytes_parse_or_raise_packet_error(data):
    with suppress(PacketError):
        RtpPacket.parse(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80\x6f", "less than its header"),
        (b"\x40\x6f" + bytes(10), "version 1"),
        (b"\x80\xc8" + bytes(10), "RTCP"),
        (b"\x83\x6f" + bytes(14), "3 sources"),
        (b"\x90\x6f" + bytes(11), "header extension"),
        (b"\x90\x6f" + bytes(10) + b"\xbe\xde\x00\x02" + bytes(4), "2 words"),
        (b"\xa0\x6f" + bytes(10), "padding"),
        (b"\xa0\x6f" + bytes(10) + b"\x02", "padding"),
    ],
)
def test_malformed(data, message):
    with pytest.raises(PacketError, match=message):
        RtpPacket.parse(data)


def test_what_cannot_be_written_is_refused():
    for wrong in ({"payload_type": 128}, {"csrcs": (0,) * 16}, {"padding": 256},
                  {"extension": HeaderExtension(0, b"abc")}):  # fmt: skip
        with pytest.raises(ValueError, match="expected"):
            bytes(RtpPacket(**{"payload_type": 0, "sequence": 0, "timestamp": 0, "ssrc": 0,
                               "payload": b"", **wrong}))  # fmt: skip


def test_rtcp_is_told_from_rtp():
    assert is_rtcp(b"\x81\xc9\x00\x07")
    # A marked packet of type 72 looks like RTCP; RFC 5761 forbids those types.
    assert not is_rtcp(bytes(RtpPacket(63, 0, 0, 0, b"", marker=True)))
    assert not is_rtcp(b"")


def test_unwrapping():
    unwrap = Unwrapper(16)
    assert [unwrap.push(n) for n in (65534, 65535, 0, 65533, 2)] == [
        65534, 65535, 65536, 65533, 65538
    ]  # fmt: skip
    assert unwrap.newest == 65538
    assert unwrap.place(1) == 65537


@given(st.lists(st.integers(-900, 1000), max_size=300))
def test_unwrapping_follows_any_small_steps(steps):
    unwrap = Unwrapper(11)
    newest = unwrap.push(5)
    for step in steps:
        true = newest + step
        assert unwrap.push(true) == true
        newest = max(newest, true)
