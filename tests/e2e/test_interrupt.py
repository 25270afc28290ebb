# SPDX-License-Identifier: BSD-3-Clause
"""Calls that are broken off: what there is gets written, and what was there before stays."""

import signal
import socket
import subprocess
import sys
import time

import pytest
import soundfile
from signals import voice

pytest.importorskip("dred._core")

from dred.cli import main
from dred.rtp.capture import open_capture

DRED = [sys.executable, "-m", "dred.cli"]


def free_place():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def hear_interrupts():
    """Tests that run in the background may have been told to ignore them, and hand that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments):
    return subprocess.Popen(
        [*DRED, *map(str, arguments)], stderr=subprocess.PIPE, preexec_fn=hear_interrupts
    )


def wait_for(process, text):
    """Until it says so on stderr."""
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"it ended without {text!r}")


@pytest.fixture
def call(tmp_path):
    """Both ends of a call of half a minute, and what they write."""
    soundfile.write(tmp_path / "in.wav", voice(16000, 30), 16000)
    place = free_place()
    heard, sent = tmp_path / "heard.wav", tmp_path / "sent.pcap"
    receiver = start("receive", "--listen", place, heard, "--idle", 3, "--stats", "--plc",
                     "classic")  # fmt: skip
    wait_for(receiver, b"listening")
    sender = start("send", tmp_path / "in.wav", "--to", place, "--pcap", sent, "--dred-ms", 0,
                   "--stats")  # fmt: skip
    yield sender, receiver, sent, heard
    for process in (sender, receiver):
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_sender_says_good_bye_and_writes_what_it_sent(call, number):
    sender, receiver, sent, heard = call
    wait_for(sender, b"    2 s ")
    sender.send_signal(number)
    assert sender.wait(10) == 0
    assert receiver.wait(10) == 0
    packets = len(open_capture(sent).streams[0].packets)
    assert 100 <= packets < 1000
    assert soundfile.info(heard).duration == pytest.approx(0.02 * packets, abs=0.3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_receiver_writes_what_it_heard(call, number):
    _, receiver, _, heard = call
    wait_for(receiver, b"    2 s ")
    receiver.send_signal(number)
    assert receiver.wait(10) == 0
    assert 1.5 < soundfile.info(heard).duration < 20


def test_nobody_calls(tmp_path, capsys):
    old = tmp_path / "old.wav"
    old.write_bytes(b"a recording")
    argv = ["receive", "--listen", free_place(), str(old), "--seconds", "0.1"]
    assert main(argv) == 1
    assert "no packet came, so nothing is written" in capsys.readouterr().err
    assert old.read_bytes() == b"a recording"


def test_packets_of_another_type_end_a_wait(tmp_path, capsys):
    place = free_place()
    soundfile.write(tmp_path / "in.wav", voice(16000, 1), 16000)
    receiver = start("receive", "--listen", place, tmp_path / "out.wav", "--payload-type", 96,
                     "--idle", 1)  # fmt: skip
    wait_for(receiver, b"listening")
    assert main(["send", str(tmp_path / "in.wav"), "--to", place, "--dred-ms", "0"]) == 0
    wait_for(receiver, b"no packet of type 96 came, but")
    assert receiver.wait(10) == 1
    assert not (tmp_path / "out.wav").exists()
    receiver.stderr.close()


@pytest.mark.parametrize("option", ["--sdp", "--pcap"])
def test_outputs_are_looked_at_before_the_call(tmp_path, option, capsys):
    soundfile.write(tmp_path / "in.wav", voice(16000, 1), 16000)
    wrong = str(tmp_path / "none" / "x")
    place = free_place()
    assert main(["send", str(tmp_path / "in.wav"), "--to", place, option, wrong]) == 1
    assert "no folder" in capsys.readouterr().err
    assert main(["receive", "--listen", place, wrong, "--seconds", "60"]) == 1
    assert "no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        ["receive", "--listen", "192.0.2.1:5004", "out.wav"],
        ["send", "in.wav", "--to", "no.invalid:9"],
    ],
)
def test_addresses_that_cannot_be_are_named(tmp_path, argv, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", voice(16000, 1), 16000)
    assert main(argv) == 1
    err = capsys.readouterr().err
    assert "192.0.2.1:5004: " in err or "no.invalid:9: " in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_file_that_was_broken_off(tmp_path, number):
    soundfile.write(tmp_path / "in.wav", voice(16000, 60), 16000)
    assert main(["encode", str(tmp_path / "in.wav"), str(tmp_path / "in.opus"), "--dred-ms=0"]) == 0
    (tmp_path / "out.wav").write_text("what was there before")
    process = start("decode", tmp_path / "in.opus", tmp_path / "out.wav")
    while process.poll() is None and not list(tmp_path.glob(".out.wav.*.part")):
        time.sleep(0.01)
    process.send_signal(number)
    process.wait()
    process.stderr.close()
    assert process.returncode == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.opus", "in.wav", "out.wav"]
    assert (tmp_path / "out.wav").read_text() == "what was there before"
