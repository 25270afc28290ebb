# SPDX-License-Identifier: BSD-3-Clause
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.receiver.jitter import LATE_ROW, MAX_AHEAD, MAX_SPAN, JitterBuffer

FRAME = 20.0


def packet(number):
    return f"{number}".encode()


def fill(buffer, numbers, arrival=0.0):
    return [buffer.push(packet(n), n % 65536, arrival) for n in numbers]


def drain(buffer, count):
    return [buffer.take() for _ in range(count)]


def test_in_order():
    buffer = JitterBuffer(40)
    fill(buffer, range(5))
    assert not buffer.playing(39.9)
    assert buffer.playing(40)
    assert drain(buffer, 6) == [packet(n) for n in range(5)] + [None]


@given(st.permutations(range(8)))
def test_any_order_before_play_out(order):
    buffer = JitterBuffer(200)
    assert all(fill(buffer, order))
    assert drain(buffer, 8) == [packet(n) for n in range(8)]
    assert buffer.late == buffer.duplicates == 0


def test_duplicates_are_dropped_and_counted():
    buffer = JitterBuffer(0)
    assert fill(buffer, [7, 7, 8, 7]) == [True, False, True, False]
    assert buffer.duplicates == 2
    assert drain(buffer, 2) == [packet(7), packet(8)]
    assert fill(buffer, [8], 60) == [False]
    assert buffer.late == 1


@pytest.mark.parametrize("start", [65530, 65535, 0, 32767])
def test_numbers_wrap_around(start):
    buffer = JitterBuffer(1)
    for n in range(start, start + 20, 2):
        assert fill(buffer, [n + 1, n]) == [True, True]
    assert drain(buffer, 20) == [packet(n) for n in range(start, start + 20)]
    assert buffer.restarts == 0


def test_wrap_around_backwards():
    """The first one to arrive is 0, the one before it is 65535."""
    buffer = JitterBuffer(40)
    assert buffer.push(b"b", 0, 0)
    assert buffer.push(b"a", 65535, 1)
    assert drain(buffer, 2) == [b"a", b"b"]


def test_a_late_packet_is_not_played():
    buffer = JitterBuffer(0)
    fill(buffer, [1, 3])
    assert drain(buffer, 2) == [packet(1), None]
    assert fill(buffer, [2], 60) == [False]
    assert buffer.late == 1
    assert drain(buffer, 1) == [packet(3)]


def test_a_copy_gives_way_to_its_original():
    buffer = JitterBuffer(0)
    assert buffer.push(b"copy", 1, 0, copy=True)
    assert buffer.push(b"original", 1, 1)
    assert not buffer.push(b"copy", 1, 2, copy=True)
    assert buffer.push(b"copy", 2, 3, copy=True)
    assert buffer.take() == b"original"
    assert not buffer.took_copy
    assert buffer.take() == b"copy"
    assert buffer.took_copy


def test_a_large_gap_is_skipped():
    buffer = JitterBuffer(0)
    fill(buffer, [0, 2 * MAX_SPAN])
    assert drain(buffer, 2) == [packet(0), packet(2 * MAX_SPAN)]
    assert buffer.skipped == 2 * MAX_SPAN - 1


def test_a_sender_that_runs_ahead_fills_no_memory():
    buffer = JitterBuffer(0)
    last = 4 * MAX_AHEAD
    assert all(fill(buffer, range(last + 1)))
    assert len(buffer) <= MAX_AHEAD + 1
    played = buffer.skipped
    assert drain(buffer, 2) == [packet(played), packet(played + 1)]
    assert last - MAX_AHEAD <= played <= last - MAX_SPAN


def test_a_gap_within_the_span_is_waited_for():
    buffer = JitterBuffer(0)
    fill(buffer, [0, 5])
    assert drain(buffer, 6) == [packet(0), None, None, None, None, packet(5)]
    assert buffer.skipped == 0


def test_a_stray_packet_does_not_restart():
    buffer = JitterBuffer(0)
    fill(buffer, range(100, 103))
    assert fill(buffer, [30000]) == [False]
    assert fill(buffer, [103]) == [True]
    assert fill(buffer, [50000]) == [False]
    assert drain(buffer, 4) == [packet(n) for n in range(100, 104)]
    assert buffer.restarts == 0


@pytest.mark.parametrize("new", [0, 20000, 40000, 65535])
def test_a_new_stream_starts(new):
    buffer = JitterBuffer(0)
    fill(buffer, range(10000, 10003))
    drain(buffer, 3)
    assert fill(buffer, range(new, new + 4), 60) == [False, True, True, True]
    assert buffer.restarts == 1
    assert drain(buffer, 3) == [packet(n) for n in range(new + 1, new + 4)]


def test_a_sender_that_paused_is_heard_again():
    """Numbers go on where they stopped, but time has passed: all of them are late at first."""
    buffer = JitterBuffer(0)
    fill(buffer, range(5))
    drain(buffer, 200)
    heard = []
    for n in range(5, 60):
        fill(buffer, [n], 200 * FRAME + n * FRAME)
        heard.append(buffer.take())
    silent = LATE_ROW - 1
    assert heard == [None] * silent + [packet(n) for n in range(5 + silent, 60)]


def test_ahead_tells_distances():
    buffer = JitterBuffer(0)
    fill(buffer, [10, 12, 13])
    assert buffer.take() == packet(10)
    assert buffer.ahead() == [(12, packet(12)), (13, packet(13))]
    assert len(buffer) == 2


@given(
    st.lists(
        st.one_of(
            st.integers(0, 65535),
            st.just("take"),
            st.integers(-5, 5).map(lambda d: ("near", d)),
        ),
        max_size=60,
    )
)
def test_anything_goes(actions):
    """No sequence of arrivals raises, and no number is played twice or out of order."""
    buffer = JitterBuffer(20)
    last = 0
    first = -(2**16)  # a packet from before the first to arrive may still be played
    restarts, played = 0, first
    for time, action in enumerate(actions):
        if action == "take":
            if buffer.playing(time):
                found = buffer.take()
                if buffer.restarts > restarts:
                    restarts, played = buffer.restarts, first
                if found is not None:
                    assert buffer.next > played
                    played = buffer.next
            continue
        last = (last + action[1]) % 65536 if isinstance(action, tuple) else action
        buffer.push(packet(last), last, time)
        assert len(buffer) <= MAX_AHEAD + 1
