# SPDX-License-Identifier: BSD-3-Clause
"""Reads and writes weight files as named arrays; knows the record layout, not the networks.

A weight file is a concatenation of records: a 64-byte header (magic, version, type, size, block
size, name) and data padded to 64 bytes. int8 matrices are stored in blocks of 8 outputs x 4
inputs, row by row, optionally with an index of the blocks that are present.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dred.errors import ModelError
from dred.io.files import make_folder, read_bytes, write_bytes

HEADER = struct.Struct("<4s4i44s")
MAGIC = b"DNNw"
TYPES: dict[int, np.dtype] = {0: np.dtype("<f4"), 1: np.dtype("<i4"), 3: np.dtype("i1")}
CODES = {dtype: code for code, dtype in TYPES.items()}
ALIGN = 64
ROWS, COLUMNS = 8, 4
# Of int8 weights and of sums of two neighbours, which limits the sums of their products to 16 bits:
# the u8 x s8 multiply-add of AVX2 needs that.
LARGEST, LARGEST_PAIR = 127, 129


class BlobError(ModelError):
    """The file is not a valid weight file, or it lacks an array."""


def read_blob(path: Path | str) -> dict[str, np.ndarray]:
    """All records of a file, flat, by name."""
    data = read_bytes(path, BlobError)
    records: dict[str, np.ndarray] = {}
    at = 0
    while at < len(data):
        if len(data) - at < ALIGN:
            raise BlobError(f"{path}: truncated header at byte {at}")
        magic, version, kind, size, block, raw = HEADER.unpack_from(data, at)
        at += ALIGN
        name = raw.split(b"\0")[0].decode("ascii", "replace")
        if magic != MAGIC or version != 0 or kind not in TYPES:
            raise BlobError(f"{path}: not a record before byte {at}")
        if not 0 < size <= block <= len(data) - at or block % ALIGN or size % TYPES[kind].itemsize:
            raise BlobError(f"{path}: bad size in record {name!r}")
        if name in records:
            raise BlobError(f"{path}: record {name!r} occurs twice")
        records[name] = np.frombuffer(data, TYPES[kind], size // TYPES[kind].itemsize, at)
        at += block
    return records


def write_blob(path: Path | str, records: Iterable[tuple[str, np.ndarray]]) -> int:
    """Writes (name, array) pairs in order, atomically; returns the number of bytes."""
    parts = []
    for name, array in records:
        array = np.ascontiguousarray(array)
        dtype = array.dtype.newbyteorder("<")
        if dtype not in CODES:
            raise BlobError(f"record {name!r}: unsupported type {array.dtype}")
        payload = array.astype(dtype, copy=False).tobytes()
        encoded = name.encode("ascii")
        if len(encoded) > 43:
            raise BlobError(f"record name too long: {name!r}")
        block = -(-len(payload) // ALIGN) * ALIGN
        parts.append(HEADER.pack(MAGIC, 0, CODES[dtype], len(payload), block, encoded))
        parts.append(payload + bytes(block - len(payload)))
    data = b"".join(parts)
    make_folder(Path(path).parent, BlobError)
    write_bytes(path, data, BlobError)
    return len(data)


def _whole(matrix: np.ndarray, step: np.ndarray) -> np.ndarray:
    return np.clip(np.round(matrix / step[:, None]), -LARGEST, LARGEST).astype(np.int8)


def quantise(matrix: np.ndarray, scale: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """int8 weights [out, in] and the stored scale (step / 127, as activations have 127 steps) of
    every output. With `scale` given the weights are rounded to that grid.
    """
    if scale is not None:
        step = np.where(scale > 0, scale * np.float32(127), 1.0)
        return _whole(matrix, step), scale
    pairs = np.abs(matrix[:, 0::2] + matrix[:, 1::2]).max(axis=1) / LARGEST_PAIR
    step = np.maximum(np.abs(matrix).max(axis=1) / LARGEST, pairs)
    step = np.where(step > 0, step, 1.0)
    return _whole(matrix, step), (step / 127.0).astype(np.float32)


def to_blocks(weights: np.ndarray) -> np.ndarray:
    """[out, in] -> [out / 8, in / 4, 8, 4], the storage order of int8 matrices."""
    outputs, inputs = weights.shape
    grid = weights.reshape(outputs // ROWS, ROWS, inputs // COLUMNS, COLUMNS)
    return np.ascontiguousarray(grid.transpose(0, 2, 1, 3))


def block_index(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drops all-zero blocks: the index array and the blocks that remain, flat."""
    index: list[int] = []
    for group in blocks:
        present = np.flatnonzero(group.any(axis=(1, 2)))
        index += [len(present), *(COLUMNS * present).tolist()]
    kept = blocks[blocks.any(axis=(2, 3))]
    return np.asarray(index, np.int32), kept.reshape(-1)


def from_blocks(
    flat: np.ndarray, index: np.ndarray | None, outputs: int, inputs: int, column_first: bool
) -> np.ndarray:
    """The inverse of `to_blocks` / `block_index`: a dense [out, in] matrix.

    Sparse float matrices hold their blocks column by column (`column_first`).
    """
    groups, places = outputs // ROWS, inputs // COLUMNS
    if column_first:
        blocks = flat.reshape(-1, COLUMNS, ROWS).transpose(0, 2, 1)
    else:
        blocks = flat.reshape(-1, ROWS, COLUMNS)
    grid = np.zeros((groups, places, ROWS, COLUMNS), flat.dtype)
    if index is None:
        grid[:] = blocks.reshape(groups, places, ROWS, COLUMNS)
    else:
        at = used = 0
        for group in range(groups):
            count = int(index[at])
            columns = index[at + 1 : at + 1 + count] // COLUMNS
            grid[group, columns] = blocks[used : used + count]
            at += 1 + count
            used += count
        if at != len(index) or used != len(blocks):
            raise BlobError("block index and weights do not match")
    return grid.transpose(0, 2, 1, 3).reshape(outputs, inputs)


def dense_matrix(
    records: dict[str, np.ndarray], name: str, outputs: int, inputs: int
) -> np.ndarray:
    """The float matrix [out, in] of a layer, however it is stored (float wins over int8)."""
    index = records.get(f"{name}_weights_idx")
    flat = records.get(f"{name}_weights_float")
    if flat is not None:
        if index is not None:
            return from_blocks(flat, index, outputs, inputs, column_first=True)
        if flat.size != outputs * inputs:
            raise BlobError(f"layer {name}: {flat.size} weights, expected {outputs}x{inputs}")
        return flat.reshape(inputs, outputs).T
    flat = records.get(f"{name}_weights_int8")
    if flat is None:
        raise BlobError(f"layer {name}: no weights in the file")
    if index is None and flat.size != outputs * inputs:
        raise BlobError(f"layer {name}: {flat.size} weights, expected {outputs}x{inputs}")
    scale = records[f"{name}_scale"]
    matrix = from_blocks(flat, index, outputs, inputs, column_first=False)
    return matrix.astype(np.float32) * (scale[:, None] * np.float32(127.0))
