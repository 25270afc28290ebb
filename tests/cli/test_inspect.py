# SPDX-License-Identifier: BSD-3-Clause
import json

import numpy as np
import pytest
import soundfile
from signals import opus_packets, voice
from weights import random_image

from dred.cli import main
from dred.io.ogg import OpusHead, OpusTags, read_ogg, write_ogg
from dred.packet import Extension, Packet


@pytest.fixture
def encoded(tmp_path):
    """A function: an .opus file of one second of voice and one of silence."""
    (tmp_path / "random.bin").write_bytes(random_image())
    pcm = np.concatenate([voice(16000, 1), np.zeros(16000 * 3, np.float32)])
    soundfile.write(tmp_path / "in.wav", pcm, 16000)

    def encode(*options):
        argv = ["encode", tmp_path / "in.wav", tmp_path / "a.opus"]
        assert main([*map(str, argv), "--models", str(tmp_path / "random.bin"), *options]) == 0
        return tmp_path / "a.opus"

    return encode


def inspect(capsys, path):
    capsys.readouterr()
    assert main(["inspect", str(path), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_says_what_packets_carry(encoded, capsys):
    path = encoded()
    found = inspect(capsys, path)
    packets = read_ogg(path).packets
    assert len(found["packets"]) == len(packets)
    for row, content in zip(found["packets"], packets, strict=True):
        packet = Packet.parse(content)
        assert row["bytes"] == len(content)
        assert ("dred" in row) == (packet.dred is not None)
        if packet.dred:
            assert row["dred"]["chunks"] == packet.dred.chunks
            assert row["dred"]["q0"] == packet.dred.q0
            assert row["dred"]["offset_ms"] == 2.5 * packet.dred.offset
            assert sum(row["dred"]["bits"].values()) == sum(packet.dred.bits)
    capsys.readouterr()
    assert main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) > len(packets)
    assert main(["inspect", str(path), "--summary"]) == 0
    assert len(capsys.readouterr().out.splitlines()) < 20


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--dred-ms", "0"], "no duration asked"),
        (["--loss-percent", "0"], "no loss announced"),
    ],
)
def test_says_why_there_is_no_dred(encoded, capsys, options, reason):
    rows = inspect(capsys, encoded(*options))["packets"]
    assert {row["no_dred"] for row in rows} == {reason}


def test_says_why_single_packets_carry_none(encoded, capsys):
    rows = inspect(capsys, encoded())["packets"]
    assert rows[0]["no_dred"] == "no history yet"
    assert rows[-1]["no_dred"] == "silence"


def test_foreign_packets(tmp_path, capsys):
    plain = opus_packets(48000, 4)
    other = Packet.parse(plain[1]).with_extensions([Extension(126, 0, b"D\x0bold version")])
    strange = Packet.parse(plain[2]).with_extensions([Extension(126, 0, b"X something")])
    packets = [plain[0], bytes(other), bytes(strange)]
    write_ogg(tmp_path / "a.opus", packets, OpusHead(), OpusTags(vendor="other"))
    rows = inspect(capsys, tmp_path / "a.opus")["packets"]
    assert rows[0]["no_dred"] in ("none sent", "no history yet")
    assert [row["no_dred"] for row in rows[1:]] == ["other version", "other experiment"]


def test_the_place_of_a_payload_is_not_guessed(encoded, capsys):
    """Of a packet without one, a file of ours does not tell whether speech or bits were missing."""
    found = inspect(capsys, encoded("--jitter-ms", "400"))
    reasons = found["summary"]["no_dred"]
    assert "between payloads, past silence, or too little bitrate" in reasons
    assert "too little bitrate" not in reasons


def test_padding_that_is_no_dred_is_told(tmp_path, capsys):
    plain = opus_packets(48000, 2)
    padded = Packet.parse(plain[0]).with_extensions([], pad_to=len(plain[0]) + 40)
    write_ogg(tmp_path / "a.opus", [bytes(padded), plain[1]], OpusHead(), OpusTags(vendor="other"))
    rows = inspect(capsys, tmp_path / "a.opus")["packets"]
    assert rows[0]["no_dred"] == "padding without DRED"
    assert rows[1]["no_dred"] != "padding without DRED"
