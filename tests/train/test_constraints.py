# SPDX-License-Identifier: BSD-3-Clause
"""Block sparsity and sparse updates: what must hold during a run does, down to the file."""

from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import dred  # noqa: E402
from dred.models.update import diff, patch  # noqa: E402
from dred.train import blob, blocks, export  # noqa: E402
from dred.train.layers import Dense  # noqa: E402
from dred.train.loop import Run  # noqa: E402
from dred.train.plc import PlcConfig, PlcTask  # noqa: E402
from dred.train.plc_net import PlcNet  # noqa: E402
from dred.train.sparse_update import SparseUpdate  # noqa: E402
from dred.train.sparsity import BlockSparsity, large_layers  # noqa: E402


@pytest.fixture
def base(tmp_path):
    torch.manual_seed(0)
    export.save(PlcNet(), tmp_path / "base.bin")
    return tmp_path / "base.bin"


def plc_task(folder, **settings):
    return PlcTask(PlcConfig(batch=4, frames=40, warmup_steps=1, **settings), folder, folder)


def test_blocks_of_odd_matrices():
    matrix = torch.zeros(10, 6)
    matrix[9, 5] = 2.0
    energy = blocks.energies(matrix)
    assert energy.shape == (2, 2)
    assert energy[1, 1] == 4.0
    assert energy.sum() == 4.0
    assert blocks.spread(energy > 0, matrix).sum() == 2 * 2
    assert blocks.strongest(torch.tensor([3.0, 0.0, 5.0]), 3).tolist() == [True, False, True]


def test_share_falls_to_its_end():
    shares = [blocks.share_at(p, 0.1) for p in np.linspace(0, 1, 50)]
    assert shares[0] == 1.0
    assert shares[-1] == pytest.approx(0.1)
    assert all(a >= b for a, b in pairwise(shares))


def test_a_sparse_update_makes_a_small_exact_file(folder, base, tmp_path):
    task = plc_task(folder)
    export.load(task.model, base)
    constraint = SparseUpdate(task.model, base, 0.05)
    run = Run(task, tmp_path / "run", False, constraint)
    for progress in (0.0, 0.2, 0.4, 0.8, 0.9):
        run._update(progress)
    export.save(run.average, tmp_path / "new.bin")
    old, new = base.read_bytes(), (tmp_path / "new.bin").read_bytes()
    update = diff(old, new)
    assert 0 < update.changed <= 0.05 * update.pieces + 1
    assert len(update.data) < 0.1 * len(new)
    assert patch(old, update.data) == new
    dred.load_models(tmp_path / "new.bin")


def test_the_grid_of_the_base_holds_its_limits(base):
    model = PlcNet()
    export.load(model, base)
    constraint = SparseUpdate(model, base, 1.0)
    layer = constraint.layers[0]
    before = layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight[0] *= 3.0
    constraint.apply(model, model, 0.0)
    codes = (layer.weight / layer.grid_step()).round()
    assert int(codes.abs().max()) <= 127
    assert int((codes[:, 0::2] + codes[:, 1::2]).abs().max()) <= 129
    assert not torch.equal(before, layer.weight)


def test_a_float_base_cannot_be_updated(tmp_path):
    records = [(n, a) for n, a in export.records(PlcNet()) if not n.endswith("_scale")]
    blob.write_blob(tmp_path / "odd.bin", records)
    with pytest.raises(blob.BlobError, match="no int8 weights"):
        SparseUpdate(PlcNet(), tmp_path / "odd.bin", 0.1)


def test_pruning_reaches_the_density_and_stays(folder, tmp_path):
    task = plc_task(folder)
    run = Run(task, tmp_path, False, BlockSparsity(task.model, 0.25))
    for progress in (0.0, 0.3, 0.6, 0.9):
        run._update(progress)
    for network in (task.model, run.average):
        for layer in large_layers(network):
            share = (blocks.energies(layer.weight) > 0).float().mean()
            assert share <= 0.25 + 1e-3
    size = export.save(run.average, tmp_path / "sparse.bin")
    assert size < 0.5 * export.save(PlcNet(), tmp_path / "dense.bin")


def pruned_predictor(density):
    torch.manual_seed(3)
    network = PlcNet().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(4.0)
    BlockSparsity(network, density).apply(network, network, 1.0)
    return network


def run_core(path, inputs):
    predictor = dred.FeaturePredictor(dred.load_models(path))
    return np.stack([predictor.step(x) for x in inputs])


def test_the_core_runs_sparse_layers_as_torch_does(tmp_path, monkeypatch):
    network = pruned_predictor(0.3)
    export.save(network, tmp_path / "sparse.bin")
    monkeypatch.setattr(export, "SPARSE_BELOW", 0.0)
    export.save(network, tmp_path / "dense.bin")
    assert "plc_gru1_recurrent_weights_idx" in blob.read_blob(tmp_path / "sparse.bin")
    assert "plc_gru1_recurrent_weights_idx" not in blob.read_blob(tmp_path / "dense.bin")

    inputs = np.random.default_rng(0).uniform(-1, 1, (20, 57)).astype(np.float32)
    inputs[:, 56] = 1.0
    sparse = run_core(tmp_path / "sparse.bin", inputs)
    # the same weights stored without an index: the same sums, in float only in another order
    np.testing.assert_allclose(sparse, run_core(tmp_path / "dense.bin", inputs), atol=1e-4)
    loaded = PlcNet().eval()
    export.load(loaded, tmp_path / "sparse.bin")
    with torch.no_grad():
        wanted = loaded(torch.from_numpy(inputs)[None])[0].numpy()
    # torch does not round activations to int8
    assert np.std(sparse - wanted) < 0.02 * np.std(wanted)


def test_pruned_blocks_do_not_come_back(base):
    network = pruned_predictor(0.3)
    layer = next(m for m in network.modules() if isinstance(m, Dense) and m.int8)
    pruned = blocks.energies(layer.weight) == 0
    export.save(network, base)
    again = PlcNet()
    export.load(again, base)
    constraint = SparseUpdate(again, base, 0.5)
    with torch.no_grad():
        constraint.layers[0].weight += 0.1
    constraint.apply(again, again, 1.0)
    assert not blocks.energies(constraint.layers[0].weight)[pruned].any()
