# SPDX-License-Identifier: BSD-3-Clause
"""Whole trainings on tiny material: settings files, all networks, early stop, two processes."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dred.cli import main  # noqa: E402
from dred.models import load_models  # noqa: E402
from dred.train import export, recipe  # noqa: E402
from dred.train.fargan_net import Fargan  # noqa: E402
from dred.train.loop import Run  # noqa: E402
from dred.train.pitch_net import PitchNet  # noqa: E402
from dred.train.plc import PlcConfig, PlcTask  # noqa: E402
from dred.train.plc_net import PlcNet  # noqa: E402
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder  # noqa: E402

PLC = ["--set", "batch=2", "--set", "frames=20", "--set", "log_seconds=0"]


def plc_run(folder, out, resume=False, **settings):
    config = PlcConfig(batch=2, frames=20, warmup_steps=1, **settings)
    return Run(PlcTask(config, folder, folder), out, resume)


def test_settings_travel_through_a_file(folder, tmp_path, capsys):
    plc = ["train", "plc", str(folder), str(folder)]
    assert main([*plc, "--print-config", "--set", "frames=123", "--set", "lr=5e-4"]) == 0
    text = capsys.readouterr().out
    (tmp_path / "plc.toml").write_text(text)
    again = [*plc, "--print-config", "--config", str(tmp_path / "plc.toml")]
    assert main(again) == 0
    assert capsys.readouterr().out == text
    assert "frames = 123\n" in text
    assert "lr = 0.0005\n" in text


@pytest.mark.parametrize(
    ("content", "says"),
    [("frames = 'ten'", "is no int"), ("farmes = 3", "no setting 'farmes'"), ("= 3", "no TOML")],
)
def test_bad_settings_files_are_wrong_usage(folder, tmp_path, capsys, content, says):
    (tmp_path / "bad.toml").write_text(content)
    command = ["train", "plc", str(folder), str(folder), "--config", str(tmp_path / "bad.toml")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "bad.toml" in error
    assert says in error


@pytest.fixture
def teacher(tmp_path):
    torch.manual_seed(0)
    parts = []
    for network in (PitchNet(), RdovaeEncoder(), RdovaeDecoder(), PlcNet(), Fargan()):
        export.save(network, tmp_path / "part.bin")
        parts.append((tmp_path / "part.bin").read_bytes())
    (tmp_path / "teacher.bin").write_bytes(b"".join(parts))
    return tmp_path / "teacher.bin"


@pytest.fixture
def with_pitch(folder):
    """The data folder, with the inputs of the pitch network as well."""
    rng = np.random.default_rng(1)
    rng.integers(-127, 128, (400, 88 + 224)).astype("i1").tofile(folder / "pitch.i8")
    return folder


def test_all_networks_in_one_command(with_pitch, teacher, tmp_path, monkeypatch):
    def small(label):
        config = config_of(label)
        config.batch, config.log_seconds, config.warmup_steps = 2, 0.0, 1
        for name, value in (("frames", 10), ("dframes", 60), ("critic_channels", 4)):
            if hasattr(config, name):
                setattr(config, name, value)
        return config

    config_of = recipe.tasks.config_of
    monkeypatch.setattr(recipe.tasks, "config_of", small)
    for task in (
        recipe.tasks.FarganTask,
        recipe.tasks.DistilTask,
        recipe.tasks.EncoderTask,
        recipe.tasks.DecoderTask,
    ):
        monkeypatch.setattr(task, "evaluate", lambda self, model: {"spec": 0.0})
    command = ["train", "all", str(with_pitch), str(with_pitch), str(tmp_path / "out")]
    command += ["--teacher", str(teacher)]
    command += ["--checkpoints", str(tmp_path / "runs"), "--minutes", "0.02"]
    assert main(command) == 0
    files = sorted((tmp_path / "out").glob("*.bin"))
    assert [f.stem for f in files] == ["fargan", "pitch", "plc", "rdovae_decoder", "rdovae_encoder"]
    (tmp_path / "set.bin").write_bytes(b"".join(f.read_bytes() for f in files))
    assert len(load_models(tmp_path / "set.bin").networks) == 5
    assert (tmp_path / "runs" / "fargan_distil" / "curve.csv").exists()


def test_patience_ends_a_run_and_keeps_the_best(folder, tmp_path):
    run = plc_run(folder, tmp_path, minutes=5.0, patience=2, checkpoint_seconds=0.0)
    losses = iter([3.0, 2.0, 2.5, 2.6])
    run.task.evaluate = lambda model: {"loss": next(losses, 9.0)}
    run.train()
    assert run.spent < 60.0
    assert run.best == 2.0
    run.save(tmp_path / "out.bin")
    assert (tmp_path / "out.bin").read_bytes() == (tmp_path / "best.bin").read_bytes()
    assert (tmp_path / "out.bin").read_bytes() != (tmp_path / "plc.bin").read_bytes()
    assert plc_run(folder, tmp_path, resume=True, patience=2).best == 2.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_with_a_checkpoint(folder, tmp_path, number):
    run = plc_run(folder, tmp_path, minutes=5.0)
    run.task.evaluate = lambda model: {"loss": 1.0}
    sample = run.task.sample

    def interrupt(rng, progress):
        if run.step == 3:
            os.kill(os.getpid(), number)
        return sample(rng, progress)

    run.task.sample = interrupt
    before = signal.getsignal(number)
    run.train()
    assert run.interrupted
    assert signal.getsignal(number) is before
    assert plc_run(folder, tmp_path, resume=True).step == run.step < 10


def test_more_minutes_for_a_run_that_has_ended_are_called_what_they_are(folder, tmp_path, capsys):
    run = plc_run(folder, tmp_path, minutes=1.0)
    run.spent = 60.0
    run.checkpoint()
    capsys.readouterr()
    plc_run(folder, tmp_path, resume=True, minutes=1.0)
    assert capsys.readouterr().out == ""
    plc_run(folder, tmp_path, resume=True, minutes=1.1)
    said = capsys.readouterr().out
    assert said.startswith("plc: resumed at 2.0% of the peak learning rate")
    assert "--start" in said


def test_bf16_trains(folder, tmp_path):
    run = plc_run(folder, tmp_path, precision="bf16")
    losses = [run._update(0.1)["loss"] for _ in range(6)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_two_processes_train_one_network(folder, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "dred.cli", "train", "plc", str(folder), str(folder), *PLC]
    command += ["--set", "minutes=0.005", "--checkpoints", str(tmp_path)]
    command += ["--out", str(tmp_path / "plc.bin")]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    # only the first of them reports
    assert done.stdout.count("valid_loss") == 1
    assert load_models(tmp_path / "plc.bin").networks == ("plc",)
