# SPDX-License-Identifier: BSD-3-Clause
"""Network in torch <-> weight file, in both directions; knows layers and records, no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dred.train import blob
from dred.train.layers import Conv2d, Dense, Table

SPARSE_BELOW = 0.9  # store int8 blocks with an index when fewer than this share is nonzero


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(np.float32)


def _dense_records(layer: Dense) -> Iterator[tuple[str, np.ndarray]]:
    name = layer.record
    matrix = np.zeros((layer.stored_outputs, layer.inputs), np.float32)
    matrix[: layer.outputs] = _array(layer.weight)
    bias = np.zeros(layer.stored_outputs, np.float32)
    if layer.bias is not None:
        bias[: layer.outputs] = _array(layer.bias)
    if layer.int8:
        grid = None if layer.scale is None else _array(layer.scale)
        weights, scale = blob.quantise(matrix, grid)
        blocks = blob.to_blocks(weights)
        index, kept = blob.block_index(blocks)
        if kept.size < SPARSE_BELOW * blocks.size:
            yield f"{name}_weights_int8", kept
            yield f"{name}_weights_idx", index
        else:
            yield f"{name}_weights_int8", blocks.reshape(-1)
        yield f"{name}_subias", bias - np.float32(127) * scale * weights.sum(1, dtype=np.float32)
        yield f"{name}_scale", scale
    else:
        yield f"{name}_weights_float", matrix.T
    if layer.bias_kind != "none":
        yield f"{name}_bias", bias


def records(module: nn.Module) -> Iterator[tuple[str, np.ndarray]]:
    """All records of a network in the order of its layers."""
    for layer in module.modules():
        if isinstance(layer, Dense):
            yield from _dense_records(layer)
        elif isinstance(layer, Conv2d):
            yield f"{layer.record}_weight_float", _array(layer.weight)
            yield f"{layer.record}_bias", _array(layer.bias)
        elif isinstance(layer, Table):
            yield f"{layer.record}_weights_float", _array(layer.weight)
            yield f"{layer.record}_bias", np.zeros(layer.weight.shape[1], np.float32)


def save(module: nn.Module, path: Path | str) -> int:
    """Writes a network as a weight file; returns its size in bytes."""
    return blob.write_blob(path, records(module))


def load(module: nn.Module, path: Path | str) -> None:
    """Fills a network from any weight file that holds its layers (int8 or float, sparse or not)."""
    arrays = blob.read_blob(path)
    try:
        _fill(module, arrays)
    except blob.BlobError as reason:
        raise blob.BlobError(f"{path}: {reason}") from None


def _fill(module: nn.Module, arrays: dict[str, np.ndarray]) -> None:

    def fill(target: torch.Tensor, values: np.ndarray, name: str) -> None:
        if values.size != target.numel():
            raise blob.BlobError(f"{name} has {values.size} values, expected {target.numel()}")
        target.data.copy_(torch.from_numpy(np.array(values, np.float32)).view(target.shape))

    for layer in module.modules():
        if isinstance(layer, Dense):
            matrix = blob.dense_matrix(arrays, layer.record, layer.stored_outputs, layer.inputs)
            fill(layer.weight, matrix[: layer.outputs], layer.record)
            if layer.bias is not None:
                bias = arrays.get(f"{layer.record}_bias")
                if bias is None:
                    bias = np.zeros(layer.stored_outputs, np.float32)
                fill(layer.bias, bias[: layer.outputs], f"{layer.record}_bias")
        elif isinstance(layer, (Conv2d, Table)):
            key = "weight_float" if isinstance(layer, Conv2d) else "weights_float"
            if f"{layer.record}_{key}" not in arrays:
                raise blob.BlobError(f"no layer {layer.record}")
            fill(layer.weight, arrays[f"{layer.record}_{key}"], layer.record)
            if isinstance(layer, Conv2d):
                fill(layer.bias, arrays[f"{layer.record}_bias"], f"{layer.record}_bias")
