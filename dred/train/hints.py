# SPDX-License-Identifier: BSD-3-Clause
"""What a teacher's inner layers know, asked of a student's: hints for its training (Romero et al.,
"FitNets", 2015); knows no graph and no data.

A layer of the student need not hold the same numbers as the teacher's. It is to hold what they can
be told from: the best linear map from the one to the other, found anew by least squares while the
student changes, is to leave little.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

DECAY = 0.98  # of the sums behind the maps, per batch
EVERY = 10  # batches between two solutions
RIDGE = 1e-6  # of the mean power of the inputs

Layers = dict[str, Tensor]  # name of a module -> its outputs [.., units]


@contextmanager
def listening(network: nn.Module, names: tuple[str, ...]) -> Iterator[Layers]:
    """Notes what the modules of these names put out in calls inside."""
    heard: Layers = {}

    def note(name: str) -> RemovableHandle:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            heard[name] = output

        return network.get_submodule(name).register_forward_hook(hook)

    handles = [note(name) for name in names]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


class Map:
    """The best linear map from vectors of one kind to those of another, with an offset."""

    def __init__(self) -> None:
        self.count = 0
        self.power = self.cross = self.matrix = torch.zeros(())

    def learn(self, known: Tensor, wanted: Tensor) -> None:
        """Adds pairs [n, units] to the sums, and solves for the map now and then."""
        power, cross = known.t() @ known, known.t() @ wanted
        self.power = power if self.count == 0 else DECAY * self.power + power
        self.cross = cross if self.count == 0 else DECAY * self.cross + cross
        if self.count % EVERY == 0:
            system = self.power.double()
            system.diagonal().add_(RIDGE * system.diagonal().mean())
            self.matrix = torch.linalg.solve(system, self.cross.double()).to(cross)
        self.count += 1


class Hints:
    """The share of the teacher's layers that the student's do not tell, mean over the layers."""

    def __init__(self, names: tuple[str, ...]):
        self.names = names
        self.maps = {name: Map() for name in names}

    def untold(self, student: Layers, teacher: Layers) -> Tensor:
        """Between 0 and about 1; differentiable in the student's layers. By the way, the maps learn
        from these pairs."""
        shares = []
        for name in self.names:
            rows, wanted = student[name].flatten(0, -2), teacher[name].flatten(0, -2)
            known = torch.cat([rows, torch.ones_like(rows[:, :1])], 1)
            self.maps[name].learn(known.detach(), wanted)
            rest = (known @ self.maps[name].matrix - wanted).square().sum()
            spread = (wanted - wanted.mean(0)).square().sum()
            shares.append(rest / (spread + 1e-9))
        return torch.stack(shares).mean()
