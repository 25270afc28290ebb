# SPDX-License-Identifier: BSD-3-Clause
"""Blocks of 8 outputs x 4 inputs, the pieces of int8 matrices: energies, masks, a schedule."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as fn

from dred.train.blob import COLUMNS, ROWS


def energies(matrix: Tensor) -> Tensor:
    """Sum of squares of every block of a matrix [out, in]: [out / 8, in / 4], rounded up."""
    outputs, inputs = matrix.shape
    padded = fn.pad(matrix, (0, -inputs % COLUMNS, 0, -outputs % ROWS))
    grid = padded.view(padded.shape[0] // ROWS, ROWS, padded.shape[1] // COLUMNS, COLUMNS)
    return grid.square().sum((1, 3))


def spread(mask: Tensor, like: Tensor) -> Tensor:
    """A mask of blocks as a mask of weights, in the shape of the matrix."""
    wide = mask.repeat_interleave(ROWS, 0).repeat_interleave(COLUMNS, 1)
    return wide[: like.shape[0], : like.shape[1]]


def strongest(scores: Tensor, count: int) -> Tensor:
    """A mask of the `count` highest positive scores."""
    mask = torch.zeros_like(scores, dtype=torch.bool)
    if count > 0:
        chosen = scores.flatten().topk(min(count, scores.numel())).indices
        mask.view(-1)[chosen] = True
    return mask & (scores > 0)


def share_at(progress: float, final: float, begin: float = 0.1, end: float = 0.6) -> float:
    """Share of blocks kept at a point of the training: 1, then falling as a cube, then `final`.

    Fast at first, when many blocks matter little, and slow at the end (Zhu and Gupta, "To prune,
    or not to prune", 2017).
    """
    left = min(1.0, max(0.0, (end - progress) / (end - begin)))
    return final + (1.0 - final) * left**3
