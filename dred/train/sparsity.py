# SPDX-License-Identifier: BSD-3-Clause
"""Gradual pruning of the large matrices to a density, in the 8x4 blocks the C core can skip."""

from __future__ import annotations

import torch
from torch import nn

from dred.train import blocks
from dred.train.layers import Dense

SMALLEST = 96 * 64  # weights; smaller matrices gain nothing and cost quality


class BlockSparsity:
    """Keeps the strongest blocks of every large int8 matrix; their share falls with time."""

    def __init__(self, model: nn.Module, density: float):
        """`density`: share of the blocks that remain; 1 prunes nothing."""
        self.density = density
        self.layers = large_layers(model)

    @torch.no_grad()
    def apply(self, model: nn.Module, average: nn.Module, progress: float) -> None:
        """After a step: zeroes the weakest blocks, in the averaged network too."""
        share = blocks.share_at(progress, self.density)
        for layer, twin in zip(self.layers, large_layers(average), strict=True):
            scores = blocks.energies(layer.weight)
            mask = blocks.strongest(scores, round(share * scores.numel()))
            wide = blocks.spread(mask, layer.weight)
            layer.weight.mul_(wide)
            twin.weight.mul_(wide)


def large_layers(model: nn.Module) -> list[Dense]:
    """The int8 matrices worth pruning: inputs and recurrences of GRUs, wide dense layers."""
    return [
        m
        for m in model.modules()
        if isinstance(m, Dense) and m.int8 and m.weight.numel() >= SMALLEST
    ]
