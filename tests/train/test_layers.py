# SPDX-License-Identifier: BSD-3-Clause
"""Layers: hand-written gradients, causality, and the way to a weight file and back."""

import pytest

torch = pytest.importorskip("torch")

import dred  # noqa: E402
from dred.train import blob, export  # noqa: E402
from dred.train.fargan_net import Fargan, period_of  # noqa: E402
from dred.train.layers import CausalConv, Gru, keep_float, set_fake_int8, share_weights  # noqa: E402
from dred.train.pitch_net import PitchNet, pitch_of  # noqa: E402
from dred.train.plc_net import PlcNet  # noqa: E402
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder  # noqa: E402


def plain_gru(gru, x, state):
    n, states = gru.units, []
    for t in range(x.shape[1]):
        u = x[:, t] @ gru.input.weight.t() + gru.input.bias
        v = state @ gru.recurrent.weight.t() + gru.recurrent.bias
        z, r = torch.sigmoid(u[:, :n] + v[:, :n]), torch.sigmoid(u[:, n : 2 * n] + v[:, n : 2 * n])
        state = z * state + (1 - z) * torch.tanh(u[:, 2 * n :] + r * v[:, 2 * n :])
        states.append(state)
    return torch.stack(states, 1)


def stepwise(gru, x, state):
    share_weights(gru, True)
    states = []
    for t in range(x.shape[1]):
        state = gru.cell(x[:, t], state)
        states.append(state)
    share_weights(gru, False)
    return torch.stack(states, 1)


@pytest.mark.parametrize("way", [lambda gru, x, s: gru(x, s), stepwise])
def test_gru_gradients_match_autograd(way):
    torch.manual_seed(0)
    gru = Gru("g", 12, 8).double()
    gru.recurrent.bias.data.normal_()
    x = torch.randn(3, 5, 12, dtype=torch.double, requires_grad=True)
    state = torch.randn(3, 8, dtype=torch.double, requires_grad=True)
    weight = torch.randn(3, 5, 8, dtype=torch.double)
    leaves = [*gru.parameters(), x, state]
    expected = torch.autograd.grad((plain_gru(gru, x, state) * weight).sum(), leaves)
    got = torch.autograd.grad((way(gru, x, state) * weight).sum(), leaves)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_convolution_sees_only_the_past():
    conv = CausalConv("c", 4, 8, dilation=2)
    x = torch.randn(1, 6, 4)
    before = conv(x)
    x[:, 4:] += 1.0
    torch.testing.assert_close(conv(x)[:, :4], before[:, :4])


def run_pitch(net):
    return net(torch.full((1, 4, 88), 0.1), torch.full((1, 4, 224), 0.2))


def run_fargan(net):
    features = 0.1 * torch.ones(1, 6, 20)
    return net(features, 0.01 * torch.ones(1, 320))


NETWORKS = [
    (PitchNet, run_pitch),
    (PlcNet, lambda net: net(torch.full((1, 4, 57), 0.1))),
    (RdovaeEncoder, lambda net: torch.cat(net(torch.full((1, 4, 40), 0.1)), -1)),
    (RdovaeDecoder, lambda net: net(torch.full((1, 4, 26), 0.1), torch.full((1, 50), 0.1))),
    (Fargan, run_fargan),
]


@pytest.mark.parametrize(("network", "call"), NETWORKS)
def test_export_and_import_agree_with_rounded_weights(tmp_path, network, call):
    torch.manual_seed(1)
    first, second = network().eval(), network().eval()
    export.save(first, tmp_path / "net.bin")
    export.load(second, tmp_path / "net.bin")
    set_fake_int8(first, True)
    with torch.no_grad():
        torch.testing.assert_close(call(second), call(first), rtol=1e-4, atol=1e-5)


def test_float_files_hold_the_weights_as_they_are(tmp_path):
    network = PlcNet().eval()
    wanted = network(torch.full((1, 4, 57), 0.1))
    keep_float(network)
    export.save(network, tmp_path / "float.bin")
    other = PlcNet().eval()
    export.load(other, tmp_path / "float.bin")
    torch.testing.assert_close(other(torch.full((1, 4, 57), 0.1)), wanted)
    assert len(dred.load_models(tmp_path / "float.bin").networks) == 1


def test_missing_layers_are_named(tmp_path):
    export.save(PlcNet(), tmp_path / "plc.bin")
    with pytest.raises(blob.BlobError, match="dense_if_upsampler_1"):
        export.load(PitchNet(), tmp_path / "plc.bin")


def test_files_run_in_the_core(tmp_path):
    torch.manual_seed(2)
    for net in (PitchNet(), PlcNet(), RdovaeEncoder(), RdovaeDecoder(), Fargan()):
        export.save(net, tmp_path / "net.bin")
        assert len(dred.load_models(tmp_path / "net.bin").networks) == 1


def test_pitch_is_read_around_the_best_class():
    logits = torch.full((1, 180), -9.0)
    logits[0, 60], logits[0, 61] = 2.0, 2.0
    assert abs(float(pitch_of(logits)) - (60.5 / 60 - 1.5)) < 1e-3
    assert period_of(torch.tensor([-1.5, 0.5, 9.0])).tolist() == [255, 64, 32]
