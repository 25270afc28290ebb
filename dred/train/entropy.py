# SPDX-License-Identifier: BSD-3-Clause
"""A quantiser whose steps, dead zones and Laplace tables are learned, for all levels; no network.

After Valin, Büthe, Mustafa, "Low-bitrate redundancy coding of speech using a rate-distortion-
optimized variational autoencoder" (ICASSP 2023). It answers like `quantiser.Quantiser`, which
reads the tables that `tables` makes of it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from dred.profile import Profile
from dred.train.losses import laplace_rate_hard, laplace_rate_soft
from dred.train.quantiser import LEVELS, read_tables

DEAD_ZONE_UNIT = 0.05
FINEST, COARSEST = 4.0, 0.5  # steps per unit at the start, at the first and the last level


def inverse_softplus(y: Tensor) -> Tensor:
    """The x of which softplus is y > 0."""
    return torch.log(torch.expm1(y))


class LearnedQuantiser(nn.Module):
    """Scale, dead zone and distribution of every dimension at every level."""

    lr_scale = 10.0  # few numbers, each with a say in everything

    def __init__(self, size: int):
        super().__init__()
        start = torch.linspace(np.log(FINEST), np.log(COARSEST), LEVELS).exp()
        self.scale = nn.Parameter(inverse_softplus(start)[:, None].repeat(1, size))
        self.dead_zone = nn.Parameter(torch.zeros(LEVELS, size))
        self.decay_soft = nn.Parameter(torch.zeros(LEVELS, size))
        self.decay = nn.Parameter(torch.zeros(LEVELS, size))
        self.zero = nn.Parameter(torch.zeros(LEVELS, size))
        self.register_buffer("coded", torch.ones(LEVELS, size))

    @torch.no_grad()
    def begin_with(self, profile: Profile, kind: str) -> None:
        """Starts from the tables of another coder; what it does not code at a level stays so."""
        scale, dead_zone, r, p0 = read_tables(profile, kind)
        self.coded.copy_((r > 0) & (p0 < 255))
        r, p0 = r.clamp(1.0, 255.0) / 256.0, p0.clamp(1.0, 255.0) / 256.0
        self.scale.copy_(inverse_softplus(scale.clamp_min(1.0) / 256.0))
        self.dead_zone.copy_(inverse_softplus(dead_zone.clamp_min(1.0) / 256.0 / DEAD_ZONE_UNIT))
        self.decay.copy_(torch.logit(r))
        self.decay_soft.copy_(self.decay)
        exponent = torch.log(1.0 - p0) / torch.log(r)
        self.zero.copy_(torch.logit((2.0 * exponent - 1.0).clamp(0.02, 0.98)))

    def levels(self, x: Tensor, level: Tensor) -> Tensor:
        """Values on the quantiser's grid before rounding: scaled, dead zone applied."""
        y = x * fn.softplus(self.scale)[level]
        delta = DEAD_ZONE_UNIT * fn.softplus(self.dead_zone)[level]
        return (y - delta * torch.tanh(y / (delta + 0.1))) * self.coded[level]

    def distribution(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """Decay r and probability p0 of zero, per dimension, of the symbols at a level.

        The one place that says how likely symbols are: an entropy model that knows the chunks
        already decoded replaces this method.
        """
        r = torch.sigmoid(self.decay)[level]
        return r, 1.0 - r ** (0.5 + 0.5 * torch.sigmoid(self.zero)[level])

    def bits(self, q: Tensor, level: Tensor) -> Tensor:
        """Cost of integer symbols per dimension."""
        return laplace_rate_hard(q, *self.distribution(level)) * self.coded[level]

    def restore(self, q: Tensor, level: Tensor) -> Tensor:
        """Dequantised values."""
        return q / fn.softplus(self.scale)[level]

    def quantise(self, x: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """Dequantised values and symbols as a payload has them."""
        q = torch.floor(0.5 + self.levels(x, level))
        return self.restore(q, level), q

    def train_forward(self, x: Tensor, level: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(hard, soft, soft bits, hard bits): rounded straight through, and with uniform noise.

        Soft bits drive the encoder and the steps; hard bits only fit the tables.
        """
        y = self.levels(x, level)
        rounded = y + (torch.floor(0.5 + y) - y).detach()
        coded = self.coded[level]
        noisy = y + (torch.rand_like(y) - 0.5) * coded
        soft = laplace_rate_soft(y, torch.sigmoid(self.decay_soft)[level]) * coded
        hard = self.bits(rounded.detach(), level)
        return (
            self.restore(rounded, level),
            self.restore(noisy, level),
            soft.sum(-1),
            hard.sum(-1),
        )

    @torch.no_grad()
    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """Tables [4, 16, dimensions] as a profile has them, and factors [dimensions] of the values,
        by which the finest scale becomes 255/256. A dimension that has died at a level, being
        always zero there, costs no bits any more."""
        levels = torch.arange(LEVELS)
        scale = fn.softplus(self.scale).cpu().numpy()
        r, p0 = (t.cpu().numpy() for t in self.distribution(levels.to(self.scale.device)))
        factor = scale.max(0) * 256.0 / 255.0
        dead_zone = 256.0 * DEAD_ZONE_UNIT * fn.softplus(self.dead_zone).cpu().numpy()
        coded = self.coded.cpu().numpy()
        p0 = np.where(coded > 0, 256.0 * p0, 255.0)
        exact = np.stack([256.0 * scale / factor, dead_zone, 256.0 * r * coded, p0])
        low = np.array([1, 0, 0, 1])[:, None, None]  # no step, and no zero, cannot be coded
        return np.clip(np.round(exact), low, 255).astype(np.uint8), factor
