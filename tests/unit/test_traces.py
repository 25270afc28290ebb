# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.errors import TraceError
from dred.traces import measure, parse_model, read_trace, write_trace
from dred.traces.formats import as_trace, format_trace, parse_trace
from dred.traces.stats import run_lengths

traces = st.lists(st.integers(0, 1), min_size=1, max_size=300)


def draw(model, packets, seed=1, **options):
    return parse_model(model).draw(packets, np.random.default_rng(seed), **options)


@given(traces, st.sampled_from([".txt", ".csv", ".rle", ""]))
def test_formats_round_trip(flags, suffix):
    assert parse_trace(format_trace(flags, suffix)).tolist() == flags


def test_files(tmp_path):
    for name in ("a.txt", "a.csv", "a.rle"):
        write_trace(tmp_path / name, [0, 1, 1, 0])
        assert read_trace(tmp_path / name).tolist() == [0, 1, 1, 0]
    assert (tmp_path / "a.rle").read_text() == "0 x 1\n1 x 2\n0 x 1\n"


def test_suffixes_in_capitals(tmp_path):
    write_trace(tmp_path / "A.CSV", [0, 1])
    assert (tmp_path / "A.CSV").read_text().startswith("packet,lost\n")


def test_comments_columns_and_line_ends():
    assert parse_trace("# made by hand\r\n0\r\n\r\n 1 # lost\r\n").tolist() == [0, 1]
    assert parse_trace("\ufeff0\n1\n".lstrip("\ufeff")).tolist() == [0, 1]
    assert parse_trace("time,Lost,size\n0.02,1,80\n0.04,0,81\n").tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0\n1\nx\n", "line 3: 'x'"),
        ("0\n0.5\n", "line 2"),
        ("lost\n", "line 1"),
        ("a,b\n0,1\n", "line 1: .*'lost'"),
        ("packet,lost\n0,1\n1\n", "line 3: 1 columns"),
        ("packet,lost\n0,2\n", "line 2: '2'"),
        ("packet,lost\n", "no packets"),
        ("0 x 3\n1 x many\n", "line 2"),
        ("0 x 3\n1 x 0\n", "line 2"),
        ("0 x 99999999999\n", "line 1"),
        ("0 x " + 5000 * "1", "line 1"),
        ("0 x 3\n2 x 1\n", "line 2: '2'"),
        ("", "empty"),
        ("# only a comment\n", "empty"),
    ],
)
def test_bad_traces_name_the_line(text, says):
    with pytest.raises(TraceError, match=says) as caught:
        parse_trace(text, "file.txt")
    assert str(caught.value).startswith("file.txt: ")


def test_binary_and_missing_files(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TraceError, match="not text"):
        read_trace(tmp_path / "a.txt")
    with pytest.raises(TraceError, match="no such file"):
        read_trace(tmp_path / "b.txt")


@pytest.mark.parametrize("values", [[], [0, 2], [[0, 1]], [0.5], "01"])
def test_what_is_no_trace(values):
    with pytest.raises(TraceError):
        as_trace(values)


def test_as_trace_takes_booleans():
    assert as_trace(np.array([True, False])).tolist() == [1, 0]


@pytest.mark.parametrize(
    "model", ["bernoulli:p=0.2", "gilbert:p=0.06,r=0.25", "gilbert:p=0.1,r=0.3,h=0.2,k=0.98"]
)
def test_a_seed_repeats_a_trace(model):
    assert (draw(model, 500) == draw(model, 500)).all()
    assert (draw(model, 500) != draw(model, 500, seed=2)).any()
    assert draw(model, 500).dtype == np.uint8


def test_bernoulli_has_its_rate():
    assert measure(draw("bernoulli:p=0.2", 100_000)).loss_rate == pytest.approx(0.2, abs=0.005)
    assert not draw("bernoulli:p=0", 1000).any()
    assert draw("bernoulli:p=1", 1000).all()


def test_gilbert_has_its_rate_and_bursts_and_is_found_again():
    stats = measure(draw("gilbert:p=0.06,r=0.25", 200_000))
    assert stats.loss_rate == pytest.approx(0.06 / 0.31, abs=0.01)
    assert stats.mean_burst == pytest.approx(1 / 0.25, rel=0.05)
    assert stats.gilbert_p == pytest.approx(0.06, rel=0.05)
    assert stats.gilbert_r == pytest.approx(0.25, rel=0.05)


def test_elliott_parameters():
    stats = measure(draw("gilbert:p=0.1,r=0.3,h=0.4,k=0.9", 200_000))
    assert stats.loss_rate == pytest.approx(0.25 * 0.6 + 0.75 * 0.1, abs=0.01)


def test_absorbing_states():
    assert draw("gilbert:p=0,r=0.5", 100).sum() == 0
    assert draw("gilbert:p=0.5,r=0", 100).all()


@pytest.mark.parametrize(("packet_ms", "length"), [(20, 15), (10, 30), (60, 5)])
def test_bursts_come_regularly(packet_ms, length):
    trace = draw("burst:every=2s,length=300ms", 1000, packet_ms=packet_ms)
    assert set(run_lengths(trace, 1)[:-1].tolist()) == {length}
    assert trace[0] == 0


@pytest.mark.parametrize(
    "model",
    [
        f"burst:every={400 * '9'}s,length=1s",
        f"burst:every={300 * '9'}s,length=1s",
        "burst:every=86401s,length=1s",
        f"playout:delay={30 * '9'}ms",
    ],
)
def test_durations_end_with_a_day(model):
    with pytest.raises(TraceError, match="of a day at most") as caught:
        parse_model(model)
    assert len(str(caught.value)) < 300
    assert draw("burst:every=86400s,length=1s", 100).sum() == 0


def test_a_burst_longer_than_its_period_is_told_with_the_mend():
    with pytest.raises(TraceError, match=r"length \(3000 ms\) .* every \(1000 ms\); write burst:"):
        parse_model("burst:every=1s,length=3s")


def test_recorded_traces_repeat(tmp_path):
    write_trace(tmp_path / "a:b,c.txt", [0, 0, 1])
    assert draw(f"trace:{tmp_path / 'a:b,c.txt'}", 7).tolist() == [0, 0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    "text",
    [
        "", "bernoulli", "bernoulli:", "bernoulli:p", "bernoulli:p=x", "bernoulli:p=1.1",
        "bernoulli:p=nan", "bernoulli:p=.1,p=.2", "bernoulli:q=.1", "gilbert:p=.1",
        "gilbert:p=0,r=0", "burst:every=2s", "burst:every=2,length=1", "burst:every=1s,length=2s",
        "burst:every=1s,length=0ms", "trace:", "trace:/no/such/file", "markov:p=1",
        "markov:p=0.1/0.2/0.3", "jitter:mean=0ms,sd=1ms", "jitter:mean=10ms", "reorder:p=0.1,by=0",
        "queue:link=10k,cross=10k", "queue:link=many,cross=1k", "playout:delay=60",
        "gilbert:p=0.1,r=0.2+", "bernoulli:p=0.1+magic",
    ],
)  # fmt: skip
def test_bad_models(text):
    with pytest.raises(TraceError) as caught:
        parse_model(text)
    assert "\n" not in str(caught.value)


def test_statistics():
    stats = measure([0, 1, 1, 0, 0, 0, 1])
    assert (stats.packets, stats.lost, stats.bursts) == (7, 3, 2)
    assert stats.loss_rate == pytest.approx(3 / 7)
    assert stats.burst_histogram == {1: 1, 2: 1}
    assert (stats.mean_burst, stats.longest_burst) == (1.5, 2)
    assert (stats.mean_gap, stats.longest_gap) == (2, 3)
    assert (stats.gilbert_p, stats.gilbert_r) == (0.5, 0.5)


@given(traces)
def test_statistics_add_up(flags):
    stats = measure(flags)
    assert sum(length * count for length, count in stats.burst_histogram.items()) == stats.lost
    assert sum(stats.burst_histogram.values()) == stats.bursts
    assert stats.longest_burst == max(stats.burst_histogram, default=0)


def test_one_packet():
    stats = measure([0])
    assert (stats.loss_rate, stats.mean_burst, stats.gilbert_p, stats.gilbert_r) == (
        0, 0, None, None,
    )  # fmt: skip


def test_samples_have_the_loss_their_readme_says(samples):
    stats = measure(read_trace(samples / "bursty_20.txt"))
    assert stats.loss_rate == pytest.approx(0.2, abs=0.01)
    assert stats.longest_burst * 20 >= 300
    assert measure(read_trace(samples / "heavy_33.txt")).loss_rate > 0.3


@pytest.mark.shared
def test_shared_traces(shared):
    files = sorted((shared / "traces").glob("*.txt"))
    assert files
    for path in files:
        assert measure(read_trace(path)).packets == 3000
