# SPDX-License-Identifier: BSD-3-Clause
"""Networks that say when packets come, and the files that hold it."""

import numpy as np
import pytest

from dred.errors import TraceError
from dred.io.pcap import read_pcap, write_pcap
from dred.rtp.capture import write_capture
from dred.rtp.packet import RtpPacket
from dred.traces import (
    measure,
    measure_delays,
    parse_model,
    read_trace,
    read_transit,
    send,
    write_trace,
    write_transit,
)
from dred.traces.formats import format_trace
from dred.traces.times import format_times, parse_times

PACKETS = 20_000


def sent(model, packets=PACKETS, seed=1, **options):
    return send(parse_model(model), packets, np.random.default_rng(seed), **options)


def test_a_seed_repeats_a_network():
    model = (
        "gilbert:p=0.02,r=0.3+jitter:mean=40ms,sd=20ms+duplicate:p=0.01+queue:link=1000k,cross=5k"
    )
    first, second, other = sent(model), sent(model), sent(model, seed=2)
    assert format_times(first) == format_times(second) != format_times(other)


def test_jitter_has_its_mean_and_deviation():
    transit = sent("jitter:mean=40ms,sd=20ms,base=100ms")
    delays = transit.arrival_ms - transit.sent_ms
    assert delays.min() > 100
    assert delays.mean() == pytest.approx(140, rel=0.02)
    assert delays.std() == pytest.approx(20, rel=0.05)
    wandering = sent("jitter:mean=40ms,sd=20ms,correlation=0.99")
    assert wandering.overtaken < 0.2 * transit.overtaken


def test_late_is_lost():
    late = sent("jitter:mean=40ms,sd=20ms+playout:delay=60ms")
    never = sent("jitter:mean=40ms,sd=20ms")
    assert late.lost.tolist() == (never.delays > 60).tolist()
    assert 0 < late.lost.mean() < 0.5
    assert measure_delays(late).longest_ms <= 60
    assert not sent("jitter:mean=40ms,sd=20ms,base=500ms+playout:delay=900ms").lost.any()


def test_reordered_packets_are_overtaken_by_so_many():
    transit = sent("reorder:p=0.01,by=3", 1000)
    order = [number for _, number in transit.arrivals()]
    moved = [n for n in range(1000) if transit.arrival_ms[n] > transit.sent_ms[n]]
    assert 0 < len(moved) < 30
    for number in moved:
        if not {number + i for i in range(-3, 4)} & (set(moved) - {number}) and number < 996:
            assert order[order.index(number) - 3 : order.index(number)] == [
                number + 1, number + 2, number + 3,
            ]  # fmt: skip
    assert not transit.lost.any()


def test_duplicates_come_twice_and_are_lost_with_their_original():
    transit = sent("duplicate:p=0.1,after=7ms+bernoulli:p=0.5")
    assert len(transit.copies) == pytest.approx(0.05 * PACKETS, rel=0.1)
    for number, arrival in transit.copies:
        assert arrival == transit.arrival_ms[number] + 7


def test_congestion_grows_with_the_bitrate():
    rates = []
    for bitrate in (16000, 32000, 64000, 96000):
        sizes = np.full(3000, bitrate // 400)
        rates.append(sent("queue:link=100k,cross=50k", 3000, sizes=sizes).lost.mean())
    assert rates == sorted(rates)
    assert rates[-1] > rates[0] + 0.1
    quiet = sent("queue:link=100k,cross=0", 3000)
    assert not quiet.lost.any()
    # 80 bytes and 40 of headers take 9.6 ms.
    assert quiet.arrival_ms - quiet.sent_ms == pytest.approx(9.6)
    # Beyond what the link carries, the rest is lost.
    flooded = sent("queue:link=100k,cross=0", 3000, sizes=np.full(3000, 460))
    assert flooded.lost.mean() == pytest.approx(0.5, abs=0.02)
    assert measure_delays(flooded).longest_ms < 240


def test_recorded_times_are_replayed(tmp_path):
    recorded = sent("bernoulli:p=0.1+jitter:mean=40ms,sd=20ms", 500)
    write_transit(tmp_path / "a+b.csv", recorded)
    again = sent(f"trace:{tmp_path / 'a+b.csv'}", 1200)
    assert again.lost.tolist() == np.resize(recorded.lost, 1200).tolist()
    np.testing.assert_allclose(again.delays[: len(recorded.delays)], recorded.delays, atol=0.002)
    write_transit(tmp_path / "a.csv", recorded)
    late = sent(f"trace:{tmp_path / 'a.csv'}+playout:delay=60ms", 500)
    assert late.lost.sum() == recorded.lost.sum() + (recorded.delays > 60).sum()


def test_stages_meet_packets_in_order():
    transit = sent("burst:every=1s,length=200ms+jitter:mean=5ms,sd=1ms", 100)
    assert transit.lost.tolist() == ([0] * 40 + [1] * 10) * 2
    flags = parse_model("gilbert:p=0.1,r=0.5+bernoulli:p=0.2").draw(
        PACKETS, np.random.default_rng(1)
    )
    assert flags.mean() == pytest.approx(1 - (1 - 0.1 / 0.6) * 0.8, abs=0.02)


FLAGS = [0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("suffix", [".txt", ".rle", ".csv", ".pcap", ".pcapng"])
def test_every_file_gives_the_trace_that_made_it(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_trace(path, FLAGS)
    assert read_trace(path).tolist() == FLAGS
    long = sent("gilbert:p=0.02,r=0.3", 3000).lost
    long[[0, -1]] = 0  # what is lost before and after all others no capture shows
    write_trace(path, long)
    assert read_trace(path).tolist() == long.tolist()


@pytest.mark.parametrize("suffix", [".csv", ".pcap", ".pcapng"])
def test_times_come_back(tmp_path, suffix):
    """Also where sequence numbers wrap around."""
    model = "bernoulli:p=0.05+jitter:mean=30ms,sd=20ms+duplicate:p=0.01"
    transit = sent(model, 2000)
    first = int(np.flatnonzero(transit.lost == 0)[0])
    last = int(np.flatnonzero(transit.lost == 0)[-1])
    write_transit(tmp_path / f"a{suffix}", transit)
    again, timed = read_transit(tmp_path / f"a{suffix}")
    assert timed
    if suffix != ".csv":
        assert len(again) == last - first + 1
    offset = 0 if suffix == ".csv" else first
    assert again.lost.tolist() == transit.lost[offset : offset + len(again)].tolist()
    assert len(again.copies) == len(transit.copies)
    np.testing.assert_allclose(again.delays, transit.delays, atol=0.002)  # written in microseconds
    came = again.lost == 0
    assert (again.sizes[came] == 80).all()


@pytest.mark.parametrize("jump", [(100, 7), (40_000, 3_000_000_000)])
def test_numbers_that_begin_anew_are_no_losses(tmp_path, jump):
    packets = []
    for n in range(200):
        sequence, stamp = (30_000 + n, 960 * n) if n < 100 else (jump[0] + n, jump[1] + 960 * n)
        if n != 150:  # one is lost
            packets.append((20.0 * n, RtpPacket(111, sequence & 0xFFFF, stamp, 1, b"\xf8" * 80)))
    write_capture(tmp_path / "a.pcap", packets)
    transit, _ = read_transit(tmp_path / "a.pcap")
    assert np.flatnonzero(transit.lost).tolist() == [150]
    np.testing.assert_allclose(np.diff(transit.sent_ms), 20.0, atol=0.1)


def test_a_capture_of_something_else(tmp_path):
    write_trace(tmp_path / "a.pcap", FLAGS)
    frames = read_pcap(tmp_path / "a.pcap").frames
    write_pcap(tmp_path / "b.pcap", frames[:1])
    with pytest.raises(TraceError, match="no RTP stream"):
        read_trace(tmp_path / "b.pcap")


def test_times_in_other_words():
    text = "sent_s,arrival_s\n0.00,10.04\n0.02,\n0.04,10.05\n"
    transit = parse_times(text)
    assert transit.lost.tolist() == [0, 1, 0]
    assert transit.sent_ms.tolist() == [0, 20, 40]
    assert transit.delays == pytest.approx([30, 0])
    # Rows in any order, a packet twice; what only reads the column `lost` still can.
    swapped = parse_times("packet,sent_ms,arrival_ms\n7,40,50\n5,0,5\n7,40,51\n")
    assert swapped.sent_ms.tolist() == [0, 20, 40]
    assert swapped.lost.tolist() == [0, 1, 0]  # nobody noted packet 6
    assert swapped.copies == ((2, 51.0),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sent_ms,arrival_ms\n", "no packets"),
        ("sent_ms,arrival_ms\n0,soon\n", "line 2: 'soon'"),
        ("sent_ms,arrival_ms\n0,nan\n", "line 2"),
        ("sent_ms,arrival_ms\n0\n", "line 2: 1 columns"),
        ("sent_s,arrival_s\n1e306,2e306\n", "line 2: '1e306' is no time"),
        ("packet,sent_ms,arrival_ms\n-1,0,0\n", "line 2: '-1'"),
        ("packet,sent_ms,arrival_ms\n0,0,0\n999999999,1,1\n", "from 0 to 999999999"),
    ],
)
def test_bad_times_name_the_line(text, says):
    with pytest.raises(TraceError, match=says):
        parse_times(text, "file.csv")


def test_losses_alone_stay_simple(tmp_path):
    (tmp_path / "a.csv").write_text(format_trace(FLAGS, ".csv"))
    transit, timed = read_transit(tmp_path / "a.csv", 10)
    assert not timed
    assert transit.sent_ms[:3].tolist() == [0, 10, 20]
    assert measure(transit.lost) == measure(FLAGS)
