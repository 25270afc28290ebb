# SPDX-License-Identifier: BSD-3-Clause
"""GStreamer and ffmpeg as the other end of a call, through the scripts in tools/examples."""

import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import delay

pytest.importorskip("dred._core")

from dred.cli import main
from dred.net import LiveReceiver
from dred.receiver import Receiver

HOST = "127.0.0.1"
RATE = 16000
SECONDS = 2.0
FRAME_S = 0.02
PACKETS = 101  # one more than the clip fills, for the delay of the encoder
SOCKETS = Path("/proc/net/udp")
ELEMENTS = ("udpsrc", "rtpjitterbuffer", "rtpopuspay", "opusenc", "wavenc")


@pytest.fixture(scope="module")
def gstreamer():
    if shutil.which("gst-launch-1.0") is None:
        pytest.skip("no gst-launch-1.0 (Debian: gstreamer1.0-tools)")
    for element in ELEMENTS:
        if subprocess.run(["gst-inspect-1.0", element], capture_output=True).returncode:
            pytest.skip(f"GStreamer lacks {element} (Debian: gstreamer1.0-plugins-base, -good)")


@pytest.fixture(scope="module")
def clip(samples, tmp_path_factory):
    """Two seconds of speech: path and samples."""
    pcm, rate = soundfile.read(samples / "slt_16k.wav", dtype="float32")
    assert rate == RATE
    pcm = pcm[: round(SECONDS * RATE)]
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    soundfile.write(path, pcm, RATE)
    return path, pcm


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind((HOST, 0))
        return found.getsockname()[1]


def wait_for_listener(port: int, program: subprocess.Popen) -> None:
    """Until some socket has this port, or the program that should open it is gone."""
    if not SOCKETS.exists():
        pytest.skip(f"no {SOCKETS} to see when a program listens")
    end = time.monotonic() + 30
    while f":{port:04X} " not in SOCKETS.read_text():
        assert program.poll() is None, program.communicate()[1].decode()
        assert time.monotonic() < end, f"nobody listens on port {port}"
        time.sleep(0.05)


def check_heard(path: Path, pcm: np.ndarray) -> None:
    """The whole clip, as loud as it was, and in time with itself."""
    heard, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert len(heard) / rate == pytest.approx(SECONDS, abs=3 * FRAME_S)
    mono = heard.mean(axis=1)[:: rate // RATE]
    lag = delay(pcm, mono)
    assert abs(lag) < 3 * FRAME_S * RATE
    size = min(len(pcm), len(mono) - max(lag, 0)) - RATE // 10
    first, second = pcm[max(-lag, 0) :][:size], mono[max(lag, 0) :][:size]
    assert np.corrcoef(first[: len(second)], second)[0, 1] > 0.8


def play(command: list[str], port: int, clip: Path, *options: str) -> None:
    """Send the clip to a program, which ends by itself and says nothing."""
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_for_listener(port, program)
        assert main(["send", str(clip), "--to", f"{HOST}:{port}", *options]) == 0
        complaints = program.communicate(timeout=60)[1].decode()
    finally:
        program.kill()
        program.wait()
    assert (program.returncode, complaints) == (0, "")


def test_gstreamer_plays_what_we_send(gstreamer, root, clip, tmp_path):
    path, pcm = clip
    port, heard = free_port(), tmp_path / "heard.wav"
    script = root / "tools" / "examples" / "gst_play.sh"
    play([str(script), str(port), str(heard), str(PACKETS)], port, path, "--no-rtcp")
    check_heard(heard, pcm)


def test_ffmpeg_plays_what_we_send(root, clip, tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg")
    path, pcm = clip
    port, heard, sdp = free_port(), tmp_path / "heard.wav", tmp_path / "call.sdp"
    to = ["--to", f"{HOST}:{port}", "--sdp", str(sdp)]
    # ffmpeg wants the description before the call: write one with a call that nobody hears.
    assert main(["send", str(path), *to, "--rate", "fast"]) == 0
    script = root / "tools" / "examples" / "ffmpeg_play.sh"
    play([str(script), str(sdp), str(heard)], port, path, "--sdp", str(sdp))
    check_heard(heard, pcm)


def test_we_play_what_gstreamer_sends(gstreamer, root, clip, tmp_path):
    path, pcm = clip
    live = LiveReceiver((HOST, 0), Receiver(48000, jitter_ms=100), idle_s=1.5)
    heard = []
    listener = threading.Thread(target=lambda: heard.append(live.run()))
    listener.start()
    script = root / "tools" / "examples" / "gst_send.sh"
    command = [str(script), str(path), HOST, str(live.address[1]), "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    listener.join(30)
    assert (done.returncode, done.stderr) == (0, "")
    assert live.rtp.reception.lost == 0
    soundfile.write(tmp_path / "heard.wav", heard[0], 48000)
    check_heard(tmp_path / "heard.wav", pcm)


@pytest.mark.parametrize("name", ["gst_play.sh", "gst_send.sh", "ffmpeg_play.sh"])
def test_scripts_say_how_they_are_used(root, name):
    done = subprocess.run([root / "tools" / "examples" / name], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Usage: tools/examples/{name} ")
