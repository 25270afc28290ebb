# SPDX-License-Identifier: BSD-3-Clause
"""Weight files: what is written is read back, in every storage form; bad files are refused."""

import numpy as np
import pytest

from dred.train import blob


def test_records_come_back_in_order(tmp_path):
    arrays = [
        ("a_bias", np.arange(5, dtype=np.float32)),
        ("a_weights_idx", np.array([1, 0], "i4")),
        ("a_weights_int8", np.arange(-16, 16, dtype=np.int8)),
    ]
    size = blob.write_blob(tmp_path / "x.bin", arrays)
    assert size == (tmp_path / "x.bin").stat().st_size
    assert size % 64 == 0
    back = blob.read_blob(tmp_path / "x.bin")
    assert list(back) == [name for name, _ in arrays]
    for name, array in arrays:
        np.testing.assert_array_equal(back[name], array)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: b"none" + data[4:],
        lambda data: data + data,
        lambda data: data[:8] + b"\x09" + data[9:],
    ],
)
def test_damaged_files_are_refused(tmp_path, damage):
    path = tmp_path / "x.bin"
    blob.write_blob(path, [("a_bias", np.ones(4, np.float32))])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(blob.BlobError):
        blob.read_blob(path)


def test_int8_step_bounds_single_weights_and_pairs():
    matrix = np.random.default_rng(0).standard_normal((16, 12)).astype(np.float32)
    matrix[3] = 1.0
    matrix[4] = 0.0
    weights, scale = blob.quantise(matrix)
    restored = weights * (scale[:, None] * 127)
    assert np.abs(restored - matrix).max() <= 0.5 * (scale.max() * 127) + 1e-6
    pairs = weights[:, 0::2].astype(int) + weights[:, 1::2]
    assert np.abs(pairs).max() <= 129
    assert (scale > 0).all()


def test_sparse_blocks_come_back_dense():
    rng = np.random.default_rng(1)
    dense = rng.integers(-127, 128, (24, 16)).astype(np.int8)
    dense[0:8, 4:8] = 0
    dense[16:24] = 0
    index, kept = blob.block_index(blob.to_blocks(dense))
    assert kept.size == 32 * (4 - 1 + 4)
    assert index.tolist() == [3, 0, 8, 12, 4, 0, 4, 8, 12, 0]
    np.testing.assert_array_equal(blob.from_blocks(kept, index, 24, 16, False), dense)


def test_float_wins_and_is_column_major():
    matrix = np.arange(32, dtype=np.float32).reshape(8, 4)
    records = {
        "l_weights_float": matrix.T.reshape(-1),
        "l_weights_int8": np.zeros(32, np.int8),
        "l_scale": np.ones(8, np.float32),
    }
    np.testing.assert_array_equal(blob.dense_matrix(records, "l", 8, 4), matrix)
