# SPDX-License-Identifier: BSD-3-Clause
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.errors import PacketError
from dred.rtp import rtcp
from dred.rtp.reception import MEMORY, Reception, loss_figures

words = st.integers(0, 2**32 - 1)
blocks = st.builds(
    rtcp.ReportBlock, words, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1),
    words, words, words, words,
)  # fmt: skip
reports = st.lists(blocks, max_size=5).map(tuple)
text = st.text(max_size=40)
packets = st.lists(
    st.builds(rtcp.SenderReport, words, st.integers(0, 2**64 - 1), words, words, words, reports)
    | st.builds(rtcp.ReceiverReport, words, reports)
    | st.builds(rtcp.SourceName, words, text)
    | st.builds(rtcp.Bye, st.lists(words, max_size=4).map(tuple), text)
    | st.builds(
        rtcp.LossRuns, words, words, st.integers(0, 65535),
        st.lists(st.integers(0, 1), max_size=200).map(tuple),
    )
    | st.builds(
        rtcp.PlayoutDelay, words, words, st.integers(0, rtcp.LONGEST_MS),
        st.integers(0, rtcp.LONGEST_MS), st.booleans(),
    ),
    max_size=5,
)  # fmt: skip


@given(packets)
def test_round_trip(sent):
    data = rtcp.build(sent)
    assert len(data) % 4 == 0
    assert rtcp.parse(data) == sent


@given(st.binary(max_size=80), st.sampled_from([200, 201, 202, 203, 204, 207]))
def test_any_bytes_parse_or_raise_packet_error(body, kind):
    body += bytes(-len(body) % 4)
    data = bytes([0x80 | len(body) % 32, kind]) + (len(body) // 4).to_bytes(2, "big") + body
    for one in (data, body, data[:-1]):
        with suppress(PacketError):
            rtcp.parse(one)


def test_receiver_report_bytes_are_those_of_the_rfc():
    block = rtcp.ReportBlock(2, 64, -1, 0x10005, 7, 8, 9)
    assert bytes(rtcp.ReceiverReport(1, (block,))) == bytes.fromhex(
        "81c90007 00000001 00000002 40ffffff 00010005 00000007 00000008 00000009"
    )


def test_unknown_kinds_are_skipped():
    application = bytes.fromhex("80cc0001 00000001")
    bye = rtcp.Bye((3,))
    assert rtcp.parse(application + bytes(bye)) == [bye]


def test_too_long_runs_are_split():
    flags = (0,) * 40000 + (1,) * 20
    assert rtcp.parse(bytes(rtcp.LossRuns(1, 2, 3, flags)))[0].flags == flags


def test_bit_vectors_are_read():
    # RFC 3611 section 4.1.2: 1 and 15 bits, 1 is received; here number 2 is lost.
    body = bytes.fromhex("00000001 01000003 00000002 00000004 dfff0000")
    data = bytes.fromhex("80cf0005") + body
    assert rtcp.parse(data) == [rtcp.LossRuns(1, 2, 0, (0, 1, 0, 0))]


def test_playout_delay_bytes_are_those_of_the_rfc():
    # RFC 7005 section 4: type 23, a sampled figure, an adaptive buffer; water marks not known.
    assert bytes(rtcp.PlayoutDelay(1, 2, 60, 300, adaptive=True)) == bytes.fromhex(
        "80cf0005 00000001 17600003 00000002 003c012c ffffffff"
    )
    unknown = bytes.fromhex("80cf0005 00000001 17600003 00000002 ffff012c ffffffff")
    assert rtcp.parse(unknown) == []


def test_more_reports_than_fit_are_refused():
    with pytest.raises(ValueError, match="31"):
        bytes(rtcp.ReceiverReport(1, (rtcp.ReportBlock(1),) * 32))


def test_round_trip_time():
    sent = rtcp.SenderReport(1, rtcp.ntp_time(1e9), 0, 0, 0)
    block = rtcp.ReportBlock(1, last_sr=sent.middle, delay_since_sr=65536 // 2)
    assert block.round_trip_ms(rtcp.ntp_time(1e9 + 0.7)) == pytest.approx(200, abs=0.1)
    assert block.round_trip_ms(rtcp.ntp_time(1e9)) is None
    assert rtcp.ReportBlock(1).round_trip_ms(0) is None


def feed(reception, numbers, *, jitter=()):
    for index, number in enumerate(numbers):
        late = jitter[index % len(jitter)] if jitter else 0
        reception.push(number & 0xFFFF, 960 * number, 20.0 * number + late)


def test_reports_count_from_the_last_one():
    reception = Reception(5)
    feed(reception, range(65530, 65540))
    assert reception.report().fraction_lost == 0
    feed(reception, [n for n in range(65540, 65560) if n % 4])
    block = reception.report()
    assert (block.fraction_lost, block.cumulative_lost) == (64, 5)
    assert block.highest_sequence == 65559
    assert reception.report().fraction_lost == 0


def test_duplicates_and_late_ones():
    reception = Reception(5)
    feed(reception, [10, 11, 13, 13, 12, 9])
    assert (reception.expected, reception.received, reception.duplicates) == (5, 5, 1)
    assert reception.lost == 0


def test_jitter_as_in_the_rfc():
    reception = Reception(5)
    feed(reception, range(400))
    assert reception.jitter == 0
    # Every second packet is 8 ms late: the difference is 8 ms each time.
    feed(reception, range(400, 1000), jitter=(0.0, 8.0))
    assert reception.jitter_ms == pytest.approx(8.0, abs=0.01)
    assert reception.report().jitter == pytest.approx(8 * 48, abs=1)


def test_bursts():
    reception = Reception(5)
    feed(reception, [n for n in range(100) if n not in (10, 20, 21, 22, 50)])
    figures = reception.figures()
    assert (figures.lost, figures.bursts, figures.longest_burst) == (5, 3, 3)
    assert figures.rate == 0.05
    assert loss_figures([]).rate == 0


def test_unreported_losses_are_told_once():
    reception = Reception(5)
    feed(reception, [65534, 65535, 65537])
    assert reception.unreported() == (65534, [0, 0, 1, 0])
    feed(reception, [65539])
    assert reception.unreported() == (2, [1, 0])
    assert reception.unreported() == (4, [])


def test_memory_is_bounded():
    reception = Reception(5)
    feed(reception, range(0, 50000, 2))
    assert len(reception.recent()) == MEMORY
    assert len(reception._recent) <= 2 * MEMORY
    assert reception.figures().rate == 0.5
