# SPDX-License-Identifier: BSD-3-Clause
"""Vocoder against discriminators: gradients reach both sides, and runs resume."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dred.train import export, losses  # noqa: E402
from dred.train.adversarial import AdversarialConfig, AdversarialTask  # noqa: E402
from dred.train.concealed import LEAD, PredictedFeatures  # noqa: E402
from dred.train.data import SpeechData  # noqa: E402
from dred.train.discriminators import Discriminators, log_spectrogram  # noqa: E402
from dred.train.loop import Run  # noqa: E402
from dred.train.plc_net import PlcNet  # noqa: E402


@pytest.fixture
def predictor(tmp_path):
    torch.manual_seed(0)
    export.save(PlcNet(), tmp_path / "plc.bin")
    return tmp_path / "plc.bin"


def small(**settings):
    return AdversarialConfig(
        batch=4, frames=10, long_share=0.0, warmup_steps=1, critic_channels=4, critics=1, **settings
    )


def moved(before, module):
    return [not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True)]


def snapshot(module):
    return [p.detach().clone() for p in module.parameters()]


def test_spectrogram_is_in_range_and_follows_the_level():
    signal = 0.1 * torch.randn(2, 3200)
    loud, quiet = log_spectrogram(signal, 512), log_spectrogram(0.1 * signal, 512)
    assert loud.shape == (2, 3200 // 128 + 1, int(7400 / 16000 * 512))
    torch.testing.assert_close((loud - quiet).mean(), torch.tensor(0.5), atol=1e-3, rtol=0)


def test_discriminators_learn_to_tell_noise_from_tones():
    torch.manual_seed(0)
    critic = Discriminators(4)
    optimiser = torch.optim.AdamW(critic.parameters(), 1e-2)
    time = torch.arange(2400) / 16000.0
    history = []
    for _ in range(15):
        tones = 0.3 * torch.sin(2000.0 * (1.0 + torch.rand(2, 1)) * time)
        noise = 0.2 * torch.randn(2, 2400)
        loss = losses.judge_loss(critic(tones, [1]), critic(noise, [1]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(float(loss.detach()))
    assert np.mean(history[-5:]) < 0.6 * np.mean(history[:5])


def test_feature_matching_is_zero_for_equals_only():
    critic = Discriminators(4)
    signal = 0.1 * torch.randn(1, 2400)
    real = critic(signal, [2])
    assert float(losses.feature_matching_loss(real, critic(signal, [2])).detach()) == 0.0
    assert float(losses.feature_matching_loss(real, critic(0.5 * signal, [2])).detach()) > 0.01


def test_both_sides_get_gradients(folder, predictor):
    task = AdversarialTask(small(predicted_share=0.5), folder, folder, predictor)
    rng = np.random.default_rng(0)
    batch = task.sample(rng, 0.0)
    loss, _ = task.loss(batch)
    loss.backward()
    assert all(p.grad is None for p in task.critic.parameters())
    assert all(float(p.grad.abs().max()) > 0 for p in task.model.parameters())
    task.model.zero_grad()
    task.critic_loss(batch).backward()
    assert all(p.grad is None for p in task.model.parameters())
    assert any(p.grad is not None for p in task.critic.parameters())


def test_discriminators_learn_alone_first(folder, tmp_path):
    task = AdversarialTask(small(critic_alone=0.5), folder, folder)
    run = Run(task, tmp_path, resume=False)
    vocoder, critic = snapshot(task.model), snapshot(task.critic)
    run._update(0.1)
    assert not any(moved(vocoder, task.model))
    assert any(moved(critic, task.critic))
    run._update(0.6)
    assert any(moved(vocoder, task.model))


def test_discriminators_are_in_the_checkpoint(folder, tmp_path):
    run = Run(AdversarialTask(small(), folder, folder), tmp_path, resume=False)
    for _ in range(2):
        run._update(0.5)
    run.checkpoint()
    task = AdversarialTask(small(seed=9, critic_lr=1e-5), folder, folder)
    again = Run(task, tmp_path, resume=True)
    assert not any(moved(snapshot(run.task.critic), task.critic))
    assert again.critic.optimiser.state_dict()["state"].keys()
    assert again.critic.optimiser.param_groups[0]["peak"] == 1e-5
    again._update(0.5)


def test_a_vocoder_of_pre_training_has_no_discriminators_to_resume(folder, tmp_path):
    run = Run(AdversarialTask(small(), folder, folder), tmp_path, resume=False)
    run.critic = None
    run.checkpoint()
    with pytest.raises(ValueError, match="discriminators"):
        Run(AdversarialTask(small(), folder, folder), tmp_path, resume=True)


def test_prediction_starts_from_received_steps(folder, predictor):
    data = SpeechData(folder)
    predicted = PredictedFeatures(data, predictor)
    starts = np.array([LEAD + 5, LEAD + 90])
    out = predicted.continued(starts, 7, np.zeros(2))
    assert out.shape == (2, 7, 20)
    # the same history gives the same future; another level gives another
    np.testing.assert_array_equal(out, predicted.continued(starts, 7, np.zeros(2)))
    assert np.abs(out - predicted.continued(starts, 7, np.full(2, -20.0))).max() > 1e-3
