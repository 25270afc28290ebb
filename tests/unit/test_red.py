# SPDX-License-Identifier: BSD-3-Clause
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.errors import PacketError
from dred.rtp import red
from dred.rtp.red import Block, RedEncoder

redundant = st.builds(
    Block, st.integers(0, 127), st.integers(1, red.MAX_OFFSET), st.binary(max_size=red.MAX_LENGTH)
)
primary = st.builds(Block, st.integers(0, 127), st.just(0), st.binary(max_size=2000))


@given(st.lists(redundant, max_size=4), primary)
def test_round_trip(older, last):
    assert red.parse(red.build([*older, last])) == [*older, last]


@given(st.binary(max_size=60))
def test_any_bytes_parse_or_raise_packet_error(data):
    try:
        blocks = red.parse(data)
    except PacketError:
        return
    assert red.build(blocks) == data or any(block.offset == 0 for block in blocks[:-1])


def test_bytes_are_those_of_the_rfc():
    payload = red.build([Block(111, 960, b"old"), Block(111, 0, b"new")])
    # 1 | 111, 14 bits of 960, 10 bits of 3; 0 | 111
    assert payload == bytes.fromhex("ef 0f0003 6f") + b"oldnew"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no primary"),
        (b"\xef\x0f\x00", "header"),
        (b"\xef\x0f\x00\x03", "no primary"),
        (b"\xef\x0f\x00\x03\x6fab", "3 bytes is cut off"),
    ],
)
def test_malformed(data, message):
    with pytest.raises(PacketError, match=message):
        red.parse(data)


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [Block(1, 5, b"")],
        [Block(1, red.MAX_OFFSET + 1, b""), Block(1, 0, b"")],
        [Block(1, 960, bytes(red.MAX_LENGTH + 1)), Block(1, 0, b"")],
    ],
)
def test_what_the_format_cannot_carry_is_refused(blocks):
    with pytest.raises(ValueError, match=r"expected|offset"):
        red.build(blocks)


def copies(payload):
    return [(block.offset, block.data) for block in red.parse(payload)[:-1]]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_copies_of_the_last_packets(count):
    encoder = RedEncoder(111, count, 1200)
    payloads = [encoder.encode(bytes([i]), 960 * i) for i in range(8)]
    assert copies(payloads[0]) == []
    assert copies(payloads[7]) == [(960 * k, bytes([7 - k])) for k in range(count, 0, -1)]


def test_timestamps_wrap():
    encoder = RedEncoder(111, 1, 1200)
    encoder.encode(b"a", 2**32 - 480)
    assert copies(encoder.encode(b"b", 480)) == [(960, b"a")]


def test_the_oldest_copies_give_way_to_the_size():
    encoder = RedEncoder(111, 4, 250)
    for i in range(4):
        encoder.encode(bytes([i]) * 50, 960 * i)
    payload = encoder.encode(bytes(100), 960 * 4)
    assert len(payload) <= 250
    assert [offset for offset, _ in copies(payload)] == [1920, 960]
    assert copies(encoder.encode(bytes(249), 960 * 5)) == []
    # What must be sent is sent, whatever its size.
    assert red.parse(encoder.encode(bytes(400), 960 * 6))[-1].data == bytes(400)


def test_what_is_too_old_too_long_or_empty_gets_no_copy():
    encoder = RedEncoder(111, 4, 60000)
    encoder.encode(b"old", 0)
    assert copies(encoder.encode(bytes(red.MAX_LENGTH + 1), red.MAX_OFFSET + 1)) == []
    assert copies(encoder.encode(b"new", red.MAX_OFFSET + 2, copy=b"")) == []
    assert copies(encoder.encode(b"newer", red.MAX_OFFSET + 3)) == []


@pytest.mark.parametrize("count", [0, 5])
def test_one_to_four_copies(count):
    with pytest.raises(ValueError, match=r"1\.\.4"):
        RedEncoder(111, count, 1200)
