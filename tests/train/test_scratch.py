# SPDX-License-Identifier: BSD-3-Clause
"""Redundancy coder from scratch: rates that are rates, dimensions that die, tables that agree."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dred.train import export  # noqa: E402
from dred.train.entropy import LearnedQuantiser  # noqa: E402
from dred.train.loop import Run  # noqa: E402
from dred.train.quantiser import LEVELS, Quantiser  # noqa: E402
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder  # noqa: E402
from dred.train.rdovae_scratch import PROFILE, ScratchConfig, ScratchTask, limited  # noqa: E402


def test_bits_are_those_of_a_distribution():
    quantiser = LearnedQuantiser(3)
    with torch.no_grad():
        quantiser.decay.normal_()
        quantiser.zero.normal_()
    symbols = torch.arange(-200.0, 201.0)[:, None].expand(-1, 3)
    for level in (0, 15):
        bits = quantiser.bits(symbols, torch.full((401,), level))
        torch.testing.assert_close((2.0**-bits).sum(0), torch.ones(3), atol=2e-3, rtol=0)


def test_tables_learn_the_statistics_of_symbols():
    torch.manual_seed(0)
    quantiser = LearnedQuantiser(2)
    optimiser = torch.optim.Adam([quantiser.decay, quantiser.zero], 0.05)
    level = torch.full((4096,), 7)
    x = torch.distributions.Laplace(0.0, torch.tensor([0.1, 4.0])).sample((4096,))
    _, q = quantiser.quantise(x, level)
    for _ in range(150):
        loss = quantiser.bits(q.detach(), level).sum(-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    share = [torch.unique(q[:, d], return_counts=True)[1] / 4096.0 for d in range(2)]
    entropy = sum(float(-(p * p.log2()).sum()) for p in share)
    assert float(loss.detach()) == pytest.approx(entropy, rel=0.03)


def test_soft_rate_reaches_the_values_and_hard_rate_only_the_tables():
    quantiser = LearnedQuantiser(4)
    x = torch.randn(8, 4, requires_grad=True)
    _, _, soft, hard = quantiser.train_forward(x, torch.full((8,), 3))
    hard.sum().backward(retain_graph=True)
    assert x.grad is None
    assert quantiser.scale.grad is None
    assert quantiser.decay.grad.abs().max() > 0
    soft.sum().backward()
    assert x.grad.abs().max() > 0
    assert quantiser.scale.grad.abs().max() > 0


def test_wild_distortions_count_by_their_logarithm():
    d = torch.tensor([0.0, 1.0, 3.0, 3.0 * np.e], requires_grad=True)
    out = limited(d, 3.0)
    assert out.tolist() == pytest.approx([0.0, 1.0, 3.0, 6.0])
    out.sum().backward()
    assert d.grad.tolist() == pytest.approx([1.0, 1.0, 1.0, 1.0 / np.e])


def scratch(folder, **settings):
    settings = {"batch": 4, "dframes": 60, "warmup_steps": 1, "latents": 6, "states": 8} | settings
    return ScratchTask(ScratchConfig(**settings), folder, folder)


def test_rate_and_distortion_fall(folder, tmp_path):
    task = scratch(folder)
    batch = task.sample(np.random.default_rng(0), 1.0)
    task.sample = lambda rng, progress: batch
    run = Run(task, tmp_path, False)
    losses = [run._update(0.1)["loss"] for _ in range(12)]
    assert np.mean(losses[-3:]) < 0.95 * np.mean(losses[:3])


def test_dead_dimensions_are_left_out_and_the_tables_agree(folder, tmp_path):
    task = scratch(folder)
    run = Run(task, tmp_path, False)
    for _ in range(5):
        run._update(0.5)
    model = run.average
    with torch.no_grad():
        model.latent.decay[:, 2] = -12.0  # never anything but zero
    task.export(model, tmp_path / "coder.bin")
    with np.load(tmp_path / "coder.npz") as statistics:
        assert str(statistics["profile"]) == PROFILE
        assert statistics["latent_r_q8"].shape == (LEVELS, 5)
        assert statistics["latent_quant_scales_q8"].max(0).tolist() == [255] * 5
    encoder, decoder = RdovaeEncoder(5, 8).eval(), RdovaeDecoder(5, 8).eval()
    export.load(encoder, tmp_path / "coder.bin")
    export.load(decoder, tmp_path / "coder.bin")
    latent = Quantiser(tmp_path / "coder.npz", "latent")
    kept = [0, 1, 3, 4, 5]
    x = torch.randn(1, 12, 40)
    with torch.no_grad():
        mine, _ = model.encoder(x)
        theirs, _ = encoder(x)
        level = torch.full((1, 12), 4)
        _, q = model.latent.quantise(mine, level)
        _, stored = latent.quantise(theirs, level)
        # int8 weights and 8-bit tables move a value now and then over a rounding border
        assert (q[..., kept] != stored).float().mean() < 0.15
        full = torch.zeros(1, 12, 6)
        full[..., kept] = stored
        bits = latent.bits(stored, level).sum() / model.latent.bits(full, level).sum()
        assert float(bits) == pytest.approx(1.0, abs=0.05)


def test_goes_on_from_the_tables_of_another_coder(folder, statistics, tmp_path):
    task = ScratchTask(ScratchConfig(batch=2, dframes=60), folder, folder, statistics)
    fixed = Quantiser(statistics, "state")
    level = torch.arange(LEVELS)
    x = 3.0 * torch.randn(LEVELS, 50)
    torch.testing.assert_close(task.model.state.levels(x, level), fixed.levels(x, level))
    symbols = task.model.state.quantise(x, level)[1]
    mine, theirs = (q.bits(symbols, level).sum().item() for q in (task.model.state, fixed))
    # r = 0.5 with a wider zero bin than 1 - r ** 0.5 has no exponent between 0.5 and 1
    assert mine / theirs == pytest.approx(1.0, abs=0.15)
    assert task.sample(np.random.default_rng(0), 0.0)["ramp"] == 1.0
    task.export(task.model, tmp_path / "coder.bin")
    with np.load(tmp_path / "coder.npz") as tables:
        assert tables["state_r_q8"].shape == (LEVELS, 49)  # the last is never coded
