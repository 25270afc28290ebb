# SPDX-License-Identifier: BSD-3-Clause
"""Optimisers: AdamW for everything, or Muon for large matrices; know no network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

MIN_SIDE = 32  # smaller matrices stay with AdamW


def orthogonalise(matrix: Tensor, rounds: int = 5) -> Tensor:
    """About the nearest matrix with all singular values near 1 (Newton-Schulz, quintic).

    In the precision of the input: bfloat16, which the published method uses, is several times
    slower than float32 on processors without matrix units.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.t() if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        gram = x @ x.t()
        mix = torch.addmm(gram, gram, gram, beta=-4.7750, alpha=2.0315)
        x = torch.addmm(x, mix, x, beta=3.4445)
    return x.t() if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix is orthogonalised before the step; few-step trainings gain most."""

    def __init__(
        self,
        params: list[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One update from the gradients."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                buffer = self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
                buffer.lerp_(p.grad, 1.0 - group["momentum"])
                update = orthogonalise(p.grad.lerp(buffer, group["momentum"]))
                p.mul_(1.0 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)


def create(model: nn.Module, config: object) -> list[torch.optim.Optimizer]:
    """One group per learning-rate factor; large matrices go to Muon where it is asked for."""
    settings = vars(config)
    scales = {
        id(p): layer.lr_scale
        for layer in model.modules()
        if hasattr(layer, "lr_scale")
        for p in layer.parameters(recurse=False)
    }
    groups: dict[float, list[nn.Parameter]] = {}
    matrices: list[nn.Parameter] = []
    for p in model.parameters():
        scale = scales.get(id(p), 1.0)
        if (
            settings["optimiser"] == "muon"
            and p.ndim == 2
            and min(p.shape) >= MIN_SIDE
            and scale == 1.0
        ):
            matrices.append(p)
        else:
            groups.setdefault(scale, []).append(p)
    lr, decay = settings["lr"], settings["weight_decay"]
    result: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(
            [{"params": group, "lr": lr * scale} for scale, group in groups.items()],
            lr,
            (settings["beta1"], settings["beta2"]),
            weight_decay=decay,
            fused=True,
        )
    ]
    if matrices:
        result.append(Muon(matrices, settings["muon_lr"], weight_decay=decay))
    for optimiser in result:
        for entry in optimiser.param_groups:
            entry["peak"] = entry["lr"]
    return result


def restore(optimiser: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Goes on from a saved state, with today's settings: those of then come with it."""
    settings = [{k: v for k, v in g.items() if k != "params"} for g in optimiser.param_groups]
    optimiser.load_state_dict(saved)
    for group, today in zip(optimiser.param_groups, settings, strict=True):
        group.update(today)
