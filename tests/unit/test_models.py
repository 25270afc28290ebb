# SPDX-License-Identifier: BSD-3-Clause
import hashlib
import struct

import pytest

from dred.errors import ModelError
from dred.models import NETWORKS, embedded_files, load_models
from dred.models.records import read_records


def record(name, data, kind=0):
    block = -(-len(data) // 64) * 64
    head = struct.pack("<4siiii44s", b"DNNw", 0, kind, len(data), block, name.encode())
    return head + data.ljust(block, b"\0")


def test_records():
    image = (
        record("dense_weights_int8", bytes(256), 3)
        + record("dense_bias", bytes(32))
        + record("dense_subias", bytes(32))
        + record("conv_weight_float", bytes(144))
    )
    records = list(read_records(image))
    assert [r.layer for r in records] == ["dense", "dense", "dense", "conv"]
    assert [r.parameters for r in records] == [256, 8, 0, 36]
    assert [r.type_name for r in records] == ["int8", "float32", "float32", "float32"]


@pytest.mark.parametrize("image", [b"x" * 100, b"DNNw", record("a", bytes(64))[:30]])
def test_no_weight_file(image):
    with pytest.raises(ModelError):
        list(read_records(image))


@pytest.mark.parametrize(
    ("content", "says"), [(b"no weights at all" * 10, "weights.bin: "), (None, "no such file")]
)
def test_bad_files_are_named_in_one_line(tmp_path, content, says):
    path = tmp_path / "weights.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=says) as caught:
        load_models(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.shared
def test_reference_weights(reference_weights):
    models = load_models(reference_weights)
    assert set(models.networks) == set(NETWORKS)
    description = models.describe()
    assert description["layers"] == 87
    assert description["bytes"] == reference_weights.stat().st_size
    assert description["sha256"] == hashlib.sha256(reference_weights.read_bytes()).hexdigest()
    assert description["profile"] == "opus-dred-12"


@pytest.mark.shared
@pytest.mark.parametrize("share", [0.2, 0.5, 0.999])
def test_a_cut_file_is_refused(reference_weights, tmp_path, share):
    data = reference_weights.read_bytes()
    (tmp_path / "cut.bin").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError, match=r"cut\.bin: "):
        load_models(tmp_path / "cut.bin")


@pytest.mark.shared
def test_kernels_can_be_chosen(reference_weights):
    assert load_models(reference_weights, cpu="portable").cpu == "portable"
    with pytest.raises(ValueError, match="abacus"):
        load_models(reference_weights, cpu="abacus")


def test_embedded_models():
    if not embedded_files():
        with pytest.raises(ModelError, match="--models"):
            load_models()
        return
    models = load_models()
    assert set(models.networks) == set(NETWORKS)
    assert models is load_models()
    assert len(models.image) <= 6_000_000
