# SPDX-License-Identifier: BSD-3-Clause
"""The one command that measures networks: the same weights on both sides must come out even."""

import importlib.util
import json

import pytest
import soundfile

torch = pytest.importorskip("torch")
pytest.importorskip("pesq")
pytest.importorskip("matplotlib")

from dred.models import embedded_files  # noqa: E402


@pytest.fixture(scope="module")
def quality(root):
    spec = importlib.util.spec_from_file_location("quality", root / "tools/bench/quality.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def command(tmp_path, samples, statistics):
    if not embedded_files():
        pytest.skip("this installation holds no models")
    (tmp_path / "speech").mkdir()
    pcm, rate = soundfile.read(samples / "rms_16k.wav", dtype="int16", frames=4 * 16000)
    soundfile.write(tmp_path / "speech" / "a_0.wav", pcm, rate)
    (tmp_path / "same.bin").write_bytes(b"".join(embedded_files().values()))
    return [
        "valid", str(tmp_path / "out"), "--speech", str(tmp_path / "speech"),
        "--reference", str(tmp_path / "same.bin"), "--statistics", str(statistics),
        "--metrics", "pesq", "--files", "1",
    ]  # fmt: skip


def test_the_same_weights_on_both_sides_come_out_even(quality, command, tmp_path, capsys):
    options = ["--parts", "coder,chain", "--sequences", "1", "--losses", "30"]
    assert quality.main([*command, *options]) == 0
    result = json.loads((tmp_path / "out" / "quality.json").read_text())
    assert (tmp_path / "out" / "rate_distortion.png").stat().st_size > 10_000
    coder = result["coder"]
    assert all(len(rows) == 16 for rows in coder["curves"].values())
    assert all(ratio == pytest.approx(1.0) for ratio in coder["rate_ratio"].values())
    assert all(value == 0.0 for rms in coder["agreement"].values() for value in rms.values())
    assert set(result["chain"]) == {"neural-plc, loss 30", "dred, loss 30", "dred, loss burst"}
    for sides in result["chain"].values():
        assert sides["ours"]["pesq"]["mean"] == sides["reference"]["pesq"]["mean"]
    assert "dred, loss burst, ours: pesq" in capsys.readouterr().out


def test_what_is_absent_is_named(quality, command, capsys):
    assert quality.main([*command, "--parts", "nothing"]) == 2
    assert quality.main([*command, "--reference", "absent.bin"]) == 1
    assert "absent.bin: not there" in capsys.readouterr().err
