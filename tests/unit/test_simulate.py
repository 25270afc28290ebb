# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import asdict

import numpy as np
import pytest
from signals import delay, voice
from weights import random_models

import dred
from dred.evaluate.delay import needed_delay
from dred.simulate import fit_trace, play
from dred.traces import parse_model

GAP = [0] * 20 + [1] * 4 + [0] * 10 + [1] + [0] * 200


def simulate(pcm, rate, trace, scheme="dred+lbrr", **options):
    return dred.simulate(pcm, rate, trace, scheme, models=random_models(), **options)


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 48000])
def test_without_loss_it_is_aligned_to_the_sample(rate):
    pcm = voice(rate, 1)
    result = simulate(pcm, rate, [0], "dred", bitrate=64000)
    assert result.pcm.shape == pcm.shape
    assert set(result.sources) == {"regular"}
    # Opus's high-pass turns the phase of low harmonics: the second difference weighs high ones.
    assert delay(np.diff(pcm, 2), np.diff(result.pcm, 2)) == 0


@pytest.mark.parametrize("scheme", dred.SCHEMES)
def test_schemes(scheme):
    result = simulate(voice(16000, 1), 16000, GAP, scheme)
    made = set(result.sources)
    assert len(result.sources) == len(result.lost) == 51
    assert result.scheme == scheme
    assert result.lost.sum() == (0 if scheme == "clean" else 5)
    expected = {
        "clean": set(),
        "none": {"plc"},
        "plc": {"plc"},
        "neural-plc": {"plc"},
        "lbrr": {"plc", "lbrr"},
        "dred": {"dred"},
        "dred+lbrr": {"dred", "lbrr"},
        "dred+auto": {"dred"},  # at 32 kb/s LBRR is not worth its bits
        # A copy of the packet before, or of the two before: the rest of the burst is too old.
        "red:1": {"plc", "red"},
        "red:2": {"plc", "red"},
        "dred+red:1": {"dred", "red"},
    }
    assert made - {"regular"} == expected[scheme]
    assert result.stats["receiver"]["frames"]["regular"] == 51 - result.lost.sum()


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [None, 1, 2])
def test_output_is_shaped_as_the_input(rate, channels):
    pcm = voice(rate, 0.31)
    if channels:
        pcm = np.stack([pcm] * channels, axis=1)
    result = simulate(pcm, rate, GAP)
    assert result.pcm.shape == pcm.shape
    assert np.isfinite(result.pcm).all()


@pytest.mark.parametrize("samples", [0, 1, 2, 100, 319, 320, 321])
def test_very_short_files(samples):
    for trace in ([0], [1], [0, 1]):
        assert simulate(voice(16000, 1)[:samples], 16000, trace).pcm.shape == (samples,)


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_frame_durations(frame_ms):
    pcm = voice(16000, 1)
    result = simulate(pcm, 16000, GAP, frame_ms=frame_ms, bitrate=48000)
    assert result.pcm.shape == pcm.shape
    assert len(result.lost) == -(-(16000 + 104) // (16 * frame_ms))


@pytest.mark.parametrize("frame_ms", [40, 60])
def test_lbrr_in_packets_of_several_frames(frame_ms):
    """Hybrid frames last 20 ms: a longer packet holds two or three, with LBRR in each."""
    split = simulate(voice(48000, 1), 48000, GAP, frame_ms=frame_ms, bitrate=64000).split
    one = simulate(voice(48000, 1), 48000, GAP, frame_ms=20, bitrate=64000).split
    assert 0.5 * one.lbrr < split.lbrr < 2 * one.lbrr


def test_everything_lost_and_the_start_lost():
    pcm = voice(16000, 1)
    result = simulate(pcm, 16000, [1])
    assert not result.pcm.any()
    assert set(result.sources) == {"plc"}
    result = simulate(pcm, 16000, [1] * 10 + [0] * 90)
    assert not result.pcm[:3000].any()
    assert result.sources[:10] == ["plc"] * 10
    # What follows is where it was.
    assert abs(delay(pcm[4000:], result.pcm[4000:])) <= 2


def test_gaps_shift_nothing():
    """Received parts are where they are without loss; also what comes much later."""
    pcm = voice(16000, 2)
    lossless = simulate(pcm, 16000, [0], "dred").pcm
    lossy = simulate(pcm, 16000, GAP, "dred").pcm
    assert np.array_equal(lossless[: 19 * 320], lossy[: 19 * 320])
    late = slice(60 * 320, 90 * 320)
    # The decoder has forgotten the gap but for rounding.
    assert np.abs(lossless[late] - lossy[late]).max() < 1e-2


def test_bitrate_is_what_was_sent():
    result = simulate(voice(16000, 1), 16000, [0], "plc", bitrate=24000)
    assert result.kbps == pytest.approx(24, rel=0.15)


@pytest.mark.parametrize(
    ("scheme", "parts"),
    [
        ("plc", {"regular"}),
        ("lbrr", {"regular", "lbrr"}),
        ("red:2", {"regular", "red"}),
        ("dred", {"regular", "dred"}),
        ("dred+lbrr+red:1", {"regular", "lbrr", "red", "dred"}),
    ],
)
@pytest.mark.parametrize("equal", ["total", "regular"])
def test_where_the_bits_go(scheme, parts, equal):
    pcm = voice(16000, 2)
    result = simulate(pcm, 16000, [0], scheme, bitrate=64000, equal=equal)
    split = asdict(result.split)
    assert split.pop("headers") == pytest.approx(16)  # 40 bytes every 20 ms
    assert {part for part, kbps in split.items() if kbps} == parts
    assert sum(split.values()) == pytest.approx(result.kbps)
    sizes = result.stats["packet_bytes"]
    assert result.kbps == pytest.approx(sum(sizes) * 8 / (20 * len(sizes)))
    plain = simulate(pcm, 16000, [0], "plc", bitrate=64000).split.regular
    if equal == "total":
        # SILK stays below low bitrates where the signal asks for less.
        assert 0.6 * plain < result.kbps < 1.15 * plain
    else:
        assert split["regular"] == pytest.approx(plain, rel=0.2)
        assert scheme == "plc" or result.kbps > 1.2 * plain


def test_copies_are_exact():
    """What RED brings back is what was sent, so that nothing is heard of the loss."""
    pcm = voice(16000, 1)
    lossless, lossy = (
        simulate(pcm, 16000, t, "red:2").pcm for t in ([0], [0] * 20 + [1] * 2 + [0] * 40)
    )
    assert np.array_equal(lossless, lossy)


def test_none_is_silence():
    result = simulate(voice(16000, 1), 16000, GAP, "none")
    frame = slice(21 * 320, 23 * 320)
    assert not result.pcm[frame].any()
    assert simulate(voice(16000, 1), 16000, GAP, "plc").pcm[frame].any()


def test_networks_with_times():
    pcm = voice(16000, 2)
    network = parse_model("jitter:mean=30ms,sd=30ms+duplicate:p=0.1")
    patient = simulate(pcm, 16000, network, "plc", jitter_ms=1000)
    assert not patient.lost.any()
    assert set(patient.sources) == {"regular"}
    assert np.array_equal(patient.pcm, simulate(pcm, 16000, [0], "plc").pcm)
    assert patient.stats["receiver"]["duplicates"] == len(patient.transit.copies) > 0
    hasty = simulate(pcm, 16000, network, "plc", jitter_ms=20)
    assert hasty.stats["receiver"]["late"] > 0
    assert hasty.sources.count("plc") > 0
    assert np.array_equal(hasty.transit.arrival_ms, patient.transit.arrival_ms)
    assert (
        simulate(pcm, 16000, network, seed=2).transit.arrival_ms != patient.transit.arrival_ms
    ).any()


@pytest.mark.parametrize(
    ("scheme", "longest"), [("plc", 0), ("lbrr", 20), ("red:2", 40), ("dred", 100)]
)
def test_delay_is_what_a_receiver_had_to_wait_for(scheme, longest):
    # Of a burst of four: one frame back for LBRR, two for RED, all four for DRED, whose next
    # description comes a packet later.
    result = simulate(voice(16000, 1), 16000, GAP, scheme)
    assert needed_delay(result).longest_ms == pytest.approx(longest)
    slow = parse_model("jitter:mean=5ms,sd=1ms,base=70ms")
    late = needed_delay(simulate(voice(16000, 1), 16000, slow, "plc"))
    assert 0 < late.p95_ms < late.longest_ms < 15


def test_a_receiver_that_waits_so_long_repairs_all_of_it():
    """Told that receivers wait, a sender describes the past in every fourth packet only."""
    models = random_models()
    trace = [0] * 50 + [*[0] * 19, 1] * 10
    result = simulate(voice(16000, 4), 16000, trace, "dred")
    needed = needed_delay(result).longest_ms
    assert 20 < needed <= 80

    def described(jitter_ms):
        receiver = dred.Receiver(16000, 1, models, jitter_ms)
        _, sources = play(result.sent.packets, result.transit, receiver, jitter_ms=jitter_ms)
        return sources.count("dred")

    assert described(needed) == described(1100) > 0
    assert described(needed - 20) < described(needed)


def test_congestion_punishes_redundancy_on_top():
    network = parse_model("queue:link=60k,cross=0")
    pcm = voice(16000, 4)
    thin, thick = (simulate(pcm, 16000, network, "red:2", bitrate=24000, equal=equal)
                   for equal in ("total", "regular"))  # fmt: skip
    assert thick.lost.mean() > thin.lost.mean() + 0.1


def test_same_input_same_output():
    pcm = voice(16000, 1)
    first, second = (simulate(pcm, 16000, GAP) for _ in range(2))
    assert np.array_equal(first.pcm, second.pcm)


def test_traces(tmp_path):
    assert fit_trace([0, 1], 5).tolist() == [0, 1, 0, 1, 0]
    assert fit_trace([0, 1, 1, 1], 2).tolist() == [0, 1]
    (tmp_path / "trace.txt").write_text("0\n1\n1\n")
    assert fit_trace(tmp_path / "trace.txt", 4).tolist() == [0, 1, 1, 0]
    with pytest.raises(dred.TraceError, match="empty"):
        fit_trace([], 3)
    with pytest.raises(dred.TraceError, match="0 and 1"):
        fit_trace([0, 2], 3)


def test_arguments():
    pcm = voice(16000, 0.1)
    with pytest.raises(ValueError, match="magic"):
        simulate(pcm, 16000, [0], "magic")
    for name in ("red", "red:9", "red:1+red:2", "dred+red", "dred+dred", "plc+lbrr", "", "red:"):
        with pytest.raises(ValueError, match="unknown scheme"):
            simulate(pcm, 16000, [0], name)
    with pytest.raises(ValueError, match="equal"):
        simulate(pcm, 16000, [0], equal="half")
    with pytest.raises(ValueError, match="bitrate"):
        simulate(pcm, 16000, [0], bitrate=0)
    with pytest.raises(TypeError):
        simulate(pcm.astype(np.int64), 16000, [0])
