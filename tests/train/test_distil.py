# SPDX-License-Identifier: BSD-3-Clause
"""Agreement with a teacher: vocoder on any past, encoder in quantiser steps, batches used again."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dred.train import export  # noqa: E402
from dred.train.distil import DistilConfig, DistilTask, relative_error  # noqa: E402
from dred.train.fargan import next_period  # noqa: E402
from dred.train.fargan_net import Fargan  # noqa: E402
from dred.train.layers import set_fake_int8  # noqa: E402
from dred.train.loop import Run  # noqa: E402
from dred.train.losses import band_difference  # noqa: E402
from dred.train.plc import PlcConfig, PlcTask  # noqa: E402
from dred.train.plc_net import PlcNet  # noqa: E402
from dred.train.rdovae_encoder import EncoderTask  # noqa: E402
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder  # noqa: E402
from dred.train.rdovae_runs import RdovaeConfig  # noqa: E402
from dred.train.replay import Replay  # noqa: E402


@pytest.fixture
def teacher(tmp_path):
    torch.manual_seed(3)
    export.save(Fargan(), tmp_path / "teacher.bin")
    return tmp_path / "teacher.bin"


@pytest.fixture
def coder(tmp_path):
    torch.manual_seed(3)
    parts = []
    for network in (RdovaeEncoder(), RdovaeDecoder()):
        export.save(network, tmp_path / "part.bin")
        parts.append((tmp_path / "part.bin").read_bytes())
    (tmp_path / "coder.bin").write_bytes(b"".join(parts))
    return tmp_path / "coder.bin"


def small(**settings):
    settings = {"free": 0.0, **settings}
    return DistilConfig(batch=4, frames=10, long_share=0.0, warmup_steps=1, **settings)


def test_all_steps_at_once_are_the_steps_one_by_one():
    torch.manual_seed(0)
    vocoder = Fargan().eval()
    features, given = 0.3 * torch.randn(3, 12, 20), 0.1 * torch.randn(3, 320)
    periods = next_period(features)
    with torch.no_grad():
        free = vocoder(features, given, periods)
        forced = vocoder.forced(features, free.flatten(1), periods)
    torch.testing.assert_close(forced[:, 1:], free[:, 2:], atol=1e-6, rtol=0)
    assert free[:, 2:].abs().max() > 1e-3


def test_a_vocoder_agrees_with_itself_on_every_past(folder, teacher):
    rng = np.random.default_rng(0)
    for share in ({"natural": 1.0, "own": 0.0}, {"own": 1.0}, {"natural": 0.0, "own": 0.0}):
        task = DistilTask(small(reuse=1, **share), folder, folder, teacher)
        batch = task.sample(rng, 0.0)
        assert float(relative_error(task._next(task.teacher, batch), batch["wanted"])) < 2e-3
        loss, metrics = task.loss(batch)
        assert metrics["error"] > 0.05
        loss.backward()
        assert all(float(p.grad.abs().max()) > 0 for p in task.model.parameters())


def test_band_energies_tell_level_and_place():
    torch.manual_seed(0)
    signal = torch.randn(2, 3200)
    louder = band_difference(2.0 * signal, signal)
    assert louder.shape[1] == 18
    torch.testing.assert_close(louder, torch.full_like(louder, 0.60206), atol=1e-3, rtol=0)
    tone = 20.0 * torch.sin(2 * np.pi * 1000 / 16000 * torch.arange(3200.0))
    change = band_difference(signal + tone, signal).mean((0, 2))
    assert int(change.argmax()) == 5  # centred at 1 kHz
    assert change[5] > 2.0
    assert change[12:].abs().max() < 0.05


def test_the_error_falls(folder, teacher, tmp_path):
    task = DistilTask(small(reuse=50, natural=1.0, own=0.0), folder, folder, teacher)
    run = Run(task, tmp_path, resume=False)
    errors = [run._update(0.0)["error"] for _ in range(25)]
    assert np.mean(errors[-5:]) < 0.9 * np.mean(errors[:5])


@pytest.mark.parametrize("modelled", [0.0, 1.0])
def test_free_runs_come_nearer_to_natural_speech_or_the_teachers(
    modelled, folder, teacher, tmp_path
):
    config = small(free=1.0, reuse=50, natural=1.0, own=0.0, modelled=modelled)
    task = DistilTask(config, folder, folder, teacher)
    run = Run(task, tmp_path, resume=False)
    metrics = [run._update(0.0) for _ in range(25)]
    assert {"free_bands", "free_spec", "free_heard"} == {n for n in metrics[0] if "free" in n}
    for name in ("free_bands", "free_heard"):
        values = [m[name] for m in metrics]
        assert np.mean(values[-5:]) < 0.9 * np.mean(values[:5]), name


def test_an_encoder_agrees_with_itself(folder, coder):
    config = RdovaeConfig(batch=3, dframes=60, matching=0.5)
    task = EncoderTask(config, folder, folder, coder)
    rng = np.random.default_rng(0)
    batch = task.sample(rng, 0.1)
    loss, metrics = task.loss(batch)
    assert float(loss.detach()) > 1e-3
    assert set(metrics) == {"latent_steps", "state_steps"}
    export.load(task.model, coder)
    set_fake_int8(task.model, False)
    task.model.eval()
    assert sum(task.loss(batch)[1].values()) < 1e-5
    metrics = task.loss(task.sample(rng, 0.6))[1]
    assert metrics["hard"] > 0
    assert metrics["latent_steps"] + metrics["state_steps"] < 1e-5


def test_an_encoder_is_trained_through_both_decoders(folder, coder, tmp_path):
    torch.manual_seed(5)
    other = RdovaeDecoder().eval()
    export.save(other, tmp_path / "ours.bin")
    config = RdovaeConfig(batch=2, dframes=60)
    task = EncoderTask(config, folder, folder, coder, tmp_path / "ours.bin")
    latents, state = torch.randn(5, 3, 26), torch.randn(5, 50)
    mixed = task.decoders(latents, state)
    for run in range(5):
        network = task.decoders.decoders[run % 2]
        alone = network(latents[run : run + 1], state[run : run + 1])
        torch.testing.assert_close(mixed[run : run + 1], alone, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(mixed[1], task.teacher(latents, state)[1], atol=1e-2)


def test_a_predictor_agrees_with_itself(folder, tmp_path):
    torch.manual_seed(3)
    export.save(PlcNet(), tmp_path / "teacher.bin")
    task = PlcTask(PlcConfig(batch=2, frames=50), folder, folder, tmp_path / "teacher.bin")
    batch = task.sample(np.random.default_rng(0), 0.0)
    assert task.loss(batch)[1]["teacher"] > 0.1
    task.model = task.teacher
    assert task.loss(batch)[1]["teacher"] < 1e-6


def test_batches_are_used_again_and_forgotten():
    made = []

    def make(rng):
        made.append({"n": torch.tensor(len(made))})
        return made[-1]

    replay = Replay(make, reuse=4, size=10)
    rng = np.random.default_rng(0)
    drawn = [int(replay.draw(rng)["n"]) for _ in range(2000)]
    assert len(made) == pytest.approx(500, rel=0.15)
    assert max(drawn) == len(made) - 1
    assert min(drawn[-50:]) > len(made) - 40
