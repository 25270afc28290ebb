# SPDX-License-Identifier: BSD-3-Clause
import importlib.util
import inspect
import io
import json
import re
import shutil
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import soundfile
from signals import delay, voice
from weights import random_image

from dred.allocation import TYPICAL_BURST
from dred.cli import encode, get_parser, main
from dred.cli.options import SIMULATED_WAIT_MS
from dred.io.ogg import read_ogg
from dred.io.wav_writer import write_wav
from dred.models import load_models
from dred.opus import OpusDecoder
from dred.packet import Packet
from dred.sender import Sender
from dred.simulate import JITTER_MS

# At low rates libopus may choose a narrow band, and is up to 0.2 ms out of time there.
MANY = ("--bitrate", "64000")


def test_the_command_and_the_sender_have_the_same_defaults():
    """They are written twice, so that help does not load the codec."""
    args = vars(get_parser().parse_args(["encode", "in.wav", "out.opus"]))
    parameters = inspect.signature(Sender).parameters
    for name in (
        "bitrate", "frame_ms", "dred_ms", "lbrr", "loss_percent", "loss_burst", "jitter_ms",
    ):  # fmt: skip
        assert args[name] == parameters[name].default, name


def test_the_usual_burst_is_the_one_of_the_sender():
    assert encode.USUAL_BURST == TYPICAL_BURST


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "random.bin"
    path.write_bytes(random_image())
    return ["--models", str(path)]


@pytest.fixture
def run(capsys, models):
    """A command with random networks; what it printed."""

    def call(*argv):
        assert main([*map(str, argv), *models]) == 0
        return capsys.readouterr().out

    return call


@pytest.mark.parametrize(
    ("rate", "channels", "subtype", "seconds"),
    [
        (8000, 1, "PCM_16", 0.5),
        (16000, 1, "PCM_16", 0.5),
        (44100, 1, "PCM_16", 0.3),
        (48000, 2, "PCM_24", 0.3),
        (48000, 6, "PCM_16", 0.3),
        (22050, 2, "FLOAT", 0.3),
        (16000, 1, "PCM_U8", 0.3),
        (96000, 1, "DOUBLE", 0.2),
        (16000, 1, "PCM_16", 1 / 16000),
        (44100, 2, "PCM_16", 2 / 44100),
    ],
)
def test_round_trip(tmp_path, run, rate, channels, subtype, seconds):
    pcm = voice(rate, seconds, channels)
    soundfile.write(tmp_path / "in.wav", pcm, rate, subtype=subtype)
    report = json.loads(run("encode", tmp_path / "in.wav", tmp_path / "a.opus", *MANY, "--json"))
    assert report["seconds"] == pytest.approx(seconds)
    run("decode", tmp_path / "a.opus", tmp_path / "out.wav")
    out, out_rate = soundfile.read(tmp_path / "out.wav")
    assert out_rate == rate
    # The container counts at 48 kHz: one sample of that may be lost to rounding.
    assert abs(len(out) - len(pcm)) <= 1
    assert (1 if out.ndim == 1 else out.shape[1]) == min(channels, 2)
    if len(pcm) > 1000 and subtype != "PCM_U8":
        mono = pcm.reshape(len(pcm), -1).mean(axis=1)
        heard = out.reshape(len(out), -1).mean(axis=1)
        assert abs(delay(np.diff(mono, 2), np.diff(heard, 2))) <= 1


def test_settings_reach_the_packets(tmp_path, run):
    wav, opus = tmp_path / "in.wav", tmp_path / "a.opus"
    soundfile.write(wav, voice(16000, 1), 16000)
    run("encode", wav, opus, "--frame-ms", 40, "--bitrate", 48000, "--lbrr")
    packets = [Packet.parse(packet) for packet in read_ogg(opus).packets]
    assert {packet.duration_ms for packet in packets} == {40}
    assert any(packet.has_lbrr for packet in packets)
    assert packets[-1].dred is not None
    run("encode", wav, opus, "--dred-ms", 0)  # what is left to Opus, it does by LBRR
    assert any(Packet.parse(packet).has_lbrr for packet in read_ogg(opus).packets)
    run("encode", wav, opus, "--dred-ms", 0, "--no-lbrr")
    packets = [Packet.parse(packet) for packet in read_ogg(opus).packets]
    assert not any(packet.dred or packet.has_lbrr for packet in packets)


def test_the_summary_says_how_far_descriptions_reach(tmp_path, samples, capsys):
    """With the networks of the package: how far a description reaches depends on them."""
    opus = tmp_path / "a.opus"
    usual = ["encode", str(samples / "rms_16k.wav"), str(opus), "--dred-ms", "1000"]
    assert main(usual) == 0
    line = capsys.readouterr().out.splitlines()[1]
    said = re.fullmatch(
        r"describes (\d+) ms on average, of 1000 at most; --loss-burst and --jitter-ms reach "
        "further",
        line,
    )
    assert said, line
    assert 80 < int(said[1]) < 500
    assert main(["inspect", str(opus), "--json"]) == 0
    inspected = json.loads(capsys.readouterr().out)["summary"]["mean_dred_ms"]
    assert int(said[1]) == round(inspected)
    assert main([*usual, "--jitter-ms", "1000", "--loss-burst", "50"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    said = re.fullmatch(r"describes (\d+) ms on average", line)
    assert said, line
    assert int(said[1]) > 700
    comment = read_ogg(opus).tags.comments[0]
    assert comment.endswith("jitter_ms=1000")


def test_an_input_is_not_overwritten(tmp_path, models, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", voice(16000, 0.5), 16000)
    before = (tmp_path / "in.wav").read_bytes()
    (tmp_path / "link.wav").symlink_to("in.wav")
    for name in ("in.wav", str(tmp_path / "in.wav"), "link.wav"):
        assert main(["encode", "in.wav", name, *models]) == 2
        said = capsys.readouterr().err
        assert said == f"dred: error: {name}: would overwrite its input; name another file\n"
        assert (tmp_path / "in.wav").read_bytes() == before
    (tmp_path / "other.wav").write_bytes(before)  # like the input, but not the input
    assert main(["encode", "in.wav", "other.wav", *models]) == 0


def test_pieces_of_a_second_make_the_packets_of_the_whole(tmp_path, run, models):
    """encode pushes them one by one, so that it can say how far it is."""
    pcm = voice(16000, 3.3).astype(np.float32)
    soundfile.write(tmp_path / "in.wav", pcm, 16000)
    pcm = soundfile.read(tmp_path / "in.wav", dtype="float32")[0]
    run("encode", tmp_path / "in.wav", tmp_path / "a.opus")
    sender = Sender(16000, 1, lbrr=False, models=load_models(models[1]))
    assert read_ogg(tmp_path / "a.opus").packets == sender.push(pcm) + sender.flush()


@pytest.mark.parametrize("form", ["encode", "standard input"])
def test_a_recording_that_was_cut_off_is_told(tmp_path, run, models, monkeypatch, form):
    memory = io.BytesIO()
    soundfile.write(memory, voice(16000, 1), 16000, format="WAV")
    whole = memory.getvalue()
    (tmp_path / "cut.wav").write_bytes(whole[: 44 + 16000])
    argv = ["encode", str(tmp_path / "cut.wav"), str(tmp_path / "a.opus"), *models]
    if form == "standard input":
        argv[1] = "-"
        stdin = io.TextIOWrapper(io.BytesIO((tmp_path / "cut.wav").read_bytes()))
        monkeypatch.setattr(sys, "stdin", stdin)
    heard = io.StringIO()
    monkeypatch.setattr(sys, "stderr", heard)
    assert main(argv) == 0
    name = "standard input" if form == "standard input" else tmp_path / "cut.wav"
    said = f"dred: warning: {name}: is cut off; of 1.0 s, 0.5 s are here\n"
    assert heard.getvalue() == said
    # What a program notes that writes into a pipe and cannot know better is no promise.
    at = whole.index(b"data") + 4
    for length in (0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFF000):
        data = whole[:at] + length.to_bytes(4, "little") + whole[at + 4 :]
        (tmp_path / "pipe.wav").write_bytes(data)
        argv[1] = str(tmp_path / "pipe.wav")
        assert main(argv) == 0
    assert heard.getvalue() == said


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("installed", [True, False])
def test_progress_is_shown_on_a_terminal(tmp_path, run, monkeypatch, installed):
    soundfile.write(tmp_path / "in.wav", voice(16000, 2.5), 16000)
    if not installed:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    elif importlib.util.find_spec("tqdm") is None:
        pytest.skip("tqdm is not installed")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    out = run("encode", tmp_path / "in.wav", tmp_path / "a.opus")
    assert "encoding" in terminal.getvalue()
    assert "encoding" not in out
    if not installed:
        assert "\rencoding: 33 %\rencoding: 66 %\r" in terminal.getvalue()
        assert terminal.getvalue().endswith(" \r")


def test_decoding_under_loss(tmp_path, run):
    wav, opus, out = (tmp_path / name for name in ("in.wav", "a.opus", "out.wav"))
    soundfile.write(wav, voice(16000, 1), 16000)
    run("encode", wav, opus, "--bitrate", 48000, "--no-lbrr")
    (tmp_path / "trace.txt").write_text("0\n" * 30 + "1\n" * 5 + "0\n" * 20)
    told = {}
    ways = {"dred": [], "plc": ["--no-dred"], "old": ["--no-dred", "--plc", "classic"]}
    for name, options in ways.items():
        report = json.loads(
            run("decode", opus, out, "--json", "--trace", tmp_path / "trace.txt", *options)
        )
        assert report["lost"] == 5
        assert len(soundfile.read(out)[0]) == 16000
        told[name] = report["frames"]
    assert told["dred"] == {"regular": 46, "dred": 5}
    assert told["plc"] == told["old"] == {"regular": 46, "plc": 5}
    text = run("decode", opus, out, "--loss", "bernoulli:p=0.3", "--rate", 8000)
    assert "packets" in text
    assert soundfile.info(out).samplerate == 8000


def test_high_band_of_lost_packets(tmp_path, run):
    wav, opus, out = (tmp_path / name for name in ("in.wav", "a.opus", "out.wav"))
    soundfile.write(wav, voice(48000, 1), 48000)
    run("encode", wav, opus, "--bitrate", 64000)
    (tmp_path / "trace.txt").write_text("0\n" * 35 + "1\n" * 5 + "0\n" * 20)
    power = []
    for options in ((), ("--no-high-band",)):
        run("decode", opus, out, "--trace", tmp_path / "trace.txt", *options)
        lost = soundfile.read(out)[0][36 * 960 : 39 * 960]
        power.append(np.sum(np.abs(np.fft.rfft(lost * np.hanning(len(lost)))[540:]) ** 2))
    assert power[0] > 3 * power[1]


def test_ours_decode_as_if_nothing_were_in_the_padding(tmp_path, run):
    wav, opus = tmp_path / "in.wav", tmp_path / "a.opus"
    soundfile.write(wav, voice(48000, 0.5), 48000)
    run("encode", wav, opus)
    plain, padded = OpusDecoder(48000), OpusDecoder(48000)
    for packet in read_ogg(opus).packets:
        bare = bytes(Packet.parse(packet).without_extensions())
        assert np.array_equal(plain.decode(bare, 960), padded.decode(packet, 960))


@pytest.mark.parametrize("player", ["opusdec", "ffmpeg"])
@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2)])
def test_other_players(tmp_path, run, player, rate, channels):
    if shutil.which(player) is None:
        pytest.skip(f"{player} is not installed")
    wav, opus, out = (tmp_path / name for name in ("in.wav", "a.opus", "out.wav"))
    soundfile.write(wav, voice(rate, 1.234, channels), rate)
    run("encode", wav, opus)
    command = {
        "opusdec": ["opusdec", "--quiet", "--rate", "48000", str(opus), str(out)],
        "ffmpeg": ["ffmpeg", "-v", "error", "-i", str(opus), "-ar", "48000", str(out)],
    }[player]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert soundfile.info(out).frames == pytest.approx(1.234 * 48000, abs=2)
    assert soundfile.info(out).channels == channels


def test_standard_streams(models):
    """`dred encode - - | dred decode - -`, as processes."""
    memory = io.BytesIO()
    soundfile.write(memory, voice(16000, 0.4), 16000, format="WAV")
    program = [sys.executable, "-m", "dred.cli"]
    encoded = subprocess.run(
        [*program, "encode", "-", "-", *models], input=memory.getvalue(), capture_output=True
    )
    assert encoded.returncode == 0, encoded.stderr
    assert encoded.stdout[:4] == b"OggS"
    decoded = subprocess.run(
        [*program, "decode", "-", "-", *models], input=encoded.stdout, capture_output=True
    )
    assert decoded.returncode == 0, decoded.stderr
    assert len(soundfile.read(io.BytesIO(decoded.stdout))[0]) == 6400


def test_decoding_conceals_what_a_damaged_file_lacks(tmp_path, capsys):
    soundfile.write(tmp_path / "in.wav", voice(16000, 3), 16000)
    assert main(["encode", str(tmp_path / "in.wav"), str(tmp_path / "a.opus")]) == 0
    data = bytearray((tmp_path / "a.opus").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "b.opus").write_bytes(data)
    capsys.readouterr()
    assert main(["decode", str(tmp_path / "b.opus"), str(tmp_path / "b.wav"), "--json"]) == 1
    lost = json.loads(capsys.readouterr().out)["lost"]
    assert lost > 20
    assert soundfile.info(tmp_path / "b.wav").frames == 3 * 16000
    assert main(["inspect", str(tmp_path / "b.opus"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert (summary["missing"], summary["malformed"]) == (lost, 0)
    assert main(["decode", str(tmp_path / "b.opus"), str(tmp_path / "b.opus")]) == 2
    assert "would overwrite its input" in capsys.readouterr().err


def test_a_long_file_is_not_held_as_audio(tmp_path, run):
    """Its packets are, which are a fiftieth of it."""

    def peak(seconds):
        wav, packets, out = (tmp_path / name for name in ("a.wav", "a.opus", "b.wav"))
        write_wav(wav, voice(48000, seconds), 48000)
        run("encode", wav, packets, "--dred-ms", "0")
        tracemalloc.start()
        run("decode", packets, out, "--rate", "44100")
        bytes_held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert soundfile.info(out).frames == round(seconds * 44100)
        return bytes_held

    peak(0.1)  # loads modules
    assert peak(21.0) - peak(1.0) < 20 * 48000  # a quarter of a copy in float


@pytest.mark.parametrize("tqdm", [True, False])
def test_long_work_shows_how_far_it_is(tmp_path, run, monkeypatch, tqdm):
    if not tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    wav = tmp_path / "a.wav"
    write_wav(wav, voice(16000, 3.0), 16000)
    run("encode", wav, tmp_path / "a.opus", "--dred-ms", "0")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run("decode", tmp_path / "a.opus", tmp_path / "b.wav")
    assert "decoding" in terminal.getvalue()
    if not tqdm:
        shares = [int(share) for share in re.findall(r"(\d+) %", terminal.getvalue())]
        assert shares == sorted(set(shares)), "one line for each per cent at most"
        assert shares[0] == 0
        assert shares[-1] >= 99


def test_the_delay_of_simulated_receivers_is_that_of_the_library():
    """Written twice, so that help does not load the codec."""
    assert SIMULATED_WAIT_MS == JITTER_MS


@pytest.fixture
def lost_second(tmp_path, samples):
    """A file of three seconds and a trace that loses a burst of 300 ms in it, and its end."""
    pcm, rate = soundfile.read(samples / "rms_16k.wav", frames=3 * 16000)
    soundfile.write(tmp_path / "in.wav", pcm, rate)
    opus, trace = tmp_path / "a.opus", tmp_path / "t.txt"
    assert main(["encode", str(tmp_path / "in.wav"), str(opus)]) == 0
    flags = [int(70 <= i < 85 or i >= 140) for i in range(len(read_ogg(opus).packets))]
    trace.write_text("\n".join(map(str, flags)))
    return str(opus), "--trace", str(trace)


def frame_table(path):
    lines = path.read_text().splitlines()
    assert lines[0] == "frame,ms,source,why"
    return [line.split(",") for line in lines[1:]]


def test_each_frame_is_told_with_why_it_was_guessed(tmp_path, lost_second, capsys):
    opus, *loss = lost_second
    out, table = tmp_path / "out.wav", tmp_path / "frames.csv"
    asked = ["decode", opus, str(out), *loss, "--frames", str(table)]
    capsys.readouterr()
    assert main([*asked, "--jitter-ms", "60", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    rows = frame_table(table)
    assert [int(row[0]) for row in rows] == list(range(len(rows)))
    assert all((row[2] == "plc") == bool(row[3]) for row in rows)
    assert {row[2] for row in rows[:70]} == {"regular"}
    # Sixty ms bring the packet behind the burst for its last three frames.
    assert {row[3] for row in rows[70:82]} == {"nothing behind it yet"}
    assert {row[2] for row in rows[82:85]} == {"dred"}
    assert report["guessed"] == {"nothing behind it yet": report["frames"]["plc"]}
    assert rows[82][1] == str(82 * 20 - 6)  # ms of out.wav: libopus looks 6.5 ms ahead
    # With time enough, what is left is what the description does not reach, and the end.
    assert main([*asked, "--jitter-ms", "1000"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("guessed: ")
    rows = frame_table(table)
    assert {row[2] for row in rows[79:85]} == {"dred"}
    assert {row[3] for row in rows[70:79]} <= {"", "DRED too short"}
    assert rows[70][3] == "DRED too short"
    assert {row[3] for row in rows[140:]} == {"nothing behind it yet"}
    assert main([*asked, "--no-dred"]) == 0
    assert {row[3] for row in frame_table(table)} == {"", "DRED not used"}


def test_frames_before_the_first_packet(tmp_path, lost_second):
    opus, _, trace = lost_second
    (tmp_path / "t.txt").write_text("1\n1\n" + "0\n" * 400)
    table = tmp_path / "frames.csv"
    asked = ["decode", opus, str(tmp_path / "o.wav"), "--trace", trace, "--frames", str(table)]
    assert main(asked) == 0
    assert [row[3] for row in frame_table(table)[:3]] == ["before the first packet"] * 2 + [""]


def test_a_table_that_cannot_be_written_is_told_first(tmp_path, lost_second, capsys):
    opus, *_ = lost_second
    out = tmp_path / "out.wav"
    assert main(["decode", opus, str(out), "--frames", str(tmp_path / "no" / "f.csv")]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert not out.exists()
    assert main(["decode", opus, str(out), "--frames", opus]) == 2
    assert "would overwrite its input" in capsys.readouterr().err
