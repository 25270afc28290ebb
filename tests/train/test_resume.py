# SPDX-License-Identifier: BSD-3-Clause
"""Runs that go on from a checkpoint, cannot, or were not asked to."""

import os
import signal

import pytest

pytest.importorskip("torch")

from dred.cli import main
from dred.errors import ModelError
from dred.io import files
from dred.train.loop import Run
from dred.train.plc import PlcConfig, PlcTask
from dred.train.recipe import STAGES, begun_minutes


def plc_run(folder, out, resume=False, **settings):
    config = PlcConfig(batch=2, frames=20, warmup_steps=1, **settings)
    return Run(PlcTask(config, folder, folder), out, resume)


def test_a_missing_checkpoint_is_told(folder, tmp_path, capsys):
    def start(name, resume):
        config = PlcConfig(batch=2, frames=20, warmup_steps=1, minutes=0.0)
        return Run(PlcTask(config, folder, folder), tmp_path / name, resume)

    start("runs", False).checkpoint()
    assert capsys.readouterr().out == ""
    start("nothere", True)
    said = f"plc: no checkpoint in {tmp_path / 'nothere'} to resume; begins from the start\n"
    assert capsys.readouterr().out == said
    start("runs", True)
    assert "no checkpoint" not in capsys.readouterr().out


def test_a_broken_checkpoint_is_named(folder, tmp_path):
    plc_run(folder, tmp_path).checkpoint()
    state = tmp_path / "state.pt"
    whole = state.read_bytes()
    for broken in (b"", b"junk", whole[:-100]):
        state.write_bytes(broken)
        with pytest.raises(ModelError, match=r"state\.pt: is no whole checkpoint"):
            plc_run(folder, tmp_path, True)


def test_a_checkpoint_of_other_settings_is_named(folder, tmp_path):
    plc_run(folder, tmp_path).checkpoint()
    with pytest.raises(ModelError, match=r"state\.pt: of a run with other settings"):
        plc_run(folder, tmp_path, True, optimiser="adamw")


def test_todays_settings_hold_in_a_resumed_run(folder, tmp_path):
    plc_run(folder, tmp_path).checkpoint()
    run = plc_run(folder, tmp_path, True, weight_decay=0.5, beta2=0.7, lr=0.1)
    groups = [group for optimiser in run.optimisers for group in optimiser.param_groups]
    assert {group["weight_decay"] for group in groups} == {0.5}
    assert groups[0]["betas"][1] == 0.7
    assert groups[0]["peak"] == 0.1


def test_a_new_run_keeps_that_of_before(folder, tmp_path, capsys):
    first = plc_run(folder, tmp_path)
    first._log({"loss": 1.0})
    first.checkpoint()
    state = (tmp_path / "state.pt").read_bytes()
    plc_run(folder, tmp_path, True)
    assert (tmp_path / "state.pt").exists()
    second = plc_run(folder, tmp_path)
    assert f"the run of before: {tmp_path / 'before'}" in capsys.readouterr().out
    second.checkpoint()
    assert (tmp_path / "before" / "state.pt").read_bytes() == state
    assert (tmp_path / "before" / "plc.bin").exists()
    assert (tmp_path / "before" / "curve.csv").exists()
    assert not (tmp_path / "curve.csv").exists()


def test_a_full_disk_leaves_the_checkpoint_of_before(folder, tmp_path, monkeypatch):
    run = plc_run(folder, tmp_path)
    run.checkpoint()
    before = (tmp_path / "state.pt").read_bytes()
    run.step = 1

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(ModelError, match=r"state\.pt: cannot be written: No space"):
        run.checkpoint()
    assert (tmp_path / "state.pt").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plc.bin", "state.pt"]


def test_a_run_that_patience_has_ended_stays_so(folder, tmp_path):
    run = plc_run(folder, tmp_path, patience=2)
    run.best, run.stale = 1.0, 2
    run.checkpoint()
    again = plc_run(folder, tmp_path, True, patience=2, minutes=5.0)
    again.task.evaluate = lambda model: {"loss": 2.0}
    again.train()
    assert again.step == 0


def test_the_best_network_goes_where_it_is_asked_for(folder, tmp_path):
    run = plc_run(folder, tmp_path, patience=2)
    run.best_file.write_bytes(b"best")
    assert run.save(tmp_path / "out" / "weights.v2") == 4
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["weights.v2"]


def test_an_interrupted_training_says_so(folder, tmp_path, monkeypatch):
    sample = PlcTask.sample

    def interrupt(self, rng, progress):
        os.kill(os.getpid(), signal.SIGINT)
        return sample(self, rng, progress)

    monkeypatch.setattr(PlcTask, "sample", interrupt)
    command = ["train", "plc", str(folder), str(folder), "--checkpoints", str(tmp_path)]
    assert main([*command, "--set", "batch=2", "--set", "frames=20"]) == 130
    assert (tmp_path / "plc" / "state.pt").exists()


def test_a_resumed_run_keeps_its_settings(folder, tmp_path, monkeypatch):
    """Or else the schedule of a run that is to go on would be another."""
    seen = []
    monkeypatch.setattr(Run, "train", lambda run: seen.append(run.config) or {})
    plc_run(folder, tmp_path / "plc", minutes=7.0, lr=0.5).checkpoint()
    command = ["train", "plc", str(folder), str(folder), "--checkpoints", str(tmp_path)]
    assert main([*command, "--resume", "--set", "lr=0.25"]) == 0
    assert (seen[0].minutes, seen[0].frames, seen[0].lr) == (7.0, 20, 0.25)
    assert main([*command, "--set", "frames=20"]) == 0  # a new one has the defaults
    assert (seen[1].minutes, seen[1].lr) == (PlcConfig.minutes, PlcConfig.lr)


def test_all_networks_go_on_with_the_time_they_were_given(folder, tmp_path):
    share = next(stage.share for stage in STAGES if stage.label == "plc")
    assert begun_minutes(tmp_path) is None
    plc_run(folder, tmp_path / "plc", minutes=50 * share).checkpoint()
    assert begun_minutes(tmp_path) == pytest.approx(50)
