# SPDX-License-Identifier: BSD-3-Clause
"""Hints: what linear maps tell of a teacher's layers, and that a student learns by them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dred.train import export  # noqa: E402
from dred.train.distil import HINTED, DistilConfig, DistilTask  # noqa: E402
from dred.train.fargan_net import Fargan  # noqa: E402
from dred.train.hints import Hints, listening  # noqa: E402


def untold(student, teacher):
    hints = Hints(("layer",))
    return float(hints.untold({"layer": student}, {"layer": teacher}))


def test_what_a_linear_map_tells_counts_as_told():
    torch.manual_seed(0)
    teacher = torch.randn(4, 500, 8)
    assert untold(teacher @ torch.randn(8, 8) + 3.0, teacher) < 1e-3
    assert untold(torch.randn(4, 500, 8), teacher) > 0.95
    half = torch.cat([teacher[..., :4], torch.randn(4, 500, 4)], -1)
    assert untold(half, teacher) == pytest.approx(0.5, abs=0.05)


def test_maps_follow_a_student_that_changes():
    torch.manual_seed(0)
    hints = Hints(("layer",))
    teacher = torch.randn(400, 6)
    student = [torch.randn(6, 6), torch.randn(6, 6)]
    for step in range(600):
        layers = ({"layer": teacher @ student[step >= 5]}, {"layer": teacher})
        share = float(hints.untold(*layers))
        if step == 5:
            assert share > 0.1
    assert share < 0.01


def test_hooks_are_gone_afterwards():
    vocoder = Fargan()
    with pytest.raises(RuntimeError), listening(vocoder, HINTED):
        raise RuntimeError
    assert not any(module._forward_hooks for module in vocoder.modules())


def test_a_vocoder_comes_nearer_to_the_layers_of_its_teacher(folder, tmp_path):
    torch.manual_seed(3)
    export.save(Fargan(), tmp_path / "teacher.bin")
    config = DistilConfig(batch=8, frames=10, long_share=0.0, free=0.0, natural=1.0, own=0.0)
    task = DistilTask(config, folder, folder, tmp_path / "teacher.bin")
    optimiser = torch.optim.Adam(task.model.parameters(), 2e-3)
    rng, shares = np.random.default_rng(0), []
    for _ in range(40):
        loss, metrics = task.loss(task.sample(rng, 0.0))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        shares.append(metrics["untold"])
    # The first ones see maps that were found on the same batch.
    assert np.mean(shares[-10:]) < 0.8 * np.mean(shares[8:18])
