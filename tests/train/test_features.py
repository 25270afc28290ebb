# SPDX-License-Identifier: BSD-3-Clause
"""Data folders: what is wrong with one sound file leaves the folder of before as it was."""

import numpy as np
import pytest
import soundfile
from signals import voice
from weights import random_image

pytest.importorskip("torch")

from dred.cli import main
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
