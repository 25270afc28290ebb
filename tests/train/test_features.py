# SPDX-License-Identifier: BSD-3-Clause
"""Data folders: recordings of any kind, and what is wrong with some of them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from signals import voice
from weights import random_image

pytest.importorskip("torch")

from dred.cli import main
from dred.io.wav import resample
from dred.models import embedded_files
from dred.train import features
from dred.train.data import SpeechData


@pytest.fixture
def speech(tmp_path):
    folder = tmp_path / "speech"
    folder.mkdir()
    for name, seed in (("a_0", 1), ("b_0", 2)):
        soundfile.write(folder / f"{name}.wav", voice(16000, 0.5, seed=seed), 16000)
    return folder


@pytest.fixture
def build(tmp_path, speech):
    (tmp_path / "random.bin").write_bytes(random_image())
    models = ["--models", str(tmp_path / "random.bin")]
    return lambda: main(["train", "features", str(speech), str(tmp_path / "data"), *models])


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def heard(folder):
    """Pcm, features and file names of a data folder."""
    data = SpeechData(folder)
    return np.asarray(data.pcm), np.asarray(data.features), [e["file"] for e in data.files]


def test_headers_are_looked_at_first(speech, build, monkeypatch, capsys):
    """Nothing is computed before all that they tell is told."""
    soundfile.write(speech / "c.wav", voice(8000, 0.5), 8000)
    soundfile.write(speech / "d.wav", voice(16000, 0.5), 2_000_000)
    (speech / "e.mp3").write_text("no sound")

    def analyse(*_):
        said = capsys.readouterr().err.splitlines()
        assert [line.split(": ")[2].split("/")[-1] for line in said] == ["c.wav", "d.wav", "e.mp3"]
        assert "is of 8000 Hz, so it holds nothing above 4 kHz; record at 16 kHz" in said[0]
        assert "says that it is of 2000000 Hz" in said[1]
        assert "cannot be read" in said[2]
        raise StopIteration

    monkeypatch.setattr(features, "analyse", analyse)
    with pytest.raises(StopIteration):
        build()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("cut.flac", "cannot be read"),
        ("silent.wav", "is silent"),
        ("wild.wav", "holds samples that are not numbers"),
        ("opposite.wav", "is silent when its channels are mixed"),
    ],
)
def test_what_only_the_samples_tell_loses_one_file(tmp_path, speech, build, capsys, name, says):
    assert build() == 0
    pcm, rows, files = heard(tmp_path / "data")
    path, sound = speech / name, voice(16000, 4, seed=3)
    if name == "cut.flac":
        soundfile.write(path, sound, 16000)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif name == "wild.wav":
        soundfile.write(path, np.append(sound, np.nan), 16000, subtype="FLOAT")
    else:
        both = {"silent.wav": 0 * sound, "opposite.wav": np.stack([sound, -sound], 1)}
        soundfile.write(path, both[name], 16000)
    capsys.readouterr()
    assert build() == 1
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert f"{name}: {says}" in err
    assert err.endswith("; it is left out\n")
    assert "2 files, 0.00 hours; 1 left out" in out
    left = heard(tmp_path / "data")
    assert sorted(left[2]) == sorted(files)
    assert len(left[0]) == len(pcm)
    assert len(left[1]) == len(rows)


def test_a_folder_of_nothing_but_bad_files_leaves_the_data_of_before(
    tmp_path, speech, build, capsys
):
    assert build() == 0
    before = content(tmp_path / "data")
    for path in speech.iterdir():
        soundfile.write(path, np.zeros(8000), 16000)
    assert build() == 1
    assert capsys.readouterr().err.endswith(f"{speech}: holds no recording of use\n")
    assert content(tmp_path / "data") == before


@pytest.fixture
def made(tmp_path):
    """A function: data folder of one file of these samples."""
    weights = tmp_path / "random.bin"
    weights.write_bytes(random_image())

    def make(name, pcm, rate, **options):
        folder = tmp_path / name
        folder.mkdir()
        soundfile.write(folder / name, pcm, rate, **options)
        command = ["train", "features", folder, tmp_path / f"{name}.data", "--models", weights]
        assert main([*map(str, command)]) == 0
        return heard(tmp_path / f"{name}.data")

    return make


ORIGINAL = voice(16000, 3)


@pytest.mark.parametrize(
    ("name", "rate", "subtype", "near"),
    [
        ("float.wav", 16000, "FLOAT", 0.001),
        ("deep.flac", 48000, "PCM_24", 0.1),
        ("cd.w64", 44100, "PCM_16", 0.1),
        ("coded.mp3", 48000, None, 0.1),
    ],
)
def test_recordings_of_any_kind_give_the_features_of_their_original(
    made, name, rate, subtype, near
):
    """In stereo, but for the first, with one side louder than the other. (Filters take what lies
    just below 8 kHz.)"""
    _, rows, _ = made("original.wav", ORIGINAL, 16000)
    sound = resample(ORIGINAL, 16000, rate)
    if rate != 16000:
        sound = sound[:, None] * np.array([1.5, 0.5])
    _, found, files = made(name, sound, rate, subtype=subtype)
    assert files == [name]
    assert found.shape == rows.shape
    assert np.abs(found - rows)[:, :18].mean() < near
    assert np.abs(rows[50:] - rows[:-50])[:, :18].mean() > 3 * near  # what near means


def test_long_recordings_go_in_as_several(made, tmp_path, monkeypatch):
    """Of even length: none is too short to hold a step."""
    whole = made("a.wav", ORIGINAL, 16000)
    as_written, _ = soundfile.read(tmp_path / "a.wav" / "a.wav", dtype="int16")
    assert (whole[0] == as_written).all()
    monkeypatch.setattr(features, "LONGEST", 20_000)
    pcm, rows, files = made("b.wav", ORIGINAL, 16000)
    assert files == ["b.wav"] * 3
    assert (pcm == whole[0]).all()
    assert np.abs(rows[110:200] - whole[1][110:200]).mean() < 0.1


def test_a_new_folder_takes_the_place_of_the_old_one(tmp_path, speech, build):
    assert build() == 0
    (tmp_path / "data" / "decoded.f32").write_bytes(b"made from the features of before")
    (speech / "b_0.wav").unlink()
    assert build() == 0
    data = SpeechData(tmp_path / "data")
    assert [entry["file"] for entry in data.files] == ["a_0.wav"]
    assert data.features.shape == (50, 20)
    assert np.isfinite(data.features).all()
    assert set(content(tmp_path / "data")) == {*features.ARRAYS, "files.json"}


def test_files_of_any_spelling_are_found(speech, build, tmp_path):
    (speech / "b_0.wav").rename(speech / "b_0.WAV")
    (speech / "folder.wav").mkdir()
    assert build() == 0
    files = {entry["file"] for entry in SpeechData(tmp_path / "data").files}
    assert files == {"a_0.wav", "b_0.WAV"}


@pytest.mark.parametrize("samples", [0, 1, 159, 319])
def test_a_file_without_a_step_is_named(speech, build, capsys, samples):
    soundfile.write(speech / "short.wav", np.zeros(samples), 16000)
    assert build() == 1
    assert "short.wav: is shorter than 20 ms; it is left out" in capsys.readouterr().err
    soundfile.write(speech / "short.wav", voice(16000, 0.02), 16000)
    assert build() == 0


def test_arrays_and_their_table_change_together(tmp_path, speech, build, monkeypatch):
    """Rows of new arrays under the table of old ones would be other files' rows."""
    assert build() == 0
    before = content(tmp_path / "data")
    (speech / "b_0.wav").unlink()
    monkeypatch.setattr(features.json, "dumps", lambda files: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build()
    assert content(tmp_path / "data") == before


def test_what_decoding_needs_is_looked_for_first(tmp_path, speech, capsys):
    (tmp_path / "pitch.bin").write_bytes(embedded_files()["pitch.bin"])
    command = ["train", "features", str(speech), str(tmp_path / "data"), "--decoded"]
    assert main([*command, "--models", str(tmp_path / "pitch.bin")]) == 1
    assert "pitch.bin: --decoded needs its decoder and encoder" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_held_out_speech_that_is_too_short_is_told_at_once(folder, tmp_path, speech, build, capsys):
    assert build() == 0
    command = ["train", "plc", str(folder), str(tmp_path / "data"), "--set", "frames=60"]
    capsys.readouterr()
    assert main([*command, "--checkpoints", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'data'}: no file is as long as 0.62 s, which excerpts need" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("name", ["pcm16.i16", "files.json"])
def test_a_full_disk_is_named(tmp_path, build, capsys, name):
    """Whether it is full at once or when files are closed."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{name}.part").symlink_to("/dev/full")
    assert build() == 1
    assert f"{tmp_path / 'data'}: cannot be written: No space left" in capsys.readouterr().err
    assert content(tmp_path / "data") == {}


def test_folders_that_cannot_be_used_are_told_in_a_line(tmp_path, speech, build, capsys):
    """Of speech, of data to write, of data to read, of checkpoints and of weights."""
    assert build() == 0
    file, empty, wrong, data = (tmp_path / name for name in ("file", "empty", "wrong", "data"))
    file.write_text("no folder")
    empty.mkdir()
    wrong.mkdir()
    (wrong / "files.json").write_text("no table")
    no_folder = "is no folder and cannot become one"
    plc = ("plc", data, data, "--set", "frames=20", "--set", "minutes=0")
    capsys.readouterr()
    for command, says in (
        (("features", tmp_path / "nope", data), "nope: no such folder"),
        (("features", file, data), "file: is no folder"),
        (("features", empty, data), "empty: holds no sound files (.wav, .flac, "),
        (("features", wrong, data), "wrong: holds no sound files"),
        (("features", speech, file), f"file: {no_folder}"),
        (("features", speech, file / "below"), f"below: {no_folder}"),
        (("plc", empty, data), "empty: is no data folder, for want of a files.json in it"),
        (("plc", file, data), "file: is no data folder"),
        (("plc", data, wrong), "wrong: is no data folder"),
        ((*plc, "--checkpoints", file), f"plc: {no_folder}"),
        ((*plc, "--out", file / "plc.bin"), f"file: {no_folder}"),
        (("all", data, data, file, "--checkpoints", empty), f"file: {no_folder}"),
    ):
        assert main(["train", *map(str, command)]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert says in said, command
