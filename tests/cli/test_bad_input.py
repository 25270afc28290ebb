# SPDX-License-Identifier: BSD-3-Clause
"""Everything that can be wrong with an input: one clear line on stderr, exit code 1 or 2."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from signals import voice
from weights import random_image

from dred.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Good and bad files."""
    path = tmp_path_factory.mktemp("files")
    (path / "models.bin").write_bytes(random_image())
    (path / "cut.bin").write_bytes(random_image()[:1_000_000])
    (path / "text.bin").write_text("these are no weights\n" * 40)
    (path / "empty.bin").write_bytes(b"")
    soundfile.write(path / "good.wav", voice(16000, 0.5), 16000)
    soundfile.write(path / "one_hertz.wav", voice(16000, 0.5), 1)
    soundfile.write(path / "no_samples.wav", np.zeros(0), 16000)
    (path / "text.wav").write_text("this is not sound\n" * 20)
    (path / "empty.wav").write_bytes(b"")
    (path / "good.txt").write_text("0\n1\n0\n")
    (path / "letters.txt").write_text("0\n1\nabc\n")
    (path / "empty.txt").write_text("")
    models = ["--models", str(path / "models.bin")]
    assert main(["encode", str(path / "good.wav"), str(path / "good.opus"), *models]) == 0
    content = (path / "good.opus").read_bytes()
    (path / "head.opus").write_bytes(content[:60])
    (path / "cut.opus").write_bytes(content[: len(content) // 2])
    (path / "text.opus").write_text("neither is this\n" * 20)
    (path / "empty.opus").write_bytes(b"")
    (path / "file").write_text("a file, not a folder")
    return path


ENCODE = "encode {} out.opus --models models.bin"
DECODE = "decode {} out.wav --models models.bin"
SIMULATE = "simulate good.wav --models models.bin {}"

CASES = [
    # What, exit code, what the line must say.
    (ENCODE.format("nowhere.wav"), 1, "nowhere.wav"),
    (ENCODE.format("text.wav"), 1, "text.wav"),
    (ENCODE.format("empty.wav"), 1, "empty.wav"),
    (ENCODE.format("no_samples.wav"), 1, "no_samples.wav"),
    (ENCODE.format("."), 1, "."),
    (ENCODE.format("one_hertz.wav"), 1, "one_hertz.wav: says that its sampling rate is 1 Hz"),
    (ENCODE.format("good.wav").replace("out.opus", "good.wav"), 2, "would overwrite its input"),
    (ENCODE.format("good.wav") + " --bitrate 0", 2, "bitrate"),
    (ENCODE.format("good.wav") + " --bitrate many", 2, "bitrate"),
    (ENCODE.format("good.wav") + " --dred-ms 5000", 2, "dred-ms"),
    (ENCODE.format("good.wav") + " --frame-ms 30", 2, "frame-ms"),
    (ENCODE.format("good.wav") + " --loss-percent 200", 2, "loss-percent"),
    ("encode good.wav file/out.opus --models models.bin", 1, "out.opus"),
    ("encode good.wav nowhere/out.opus --models models.bin", 1, "out.opus"),
    ("encode good.wav out.opus --models nowhere.bin", 1, "nowhere.bin"),
    ("encode good.wav out.opus --models cut.bin", 1, "cut.bin"),
    ("encode good.wav out.opus --models text.bin", 1, "text.bin"),
    ("encode good.wav out.opus --models empty.bin", 1, "empty.bin"),
    ("encode good.wav", 2, "OUT.opus"),
    (DECODE.format("nowhere.opus"), 1, "nowhere.opus"),
    (DECODE.format("text.opus"), 1, "text.opus"),
    (DECODE.format("empty.opus"), 1, "empty.opus"),
    (DECODE.format("head.opus"), 1, "head.opus"),
    (DECODE.format("good.wav"), 1, "good.wav"),
    (DECODE.format("good.opus") + " --trace nowhere.txt", 1, "nowhere.txt"),
    (DECODE.format("good.opus") + " --trace letters.txt", 1, "letters.txt"),
    (DECODE.format("good.opus") + " --trace empty.txt", 1, "empty"),
    (DECODE.format("good.opus") + " --rate 3", 2, "rate"),
    ("inspect nowhere.opus", 1, "nowhere.opus"),
    ("inspect text.opus", 1, "text.opus"),
    (SIMULATE.format("--trace letters.txt"), 1, "letters.txt"),
    (SIMULATE.format("--trace good.txt --bitrate 0"), 2, "bitrate"),
    (SIMULATE.format("--trace good.txt --out file"), 1, "file"),
    (SIMULATE.format(f"--loss burst:every={400 * '9'}s,length=1s"), 2, "of a day at most"),
    (SIMULATE.format(f"--loss burst:every={300 * '9'}s,length=1s"), 2, "of a day at most"),
    ("advise --loss good.txt --budget 32000 --evidence nowhere", 1, "nowhere: no such file; name"),
    ("trace stats good.txt --plot nowhere/p.png", 1, "nowhere/p.png: cannot be written: no folder"),
    ("trace stats good.txt --plot p.nothing", 1, "supported formats"),
    ("models describe --models cut.bin", 1, "cut.bin"),
    ("simulate good.wav --trace good.txt --schemes red", 2, "unknown scheme 'red'"),
    ("receive --listen 127.0.0.1:0 out.wav --sdp letters.txt", 1, "letters.txt: SDP: "),
    ("receive --listen 127.0.0.1:0 out.wav --sdp none.sdp", 1, "none.sdp: no such file"),
    ("inspect text.opus", 1, "nor a capture"),
    ("inspect good.opus --ssrc 7", 2, "good.opus is none"),
    ("decode good.opus out.wav --ssrc 7", 2, "good.opus is none"),
    ("trace stats good.txt --ssrc 7", 2, "good.txt is none"),
    ("fly", 2, "fly"),
    ("", 2, "COMMAND"),
]


@pytest.mark.parametrize(("line", "code", "says"), CASES, ids=[case[0] for case in CASES])
def test_one_clear_line(folder, monkeypatch, capsys, line, code, says):
    monkeypatch.chdir(folder)
    try:
        got = main(line.split())
    except SystemExit as left:
        got = left.code
    captured = capsys.readouterr()
    assert got == code, captured.err
    assert captured.out == ""
    last = captured.err.strip().splitlines()
    assert says in last[-1]
    assert "Traceback" not in captured.err
    # Wrong usage shows the usage as well, as argparse does.
    assert len(last) == 1 or (code == 2 and last[0].startswith("usage:"))


TAKING = {  # what takes each kind of value
    "loss": (
        "simulate good.wav --no-metrics --loss {}",
        "decode good.opus out.wav --loss {}",
        "relay --listen 127.0.0.1:0 --to 127.0.0.1:9 --seconds 0 --loss {}",
        "advise --budget 32000 --loss {}",
        "trace make {}",
    ),
    "schemes": (
        "simulate good.wav --trace good.txt --schemes {}",
        "sweep good.wav --traces good.txt --out sweep --schemes {}",
        "advise --loss good.txt --budget 32000 --measure --speech good.wav --schemes {}",
    ),
    "metric": (
        "simulate good.wav --trace good.txt --metrics {}",
        "sweep good.wav --traces good.txt --out sweep --metrics {}",
        "advise --loss good.txt --budget 32000 --metric {}",
    ),
    "address": ("send good.wav --to {}", "receive out.wav --listen {}"),
    "ssrc": ("decode good.opus out.wav --ssrc {}", "inspect x --ssrc {}", "trace fit x --ssrc {}"),
    "cpu": ("bench stages --cpu {}",),
}
VALUES = [
    # Kind, value, exit code, what the line must say.
    ("loss", "nonsense:p=1", 2, "unknown loss model 'nonsense:p=1'; use bernoulli:p=0.2"),
    ("loss", "trace:", 2, "unknown loss model"),
    ("loss", "gilbert:p=2", 2, "p must be from 0 to 1, not '2'"),
    ("loss", "gilbert:p=0,r=0", 2, "p and r are both 0"),
    ("loss", "markov:p=0.1", 2, "1 probabilities"),
    ("loss", "burst:every=1s,length=3s", 2, "write burst:every=3s,length=1s"),
    ("loss", "jitter:mean=9ms,sd=1ms+queue:link=1k,cross=5k", 2, "less than the link carries"),
    ("loss", "trace:nowhere.txt", 1, "nowhere.txt: no such file"),
    ("loss", "trace:letters.txt", 1, "letters.txt: line 3"),
    ("schemes", "magic", 2, "unknown scheme 'magic'"),
    ("schemes", ",", 2, "names no scheme"),
    ("metric", "magic", 2, "unknown metric 'magic'"),
    ("address", "here", 2, "'here' is no address"),
    ("ssrc", "me", 2, "'me' is no number"),
    ("cpu", "abacus", 2, "no kernels named 'abacus'"),
]


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (line.format(value), code, says)
        for kind, value, code, says in VALUES
        for line in TAKING[kind]
    ],
)
def test_a_value_that_means_nothing_is_wrong_usage(folder, monkeypatch, capsys, line, code, says):
    """In all commands that take it; a file that cannot be read is a failure all the same."""
    test_one_clear_line(folder, monkeypatch, capsys, line, code, says)


def test_memory_that_does_not_suffice(folder, monkeypatch, capsys):
    def read(*_):
        raise MemoryError("Unable to allocate 3 TiB")

    monkeypatch.setattr("dred.io.wav.read_bytes", read)
    assert main(["encode", str(folder / "good.wav"), str(folder / "a.opus")]) == 1
    assert capsys.readouterr().err == (
        "dred: error: not enough memory (Unable to allocate 3 TiB); give shorter files, or fewer "
        "at a time\n"
    )


def test_a_cut_file_gives_what_is_left_and_a_warning(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    got = main(DECODE.format("cut.opus").split())
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert got == 1
    assert (folder / "out.wav").stat().st_size > 1000
    assert lines
    assert all(line.startswith("dred: ") and line.count("cut.opus") == 1 for line in lines)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(folder, tmp_path, capsys):
    tmp_path.chmod(0o500)
    argv = ["encode", folder / "good.wav", tmp_path / "a.opus", "--models", folder / "models.bin"]
    assert main([str(item) for item in argv]) == 1
    assert "a.opus" in capsys.readouterr().err


def test_as_a_process(folder):
    done = subprocess.run(
        [sys.executable, "-m", "dred.cli", "decode", "nowhere.opus", "out.wav"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
