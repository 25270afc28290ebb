# SPDX-License-Identifier: BSD-3-Clause
"""Captures of ordinary and of odd calls, through `dred decode`, `inspect` and `trace`."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import opus_packets, voice
from weights import random_image

from dred.cli import main
from dred.cli.captures import lost_before
from dred.rtp import RtpPacket, RtpSender
from dred.rtp.capture import write_capture
from dred.sender import Sender
from dred.traces import read_trace

FRAMES = 60
SPEECH = opus_packets(16000, FRAMES)


def media(packets=SPEECH, **options):
    sender = RtpSender(7, **{"sequence": 100, "timestamp": 0, **options})
    made = [(20.0 * i, sender.send(packet)) for i, packet in enumerate(packets)]
    return [(time_ms, packet) for time_ms, packet in made if packet is not None]


@pytest.fixture
def decode(tmp_path, capsys):
    """A function: (report, seconds of audio) of a capture of these packets."""
    (tmp_path / "random.bin").write_bytes(random_image())

    def call(packets, source=None, code=0):
        path, out = tmp_path / "call.pcap", tmp_path / "out.wav"
        write_capture(path, packets)
        argv = ["decode", source or path, out, "--json", "--rate", 16000]
        assert main([*map(str, argv), "--models", str(tmp_path / "random.bin")]) == code
        audio, rate = soundfile.read(out)
        return json.loads(capsys.readouterr().out), len(audio) / rate

    return call


def test_a_call_without_losses(decode):
    report, seconds = decode(media())
    assert (report["lost"], report["frames"]) == (0, {"regular": FRAMES})
    assert seconds == pytest.approx(1.2)


@pytest.mark.parametrize("sequence", [5, 50_000])
def test_numbers_that_begin_anew(decode, sequence):
    first = media(sequence=30_000)
    second = [(1200 + t, packet) for t, packet in media(sequence=sequence, timestamp=10**6)]
    report, seconds = decode([*first, *second])
    assert (report["lost"], report["frames"]) == (0, {"regular": 2 * FRAMES})
    assert seconds == pytest.approx(2.4)


TONE = RtpPacket(101, 99, 0, 7, b"\x01\x0a\x00\xa0")
EMPTY = RtpPacket(111, 99, 2**32 - 960, 7, b"")


@pytest.mark.parametrize("first", [TONE, replace(TONE, payload_type=13), EMPTY])
def test_the_first_packet_need_not_be_speech(decode, first):
    report, seconds = decode([(0.0, first), *((20 + t, packet) for t, packet in media())])
    assert report["frames"] == {"regular": FRAMES}
    assert seconds == pytest.approx(1.2)


@pytest.mark.parametrize("step_ms", [7_200_000, 1_700_000_000_000])
def test_a_clock_that_was_set_takes_no_time(decode, step_ms):
    report, seconds = decode([(t + step_ms * (t > 500), packet) for t, packet in media()])
    assert report["frames"] == {"regular": FRAMES}
    assert seconds == pytest.approx(1.2)


def test_pauses_that_were_not_sent_are_not_lost(decode):
    pcm = np.concatenate([voice(16000, 1), np.zeros(16000 * 2, np.float32), voice(16000, 1)])
    pcm += np.random.default_rng(1).normal(0, 5e-4, len(pcm)).astype(np.float32)
    packets = Sender(16000, 1, 20, 16000, dred_ms=0, dtx=True).push(pcm)
    report, seconds = decode(media(packets, skip_dtx=True))
    assert report["packets"] < 150
    assert report["lost"] == 0
    assert report["frames"].keys() == {"regular", "dtx"}
    assert seconds == pytest.approx(4)


def test_losses_are_counted_whatever_became_of_them(decode):
    report, _ = decode([entry for i, entry in enumerate(media(red_copies=1)) if i % 10 != 5])
    assert report["lost"] == FRAMES // 10
    assert report["frames"] == {"regular": FRAMES - 6, "red": 6}


def test_what_follows_the_last_packet_that_came_is_no_audio(decode):
    _, seconds = decode([*media()[:30], (600.0, replace(EMPTY, sequence=130))])
    assert seconds == pytest.approx(0.6)


def test_standard_input(decode, tmp_path, capsys, monkeypatch):
    write_capture(tmp_path / "in.pcap", media())
    data = (tmp_path / "in.pcap").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    report, _ = decode([], source="-")
    assert report["packets"] == FRAMES
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data[:-5])))
    report, _ = decode([], source="-", code=1)
    assert report["packets"] == FRAMES - 1
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main(["inspect", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["summary"]["packets"] == FRAMES


@pytest.fixture
def two_ways(tmp_path):
    """A capture of both directions of a call, the shorter one of SSRC 8."""
    packets = media() + [(t + 5, replace(p, ssrc=8)) for t, p in media(sequence=9)[: FRAMES // 2]]
    write_capture(tmp_path / "both.pcap", sorted(packets, key=lambda entry: entry[0]))
    return str(tmp_path / "both.pcap")


def test_of_several_streams_the_longest_is_taken_and_the_others_named(two_ways, capsys):
    assert main(["inspect", two_ways, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["summary"]["packets"] == FRAMES
    assert err.startswith("dred: warning: ")
    assert err.count("\n") == 1
    assert "0x00000007" in err.split("--ssrc")[0]
    assert "0x00000008" in err.split("--ssrc")[1]


def test_a_stream_is_named_by_its_source(two_ways, tmp_path, capsys):
    assert main(["inspect", two_ways, "--ssrc", "0x8", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["summary"]["packets"] == FRAMES // 2
    assert err == ""
    assert main(["decode", two_ways, str(tmp_path / "o.wav"), "--ssrc", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == {"regular": FRAMES // 2}
    assert main(["inspect", two_ways, "--ssrc", "9"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "0x00000009; there are 0x00000007 from" in said
    with pytest.raises(SystemExit) as left:
        main(["inspect", two_ways, "--ssrc", "me"])
    assert left.value.code == 2


def test_a_trace_is_of_the_stream_that_is_named(two_ways, tmp_path, capsys, monkeypatch):
    """By the same option, with the same remark, also from standard input."""
    assert main(["trace", "stats", two_ways, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["packets"] == FRAMES
    assert err.count("\n") == 1
    assert "--ssrc takes another: 0x00000008" in err
    assert main(["trace", "stats", two_ways, "--ssrc", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["packets"] == FRAMES // 2
    written = tmp_path / "written.csv"
    stdin = io.TextIOWrapper(io.BytesIO(Path(two_ways).read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["trace", "convert", "-", str(written), "--ssrc", "0x8"]) == 0
    assert len(read_trace(written)) == FRAMES // 2
    assert capsys.readouterr().err == ""
    assert main(["trace", "fit", two_ways, "--ssrc", "9"]) == 1
    assert "0x00000009; there are 0x00000007 from" in capsys.readouterr().err


def test_inspect_shows_what_was_lost_in_a_capture(tmp_path, capsys):
    write_capture(tmp_path / "c.pcap", [p for i, p in enumerate(media()) if i not in (5, 6, 9)])
    assert main(["inspect", str(tmp_path / "c.pcap")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.endswith("lost")] == [
        ["-", "2", "lost"], ["-", "1", "lost"]
    ]  # fmt: skip
    assert lines[lines.index("     -      2  lost") + 1].split()[0] == "107"  # of RTP
    assert "lost: 3" in lines


@pytest.mark.parametrize(
    ("sequences", "lost"),
    [
        ([65534, 65535, 0, 2], [0, 0, 0, 1]),
        ([1, 4, 2, 3, 5], [0, 2, -1, -1, 0]),  # out of order is not lost
        ([1, 2, 2, 1, 3], [0, 0, 0, 0, 0]),  # nor is what came twice
        ([1, 3, 30_000, 30_001, 2], [0, 1, 0, 0, 0]),  # numbers that begin anew
    ],
)
def test_gaps_in_sequence_numbers(sequences, lost):
    assert list(lost_before(sequences)) == lost
