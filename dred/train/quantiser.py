# SPDX-License-Identifier: BSD-3-Clause
"""The bitstream's quantiser and its cost in bits as differentiable functions; knows no network."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from dred.profile import TABLES, Profile

LEVELS = 16
SLOPES = (0, 2, 3, 4, 6, 8, 12, 16)  # sixteenths of a level per chunk, by dQ


def chunk_levels(q0: np.ndarray, dq: np.ndarray, qmax: np.ndarray, chunks: int) -> np.ndarray:
    """Quantiser level [.., chunks] of every chunk, newest first."""
    slope = np.asarray(SLOPES)[dq][..., None]
    level = q0[..., None] + (slope * np.arange(chunks) + 8) // 16
    return np.minimum(np.maximum(qmax, q0)[..., None], level)


def read_tables(profile: Profile, kind: str) -> tuple[Tensor, ...]:
    """Scales, dead zones, decays and probabilities of zero, times 256, each [16, dimensions]."""
    tables = profile.tables(kind)
    return tuple(torch.from_numpy(tables[name].astype(np.float32)) for name in TABLES)


class Quantiser(nn.Module):
    """Tables of one kind of vector ("latent" or "state"): levels x dimensions."""

    def __init__(self, profile: Profile, kind: str):
        super().__init__()
        scale, dead_zone, r, p0 = read_tables(profile, kind)
        self.register_buffer("coded", ((r > 0) & (p0 < 255)).float())
        self.register_buffer("scale", scale.clamp_min(1.0) / 256.0)
        self.register_buffer("dead_zone", dead_zone / 256.0)
        r, p0 = r.clamp(1.0, 255.0) / 256.0, p0.clamp(1.0, 255.0) / 256.0
        self.register_buffer("bits_zero", -torch.log2(p0))
        self.register_buffer("bits_one", -torch.log2(0.5 * (1 - p0) * (1 - r)))
        self.register_buffer("bits_more", -torch.log2(r))

    def levels(self, x: Tensor, level: Tensor) -> Tensor:
        """Values on the quantiser's grid before rounding: scaled, dead zone applied."""
        y = x * self.scale[level]
        delta = self.dead_zone[level]
        return (y - delta * torch.tanh(y / (delta + 0.1))) * self.coded[level]

    def bits(self, y: Tensor, level: Tensor) -> Tensor:
        """Cost per dimension, linear between integers: the mean cost of random rounding."""
        size = y.abs()
        below = self.bits_zero[level] + size * (self.bits_one[level] - self.bits_zero[level])
        above = self.bits_one[level] + (size - 1.0) * self.bits_more[level]
        return torch.where(size < 1.0, below, above) * self.coded[level]

    def restore(self, q: Tensor, level: Tensor) -> Tensor:
        """Dequantised values."""
        return q / self.scale[level]

    def quantise(self, x: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """Dequantised values and symbols as the bitstream has them; no gradient."""
        q = torch.floor(0.5 + self.levels(x, level))
        return self.restore(q, level), q

    def train_forward(self, x: Tensor, level: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(hard, soft, soft bits, hard bits): rounded straight through, and with uniform noise."""
        y = self.levels(x, level)
        rounded = y + (torch.floor(0.5 + y) - y).detach()
        coded = self.coded[level]
        noisy = y + (torch.rand_like(y) - 0.5) * coded
        return (
            self.restore(rounded, level),
            self.restore(noisy, level),
            self.bits(y, level).sum(-1),
            self.bits(rounded.detach(), level).sum(-1),
        )
