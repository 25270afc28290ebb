# SPDX-License-Identifier: BSD-3-Clause
import json
import sys

import pytest
import soundfile
from signals import voice
from weights import random_image

from dred.cli import main


@pytest.fixture
def argv(tmp_path):
    (tmp_path / "random.bin").write_bytes(random_image())
    soundfile.write(tmp_path / "in.wav", voice(44100, 1, 2), 44100)
    (tmp_path / "trace.txt").write_text("0\n" * 10 + "1\n" * 3 + "0\n" * 10)
    return ["simulate", str(tmp_path / "in.wav"), "--models", str(tmp_path / "random.bin")]


def test_json(argv, tmp_path, capsys):
    options = ["--trace", str(tmp_path / "trace.txt"), "--schemes", "clean,dred", "--json"]
    assert main([*argv, *options, "--no-metrics"]) == 0
    rows = json.loads(capsys.readouterr().out)["schemes"]
    assert [row["scheme"] for row in rows] == ["clean", "dred"]
    assert [row["lost"] for row in rows] == [0, 6]
    assert rows[1]["frames"]["dred"] == 6
    assert rows[0]["packets"] == rows[1]["packets"] == 51


def test_table_and_files(argv, tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    options = ["--loss", "bernoulli:p=0.2", "--schemes", "plc, neural-plc,lbrr,dred+lbrr"]
    assert main([*argv, *options, "--out", str(out), "--seed", "4", "--no-metrics"]) == 0
    text = capsys.readouterr().out
    for scheme in ("plc", "neural-plc", "lbrr", "dred+lbrr"):
        assert scheme in text
        pcm, rate = soundfile.read(out / f"{scheme}.wav")
        assert (pcm.shape, rate) == ((44100, 2), 44100)


def test_copies_congestion_and_equal_regular_bitrate(argv, tmp_path, capsys):
    options = ["--loss", "queue:link=70k,cross=5k+jitter:mean=5ms,sd=2ms", "--json", "--no-metrics",
               "--schemes", "none,red:2,dred+red:1", "--equal", "regular"]  # fmt: skip
    assert main([*argv, *options]) == 0
    none, red, both = json.loads(capsys.readouterr().out)["schemes"]
    assert none["lost"] < red["lost"]
    for row in (none, red, both):
        parts = row["split"]
        assert sum(parts[name] for name in ("regular", "lbrr", "red", "dred")) == pytest.approx(
            row["kbps"]
        )
        assert row["delay"]["p95_ms"] > 0
    assert red["frames"]["red"] > 0
    assert red["split"]["red"] > red["split"]["regular"] > 0 == none["split"]["red"]


def test_metrics(argv, tmp_path, capsys):
    pytest.importorskip("pesq")
    pytest.importorskip("pystoi")
    options = ["--trace", str(tmp_path / "trace.txt"), "--schemes", "clean,neural-plc", "--json"]
    assert main([*argv, *options]) == 0
    clean, lossy = json.loads(capsys.readouterr().out)["schemes"]
    assert clean["stoi"] > lossy["stoi"]


def test_metrics_whose_package_is_missing(argv, monkeypatch, capsys):
    """An error where they were asked for, one remark where they were not."""
    monkeypatch.setitem(sys.modules, "pesq", None)
    monkeypatch.setitem(sys.modules, "pystoi", None)
    options = ["--loss", "bernoulli:p=0.2", "--schemes", "plc"]
    assert main([*argv, *options, "--metrics", "pesq"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "dred: error: PESQ needs the package pesq: pip install 'dred[eval]'\n"
    assert main([*argv, *options]) == 0
    out, err = capsys.readouterr()
    assert err.count("dred: warning: ") == err.count("\n") == 1
    assert "the package pesq" in err
    assert "the package pystoi" in err
    assert out.splitlines()[1].split()[-2:] == ["-", "-"]
    assert main([*argv, *options, "--no-metrics"]) == 0
    assert capsys.readouterr().err == ""


def test_a_clip_too_short_for_plcmos(argv, tmp_path, capfd):
    pytest.importorskip("speechmos")
    soundfile.write(tmp_path / "in.wav", voice(16000, 0.05), 16000)
    options = ["--loss", "bernoulli:p=0.2", "--schemes", "plc", "--metrics", "plcmos", "--json"]
    assert main([*argv, *options]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["schemes"][0]["plcmos"] is None
    assert err == ""
    assert main([*argv, *options[:-1]]) == 0
    assert capfd.readouterr().out.splitlines()[1].split()[-1] == "-"


def test_the_input_is_not_overwritten(argv, tmp_path, capsys):
    folder = tmp_path / "w"
    folder.mkdir()
    clip = folder / "plc.wav"
    soundfile.write(clip, voice(16000, 1), 16000)
    before = clip.read_bytes()
    argv[1] = str(clip)
    options = ["--loss", "bernoulli:p=0.2", "--schemes", "clean,plc", "--no-metrics"]
    assert main([*argv, *options, "--out", str(folder)]) == 2
    assert "plc.wav: would overwrite its input" in capsys.readouterr().err
    assert clip.read_bytes() == before
    assert list(folder.iterdir()) == [clip]


@pytest.mark.parametrize("missing", [[], ["--trace", "a", "--loss", "b"]])
def test_one_kind_of_loss_is_needed(argv, missing):
    with pytest.raises(SystemExit) as caught:
        main([*argv, *missing])
    assert caught.value.code == 2
