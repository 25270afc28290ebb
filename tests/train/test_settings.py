# SPDX-License-Identifier: BSD-3-Clause
"""Settings and files that no training can run with are told in one line, before it begins."""

import pytest

pytest.importorskip("torch")

from dred.cli import main
from dred.models import embedded_files
from dred.train import recipe
from dred.train.parallel import own_device
from dred.train.tasks import CONFIGS, Files, config_of


def refused(capsys, *command):
    assert main(["train", *map(str, command)]) in (1, 2)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("minutes=-1", "minutes: must be at least 0, not -1"),
        ("minutes=nan", "minutes: must be finite"),
        ("lr=inf", "lr: must be finite"),
        ("batch=0", "batch: must be at least 1"),
        ("warmup_steps=0", "warmup_steps: must be at least 1"),
        ("threads=0", "threads: must be at least 1"),
        ("sparsity=0", "sparsity: must be at least 0.001"),
        ("frames=0", "frames: must be at least 2"),
        ("seed=-1", "seed: must be at least 0"),
        ("precision=fp16", "precision: must be auto or bf16, not 'fp16'"),
        ("optimiser=sgd", "optimiser: must be muon or adamw, not 'sgd'"),
        ("device=gpu", "device: 'gpu' cannot be used here"),
        ("device=cuda:99", "device: 'cuda:99' cannot be used here"),
    ],
)
def test_settings_out_of_range(folder, tmp_path, capsys, setting, says):
    command = ("plc", folder, folder, "--checkpoints", tmp_path / "runs", "--set", setting)
    assert says in refused(capsys, *command)
    assert not (tmp_path / "runs").exists()


def test_all_defaults_are_in_range():
    for label in CONFIGS:
        config_of(label).check()


def test_a_word_that_is_no_truth_value():
    config = config_of("fargan_adversarial")
    config.override(["freeze_conditioning=Yes"])
    assert config.freeze_conditioning
    with pytest.raises(ValueError, match="'banana' is no bool"):
        config.override(["freeze_conditioning=banana"])


def test_runs_of_the_coder_fit_into_its_sequences(folder, capsys):
    command = ("rdovae", folder, folder, "--part", "scratch", "--set", "dframes=40")
    assert "dframes: must be at least 52, not 40" in refused(capsys, *command)


def test_an_output_that_cannot_be_written_is_told_first(folder, tmp_path, capsys):
    command = ("plc", folder, folder, "--checkpoints", tmp_path / "runs", "--out", tmp_path)
    assert "is a folder" in refused(capsys, *command)
    assert not (tmp_path / "runs").exists()


def test_float_weights_of_the_best_network_are_not_kept(folder, tmp_path, capsys):
    command = ("plc", folder, folder, "--float", "--set", "patience=2", "--out", tmp_path / "x.bin")
    assert "choose one" in refused(capsys, *command)


@pytest.mark.parametrize("option", ["--teacher", "--start"])
def test_the_file_that_lacks_a_network_is_named(folder, tmp_path, capsys, option):
    (tmp_path / "pitch.bin").write_bytes(embedded_files()["pitch.bin"])
    error = refused(
        capsys, "plc", folder, folder, "--set", "frames=20", option, tmp_path / "pitch.bin"
    )
    assert f"{tmp_path / 'pitch.bin'}: layer plc_dense_in: no weights" in error


def test_all_looks_at_everything_before_the_first_stage(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(recipe.tasks, "create", None)
    (tmp_path / "pitch.bin").write_bytes(embedded_files()["pitch.bin"])
    places = (tmp_path / "out", tmp_path / "runs", 1.0)
    with pytest.raises(ValueError, match="no setting 'frames'"):
        recipe.train_all(Files(folder, folder), *places, ["frames=20"], False)
    files = Files(folder, folder, tmp_path / "pitch.bin")
    with pytest.raises(ValueError, match=r"pitch\.bin: lacks decoder, encoder, fargan, plc"):
        recipe.train_all(files, *places, [], False)


def test_every_process_has_its_own_gpu(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert own_device("cuda") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert [own_device(d) for d in ("cuda", "cuda:0", "cpu")] == ["cuda:1", "cuda:0", "cpu"]
