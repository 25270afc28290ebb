# SPDX-License-Identifier: BSD-3-Clause
"""The other side of adversarial training: a network that learns against the one being trained.

The loop drives it beside the network; knows neither of the two graphs.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from dred.train.optimise import restore
from dred.train.parallel import Workers


class Critic:
    """The discriminators of a task (`task.critic`, `task.critic_loss`) with their optimiser."""

    def __init__(self, task: Any, workers: Workers):
        self.task, self.workers, config = task, workers, task.config
        self.alone = config.critic_alone
        self.clip = config.clip
        self.optimiser = torch.optim.AdamW(
            task.critic.parameters(), config.critic_lr, (config.beta1, config.beta2)
        )
        self.optimiser.param_groups[0]["peak"] = config.critic_lr

    def learns_alone(self, progress: float) -> bool:
        """At first the network stands still: its judges know nothing yet."""
        return progress < self.alone

    def update(self, batch: dict[str, torch.Tensor]) -> dict[str, float]:
        """One step on a batch for which the task's loss has been computed."""
        loss = self.task.critic_loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.workers.average_gradients(self.task.critic.parameters())
        norm = float(nn.utils.clip_grad_norm_(self.task.critic.parameters(), self.clip))
        if math.isfinite(norm):
            self.optimiser.step()
        return {"critic": float(loss.detach())}

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {
            "model": self.task.critic.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any] | None) -> None:
        """Goes on from `state`, with today's settings."""
        if state is None:
            raise ValueError("the checkpoint holds no discriminators: use --start, not --resume")
        self.task.critic.load_state_dict(state["model"])
        restore(self.optimiser, state["optimiser"])
