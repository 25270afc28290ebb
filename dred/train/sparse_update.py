# SPDX-License-Identifier: BSD-3-Clause
"""Fine-tuning that changes only a share of the int8 weights, so that the difference is small.

All else stays as it was, to the bit: other arrays are frozen, and the int8 grid is that of the
base. Which blocks may change is settled step by step, by how far training moves them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dred.train import blob, blocks
from dred.train.layers import Dense


class SparseUpdate:
    """Keeps a network near the weight file it started from."""

    def __init__(self, model: nn.Module, base: Path | str, share: float):
        """`share`: of the 8x4 blocks of int8 weights that may differ in the end."""
        self.share = share
        arrays = blob.read_blob(base)
        model.requires_grad_(False)
        self.layers = [m for m in model.modules() if isinstance(m, Dense) and m.int8]
        for layer in self.layers:
            scale = arrays.get(f"{layer.record}_scale")
            if scale is None:
                raise blob.BlobError(f"{base}: layer {layer.record} has no int8 weights to update")
            layer.fix_grid(torch.from_numpy(np.array(scale)))
            layer.weight.requires_grad_(True)
        self.base = [layer.weight.detach().clone() for layer in self.layers]
        # blocks that a sparse base does not store have no place in an update
        self.open = [
            blocks.energies(weight) > 0
            if f"{layer.record}_weights_idx" in arrays
            else torch.ones_like(blocks.energies(weight), dtype=torch.bool)
            for layer, weight in zip(self.layers, self.base, strict=True)
        ]

    @torch.no_grad()
    def apply(self, model: nn.Module, average: nn.Module, progress: float) -> None:
        """After a step: chooses the blocks that may differ, and takes all others back."""
        steps = [layer.grid_step() for layer in self.layers]
        moved = [
            blocks.energies((layer.weight - base) / step) * free
            for layer, base, step, free in zip(
                self.layers, self.base, steps, self.open, strict=True
            )
        ]
        flat = torch.cat([m.flatten() for m in moved])
        kept = blocks.strongest(flat, round(blocks.share_at(progress, self.share) * len(flat)))
        masks = kept.split([m.numel() for m in moved])
        twins = [m for m in average.modules() if isinstance(m, Dense) and m.int8]
        for layer, twin, base, step, mask, shape in zip(
            self.layers, twins, self.base, steps, masks, moved, strict=True
        ):
            free = blocks.spread(mask.view_as(shape), base)
            for network in (layer, twin):
                network.weight.copy_(
                    torch.where(free & _storable(network.weight / step), network.weight, base)
                )


def _storable(weights: Tensor) -> Tensor:
    """Whether weights in grid steps, and the sums of neighbouring ones, are in range."""
    rounded = weights.round()
    pairs = (rounded[:, 0::2] + rounded[:, 1::2]).abs() <= blob.LARGEST_PAIR
    return (rounded.abs() <= blob.LARGEST) & pairs.repeat_interleave(2, 1)
