# SPDX-License-Identifier: BSD-3-Clause
"""Several processes that train one network (torchrun): gradients are averaged; knows no network.

One reduction of all gradients together after the backward pass: our layers gather weight gradients
by hand, which the hooks of DistributedDataParallel would not see, and the networks are so small
that there is nothing to hide behind the backward pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import distributed, nn


def own_device(device: str) -> str:
    """Of several processes each takes a GPU of its own for "cuda"."""
    rank = os.environ.get("LOCAL_RANK")
    return f"cuda:{rank}" if device == "cuda" and rank is not None else device


class Workers:
    """The processes of one run; a single one where torchrun has not started us."""

    def __init__(self, device: str):
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = device
        if self.count > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")

    @property
    def leads(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """The mean over the processes; a parameter that one of them did not use counts as zero."""
        if self.count == 1:
            return
        gradients = []
        for p in parameters:
            if p.requires_grad:
                p.grad = torch.zeros_like(p) if p.grad is None else p.grad
                gradients.append(p.grad)
        flat = torch.cat([g.flatten() for g in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        for gradient, mean in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(mean.view_as(gradient))

    def same_start(self, module: nn.Module) -> None:
        """Everyone takes the weights of the first process."""
        if self.count > 1:
            for tensor in module.state_dict().values():
                distributed.broadcast(tensor, 0)

    def largest(self, *values: float) -> list[float]:
        """The maxima over the processes, so that all decide alike."""
        if self.count == 1:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(shared, distributed.ReduceOp.MAX)
        return [float(value) for value in shared]
