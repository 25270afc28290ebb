# SPDX-License-Identifier: BSD-3-Clause
"""Rounding with compensated errors: nearer than the nearest grid points, and still storable."""

import pytest

torch = pytest.importorskip("torch")

from dred.train import blob, export, rounding  # noqa: E402
from dred.train.layers import Dense, Gru  # noqa: E402
from dred.train.plc_net import PlcNet  # noqa: E402


def correlated(count, width):
    """Inputs of which neighbours are alike, as activations are."""
    return torch.randn(count, width // 4).repeat_interleave(4, 1) + 0.3 * torch.randn(count, width)


def power(error, inputs):
    return float((inputs @ error.t()).square().mean())


def test_sums_are_nearer_than_with_the_nearest_weights():
    torch.manual_seed(0)
    layer, inputs = Dense("d", 64, 24), correlated(4000, 64)
    weight, step = layer.weight.data, layer.grid_step().detach()
    nearest = (weight / step).round() * step
    got = rounding.rounded(weight, inputs.t() @ inputs, step)
    fresh = correlated(4000, 64)
    assert power(got - weight, fresh) < 0.5 * power(nearest - weight, fresh)
    torch.testing.assert_close(got / step, (got / step).round(), atol=1e-3, rtol=0)


def test_weights_stay_in_range_and_zeros_stay():
    torch.manual_seed(1)
    weight, inputs = torch.randn(16, 32), correlated(500, 32)
    weight[:, 8:12] = 0.0
    weight[:, 20] = weight[:, 21] = 3.0  # the sum of these two is at its limit
    limit = (weight[:, 0::2] + weight[:, 1::2]).abs().amax(1) / blob.LARGEST_PAIR
    step = torch.maximum(weight.abs().amax(1) / blob.LARGEST, limit)[:, None]
    whole = (rounding.rounded(weight, inputs.t() @ inputs, step) / step).round()
    assert whole.abs().max() <= blob.LARGEST
    assert (whole[:, 0::2] + whole[:, 1::2]).abs().max() <= blob.LARGEST_PAIR
    assert not whole[:, 8:12].any()


def test_moments_are_of_both_inputs_of_a_recurrence():
    torch.manual_seed(2)
    gru, x, start = Gru("g", 12, 8), torch.randn(3, 5, 12), torch.randn(3, 8)

    def stepwise():
        state = start
        for t in range(x.shape[1]):
            state = gru.cell(x[:, t], state)

    at_once = rounding.input_moments(gru, lambda: gru(x, start))
    in_steps = rounding.input_moments(gru, stepwise)
    assert set(at_once) == {"g_input", "g_recurrent"}
    for name, moments in at_once.items():
        torch.testing.assert_close(moments, in_steps[name])
    rows = x.reshape(-1, 12)
    torch.testing.assert_close(at_once["g_input"], rows.t() @ rows)
    assert all(layer.moments is None for layer in (gru.input, gru.recurrent))


def test_the_file_holds_the_settled_weights_to_the_bit(tmp_path):
    torch.manual_seed(3)
    network = PlcNet().eval()
    inputs = torch.randn(4, 30, network.dense_in.inputs)
    moments = rounding.input_moments(network, lambda: network(inputs))
    settled = rounding.settled(network, moments)
    export.save(settled, tmp_path / "plc.bin")
    again = PlcNet()
    export.load(again, tmp_path / "plc.bin")
    for (name, a), b in zip(settled.named_parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5, msg=name)
    export.save(network, tmp_path / "nearest.bin")
    assert (tmp_path / "nearest.bin").read_bytes() != (tmp_path / "plc.bin").read_bytes()


def test_a_given_grid_and_unseen_layers_are_left_alone():
    torch.manual_seed(4)
    layer = Dense("d", 16, 8)
    moments = {"d": torch.eye(16)}
    assert torch.equal(rounding.settled(layer, {}).weight, layer.weight)
    layer.fix_grid(torch.full((8,), 1e-4))
    assert torch.equal(rounding.settled(layer, moments).weight, layer.weight)
