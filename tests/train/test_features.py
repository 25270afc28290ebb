# SPDX-License-Identifier: BSD-3-Clause
"""Data folders: what is wrong with one sound file leaves the folder of before as it was."""

import io

import numpy as np
import pytest
import soundfile
from signals import voice
from weights import random_image

pytest.importorskip("torch")

from dred.cli import main
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


@pytest.mark.parametrize(
    ("rate", "channels", "says"),
    [
        (48000, 1, "c.wav: is of 48000 Hz with 1 channel(s); resample it to 16 kHz mono"),
        (16000, 2, "c.wav: is of 16000 Hz with 2 channel(s); resample it to 16 kHz mono"),
    ],
)
def test_all_files_are_looked_at_first(
    tmp_path, speech, build, monkeypatch, capsys, rate, channels, says
):
    assert build() == 0
    before = content(tmp_path / "data")
    assert set(before) == {*features.ARRAYS, "files.json"}
    soundfile.write(speech / "c.wav", voice(rate, 0.5, channels), rate)
    monkeypatch.setattr(features, "analyse", None)  # nothing is computed
    capsys.readouterr()
    assert build() == 1
    assert capsys.readouterr().err.strip().endswith(says)
    assert content(tmp_path / "data") == before


def test_what_fails_on_the_way_leaves_the_folder_as_it_was(tmp_path, speech, build, capsys):
    """A FLAC file that was cut off tells only when it is read."""
    assert build() == 0
    before = content(tmp_path / "data")
    soundfile.write(speech / "c.flac", voice(16000, 4, seed=3), 16000)
    whole = (speech / "c.flac").read_bytes()
    (speech / "c.flac").write_bytes(whole[: len(whole) // 2])
    capsys.readouterr()
    assert build() == 1
    said = capsys.readouterr().err.strip()
    assert "c.flac: cannot be read" in said
    assert said.endswith("replace it or take it away")
    assert content(tmp_path / "data") == before


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
    assert (
        capsys.readouterr().err.strip().endswith("short.wav: is shorter than 20 ms; take it away")
    )
    soundfile.write(speech / "short.wav", np.zeros(320), 16000)
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


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["train", "features", str(tmp_path / "nope"), str(tmp_path / "data")]) == 1
    assert capsys.readouterr().err.strip().endswith("nope: no such folder")


def test_held_out_speech_that_is_too_short_is_told_at_once(folder, tmp_path, speech, build, capsys):
    assert build() == 0
    command = ["train", "plc", str(folder), str(tmp_path / "data"), "--set", "frames=60"]
    capsys.readouterr()
    assert main([*command, "--checkpoints", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'data'}: no file is as long as 0.62 s, which excerpts need" in said


def test_a_full_disk_is_named(tmp_path, speech, build, monkeypatch, capsys):
    def full(self, data):
        raise OSError(28, "No space left on device")

    full_file = type("FullFile", (io.FileIO,), {"write": full})
    monkeypatch.setattr(features, "open", full_file, raising=False)
    assert build() == 1
    assert f"{tmp_path / 'data'}: cannot be written: No space left" in capsys.readouterr().err
    assert content(tmp_path / "data") == {}
