# SPDX-License-Identifier: BSD-3-Clause
"""The one command that measures networks: the same weights on both sides must come out even."""

import json

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch")
pytest.importorskip("pesq")
pytest.importorskip("matplotlib")
pytest.importorskip("joblib")

from dred.models import embedded_files, load_models  # noqa: E402
from dred.train import export  # noqa: E402
from dred.train.curves import core_coder, rate_at_equal_distortion  # noqa: E402
from dred.train.layers import keep_float  # noqa: E402
from dred.train.rdovae import decode, encode  # noqa: E402
from dred.train.rdovae_net import RdovaeDecoder, RdovaeEncoder  # noqa: E402


@pytest.fixture
def quality(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "tools" / "bench")
    import quality

    return quality


@pytest.fixture(scope="module")
def same(tmp_path_factory):
    """The embedded networks as one file."""
    if not embedded_files():
        pytest.skip("this installation holds no models")
    path = tmp_path_factory.mktemp("weights") / "same.bin"
    path.write_bytes(b"".join(embedded_files().values()))
    return path


@pytest.fixture
def command(tmp_path, samples, same):
    (tmp_path / "speech").mkdir()
    pcm, rate = soundfile.read(samples / "rms_16k.wav", dtype="int16", frames=6 * 16000)
    soundfile.write(tmp_path / "speech" / "a_0.wav", pcm, rate)
    return [
        "valid", str(tmp_path / "out"), "--speech", str(tmp_path / "speech"),
        "--reference", str(same), "--metrics", "pesq",
        "--files", "1", "--sequences", "1", "--losses", "30",
    ]  # fmt: skip


def result(tmp_path):
    return json.loads((tmp_path / "out" / "quality.json").read_text())


def test_the_same_weights_on_both_sides_come_out_even(quality, command, tmp_path, capsys):
    assert quality.main([*command, "--sections", "coder,chain"]) == 0
    found = result(tmp_path)
    for picture in ("rate_distortion.png", "chain.png"):
        assert (tmp_path / "out" / picture).stat().st_size > 10_000
    coder = found["coder"]
    assert all(len(rows) == 16 for rows in coder["curves"].values())
    assert all(ratio == pytest.approx(1.0) for ratio in coder["rate_ratio"].values())
    assert coder["rate_by_source"] == {"a": pytest.approx(1.0)}
    assert all(value == 0.0 for rms in coder["agreement"].values() for value in rms.values())
    assert set(found["chain"]) == {
        "neural-plc, 30 % loss", "dred, 30 % loss", "dred, 1 s burst"
    }  # fmt: skip
    for sides in found["chain"].values():
        assert sides["ours"] == sides["reference"]
        assert sides["ours - reference"]["pesq"]["mean"] == 0.0
    assert "| dred, 1 s burst | ours | 1 |" in capsys.readouterr().out


def test_sections_are_added_and_runs_are_kept(quality, command, tmp_path, capsys, monkeypatch):
    assert quality.main([*command, "--sections", "chain"]) == 0
    before = result(tmp_path)["chain"]
    monkeypatch.setattr(
        "quality_speech.run_jobs", lambda *_: pytest.fail("what is known was computed again")
    )
    assert quality.main([*command, "--sections", "coder,chain"]) == 0
    assert "coder" in result(tmp_path)
    assert quality.main([*command, "--sections", "chain", "--sequences", "2"]) == 0
    assert result(tmp_path)["chain"] == before
    assert quality.main(["test", *command[1:], "--sections", "chain"]) == 1
    assert "is of valid; name another folder" in capsys.readouterr().err


def test_float_weights_cost_bytes_and_little_else(quality, command, tmp_path, same):
    networks = {"encoder": RdovaeEncoder(), "decoder": RdovaeDecoder()}
    for name, network in networks.items():
        export.load(network, same)
        keep_float(network)
        export.save(network, tmp_path / f"{name}.bin")
    rest = [tmp_path / name for name in embedded_files() if not name.startswith("rdovae")]
    for path in rest:
        path.write_bytes(embedded_files()[path.name])
    files = [*rest, *(tmp_path / f"{name}.bin" for name in networks)]
    options = ["--sections", "int8", "--float", *map(str, files)]
    assert quality.main([*command, *options]) == 0
    found = result(tmp_path)["int8"]
    assert found["bytes"]["float"] > 1.5 * found["bytes"]["ours"]
    assert found["rate_ratio"] == pytest.approx(1.0, abs=0.05)
    assert found["rate_ratio"] != 1.0  # the activations of float layers are not rounded
    assert found["vocoder"]["ours - float"]["pesq"]["mean"] == 0.0  # the same vocoder


def test_what_is_absent_is_named(quality, command, capsys):
    assert quality.main([*command, "--sections", "nothing"]) == 2
    assert quality.main([*command, "--sections", "int8"]) == 1
    assert "needs --float" in capsys.readouterr().err
    assert quality.main([*command, "--reference", "absent.bin"]) == 1
    assert "absent.bin: not there" in capsys.readouterr().err


def test_torch_and_core_measure_the_same_coder(tmp_path, same):
    encoder, decoder = pair = torch.nn.ModuleList([RdovaeEncoder(), RdovaeDecoder()])
    for network in pair:
        export.load(network, same)
        keep_float(network)
        network.eval().requires_grad_(False)
    export.save(pair, tmp_path / "coder.bin")
    features = 0.3 * torch.randn(2, 60, 20)
    core = core_coder(load_models(tmp_path / "coder.bin"))
    for a, b in zip(core.encode(features), encode(encoder, features), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-2)
    latents, states = encode(encoder, features)
    level = torch.full(latents.shape[:2], 3)
    theirs = decode(decoder, latents, level, states[:, -1])
    np.testing.assert_allclose(core.decode(latents, level, states[:, -1]), theirs, atol=2e-2)


def test_rate_at_equal_distortion_compares_curves_where_they_meet():
    def curve(factor, low):
        return [
            {"distortion": low * 1.2**k, "latent_bits": 90.0 * factor / 1.1**k, "state_bits": 0.0}
            for k in range(16)
        ]

    assert rate_at_equal_distortion(curve(1.3, 0.02), curve(1.0, 0.02)) == pytest.approx(1.3)
    assert np.isnan(rate_at_equal_distortion(curve(1.0, 0.02), curve(1.0, 2.0)))
