# SPDX-License-Identifier: BSD-3-Clause
"""Redundancy coder from scratch: rates that are rates, dimensions that die, tables that agree."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dred.models import load_models  # noqa: E402
from dred.payload import decode_payload, encode_payload  # noqa: E402
from dred.train.curves import core_coder  # noqa: E402
from dred.train.entropy import LearnedQuantiser  # noqa: E402
from dred.train.loop import Run  # noqa: E402
from dred.train.quantiser import LEVELS, Quantiser  # noqa: E402
from dred.train.rdovae import encode  # noqa: E402
from dred.train.rdovae_scratch import ScratchConfig, ScratchTask, limited  # noqa: E402


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
    settings = {"batch": 4, "dframes": 60, "warmup_steps": 1} | settings
    return ScratchTask(ScratchConfig(**settings), folder, folder)


def test_rate_and_distortion_fall(folder, tmp_path):
    task = scratch(folder)
    batch = task.sample(np.random.default_rng(0), 1.0)
    task.sample = lambda rng, progress: batch
    run = Run(task, tmp_path, False)
    losses = [run._update(0.1)["loss"] for _ in range(12)]
    assert np.mean(losses[-3:]) < 0.95 * np.mean(losses[:3])


def test_a_dead_dimension_costs_nothing_and_the_core_codes_the_same(folder, tmp_path):
    task = scratch(folder, version=201)
    run = Run(task, tmp_path, False)
    for _ in range(5):
        run._update(0.5)
    model = run.average
    with torch.no_grad():
        model.latent.decay[:, 2] = -12.0  # never anything but zero
    task.export(model, tmp_path / "coder.bin")
    models = load_models(tmp_path / "coder.bin")
    tables = models.profile.tables("latent")
    assert models.profile.version == 201
    assert models.describe()["profile"] == "own-201"
    assert tables["r_q8"][:, 2].max() == 0
    assert np.delete(tables["quant_scales_q8"].max(0), 2).tolist() == [255] * 24
    assert task.evaluate(model)["latents"] == 24

    features = torch.randn(1, 24, 20)
    level = torch.full((1, 12), 4)
    stored = Quantiser(models.profile, "latent")
    with torch.no_grad():
        mine, _ = encode(model.encoder, features)
        _, q = model.latent.quantise(mine, level)
        core = core_coder(models)
        theirs, their_states = core.encode(features)
        _, symbols = stored.quantise(theirs, level)
        # int8 weights and 8-bit tables move a value now and then over a rounding border
        alive = np.delete(np.arange(25), 2)
        assert (q[..., alive] != symbols[..., alive]).float().mean() < 0.15
        assert not symbols[..., 2].any()
        bits = stored.bits(symbols, level).sum() / model.latent.bits(symbols, level).sum()
        assert float(bits) == pytest.approx(1.0, abs=0.05)
    header = {"newest": 11, "q0": 4, "dq": 0, "profile": models.profile}
    payload = encode_payload(theirs[0].numpy(), their_states[0].numpy(), **header)
    parsed = decode_payload(payload, profile=models.profile)
    assert parsed.chunks == 6
    assert np.array_equal(parsed.symbols[50:75], symbols[0, 11].numpy())
    assert sum(parsed.bits[2:]) == pytest.approx(
        float(stored.bits(symbols[:, 1::2], level[:, 1::2]).sum()), rel=0.05, abs=8
    )


def test_goes_on_from_the_coder_of_a_file(folder, tmp_path):
    task = scratch(folder)
    task.sample(np.random.default_rng(0), 0.1)
    assert task.ramps == pytest.approx((0.7, 0.01))
    task.sample(np.random.default_rng(0), 0.65)
    assert task.ramps == pytest.approx((1.0, 0.505))
    with torch.no_grad():
        task.model.state.decay[:, 49] = -12.0
    task.export(task.model, tmp_path / "coder.bin")
    profile = load_models(tmp_path / "coder.bin").profile
    again = scratch(folder)
    again.load(tmp_path / "coder.bin")
    fixed = Quantiser(profile, "state")
    level = torch.arange(LEVELS)
    x = 3.0 * torch.randn(LEVELS, 50)
    torch.testing.assert_close(again.model.state.levels(x, level), fixed.levels(x, level))
    symbols = again.model.state.quantise(x, level)[1]
    mine, theirs = (q.bits(symbols, level).sum().item() for q in (again.model.state, fixed))
    assert mine / theirs == pytest.approx(1.0, abs=0.02)
    again.sample(np.random.default_rng(0), 0.0)
    assert again.ramps == (1.0, 1.0)
    again.export(again.model, tmp_path / "again.bin")
    tables = load_models(tmp_path / "again.bin").profile.tables("state")
    assert tables["r_q8"][:, 49].max() == 0


def test_versions_of_others_are_refused(folder):
    with pytest.raises(ValueError, match="128 to 255, not 12"):
        scratch(folder, version=12)
