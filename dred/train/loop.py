# SPDX-License-Identifier: BSD-3-Clause
"""The one training loop: wall-clock schedule, averaging, checkpoints, curves; knows no network.

The budget is minutes, not steps: the learning rate anneals to zero exactly when the time is up,
however busy the machine was. A checkpoint carries the time spent, so a resumed run goes on where
it stopped.
"""

from __future__ import annotations

import copy
import csv
import math
import os
import signal
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from dred.train import export, optimise
from dred.train.critic import Critic
from dred.train.layers import set_fake_int8


@dataclass
class TrainConfig:
    """What every network's configuration has."""

    minutes: float = 30.0
    batch: int = 64
    lr: float = 1e-3
    beta1: float = 0.8
    beta2: float = 0.95
    weight_decay: float = 0.01
    clip: float = 1.0
    warmup_steps: int = 40
    ema: float = 0.999
    optimiser: str = "muon"  # for large matrices; or "adamw" for everything
    muon_lr: float = 0.01
    int8_from: float = 0.75  # share of the time after which weights are rounded
    sparsity: float = 1.0  # share of 8x4 blocks left in large matrices; 1: dense
    seed: int = 1
    threads: int = 1
    device: str = "cpu"
    log_seconds: float = 20.0
    checkpoint_seconds: float = 300.0

    def override(self, assignments: list[str]) -> None:
        """Applies "key=value" strings; unknown keys and bad values raise ValueError."""
        known = {f.name for f in fields(self)}
        for text in assignments:
            key, _, value = text.partition("=")
            if key not in known:
                raise ValueError(f"no setting {key!r}; known: {', '.join(sorted(known))}")
            kind = type(getattr(self, key))
            if kind is bool:
                setattr(self, key, value.lower() in ("1", "true", "yes"))
            else:
                setattr(self, key, kind(value))


class Task(Protocol):
    """One network's part: what to draw, what to minimise, what to measure.

    A task with a `critic` (a network of discriminators) and `critic_loss` is trained against it.
    """

    name: str
    config: Any
    model: nn.Module

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]: ...

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]: ...

    def evaluate(self, model: nn.Module) -> dict[str, float]: ...

    def audio_seconds(self, batch: dict[str, Tensor]) -> float: ...


class Constraint(Protocol):
    """What holds after every step of a run, whatever the gradients say."""

    def apply(self, model: nn.Module, average: nn.Module, progress: float) -> None: ...


def default_checkpoints() -> Path:
    """Outside any repository."""
    base = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    return Path(base) / "dred" / "train"


class Run:
    """One training run in one folder: `state.pt`, `curve.csv`, `<network>.bin`."""

    def __init__(
        self, task: Task, folder: Path, resume: bool, constraint: Constraint | None = None
    ):
        self.constraint = constraint
        self.task, self.folder, self.config = task, folder, task.config
        folder.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(self.config.threads)
        self.rng = np.random.default_rng(self.config.seed)
        self.optimisers = optimise.create(task.model, self.config)
        self.critic = Critic(task) if hasattr(task, "critic") else None
        self.step, self.spent, self.audio = 0, 0.0, 0.0
        self.stopping = False
        self.average = copy.deepcopy(task.model).eval()
        if resume and (folder / "state.pt").exists():
            self._restore()
        self.pairs = ([*self.average.parameters()], [*task.model.parameters()])
        self.average.requires_grad_(False)

    def _restore(self) -> None:
        state = torch.load(
            self.folder / "state.pt", map_location=self.config.device, weights_only=False
        )
        self.task.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            peaks = [group["peak"] for group in optimiser.param_groups]
            optimiser.load_state_dict(saved)
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["peak"] = peak
        if self.critic is not None:
            self.critic.restore(state.get("critic"))
        self.step, self.spent, self.audio = state["step"], state["spent"], state["audio"]
        self.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch_rng"])

    def checkpoint(self) -> None:
        """Saves everything needed to go on, and the averaged network as a weight file."""
        state = {
            "model": self.task.model.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [o.state_dict() for o in self.optimisers],
            "critic": None if self.critic is None else self.critic.state(),
            "step": self.step,
            "spent": self.spent,
            "audio": self.audio,
            "rng": self.rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
            "config": asdict(self.config),
        }
        temporary = self.folder / "state.part"
        torch.save(state, temporary)
        temporary.replace(self.folder / "state.pt")
        export.save(self.average, self.folder / f"{self.task.name}.bin")

    def _schedule(self, progress: float) -> None:
        scale = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
        scale = max(scale, 1e-4) * min(1.0, (self.step + 1) / self.config.warmup_steps)
        critics = [] if self.critic is None else [self.critic.optimiser]
        for optimiser in [*self.optimisers, *critics]:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * scale

    def _update(self, progress: float) -> dict[str, float]:
        self._schedule(progress)
        batch = self.task.sample(self.rng, progress)
        still = self.critic is not None and self.critic.learns_alone(progress)
        with torch.set_grad_enabled(not still):
            loss, metrics = self.task.loss(batch)
        metrics = {"loss": float(loss.detach()), **metrics}
        if not still:
            metrics["norm"] = self._descend(loss, progress)
        if self.critic is not None:
            metrics |= self.critic.update(batch)
        self.step += 1
        self.audio += self.task.audio_seconds(batch)
        return metrics

    def _descend(self, loss: Tensor, progress: float) -> float:
        """One step of the network; the norm of its gradient, of which a broken one is skipped."""
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(
            [p for p in self.task.model.parameters() if p.requires_grad], self.config.clip
        )
        if bool(torch.isfinite(norm)):
            for optimiser in self.optimisers:
                optimiser.step()
            decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
            with torch.no_grad():
                torch._foreach_lerp_(*self.pairs, 1.0 - decay)
            if self.constraint is not None:
                self.constraint.apply(self.task.model, self.average, progress)
        return float(norm)

    def train(self) -> dict[str, float]:
        """Runs until the time budget is spent or SIGTERM; returns the final evaluation."""
        budget = self.config.minutes * 60.0
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        logged = saved = time.monotonic()
        gathered: list[dict[str, float]] = []
        self.task.model.train()
        rounding = False
        audio = self.audio
        while self.spent < budget and not self.stopping:
            began = time.monotonic()
            if not rounding and self.spent >= self.config.int8_from * budget:
                rounding = True
                set_fake_int8(self.task.model, True)
            gathered.append(self._update(self.spent / budget))
            now = time.monotonic()
            self.spent += now - began
            if now - logged >= self.config.log_seconds:
                row = {
                    key: float(np.mean([m[key] for m in gathered if key in m]))
                    for key in gathered[-1]
                }
                row["speed"] = (self.audio - audio) / (now - logged)
                self._log(row)
                logged, audio, gathered = now, self.audio, []
            if now - saved >= self.config.checkpoint_seconds:
                self.checkpoint()
                self._log_evaluation()
                saved = time.monotonic()
                logged = saved
                audio = self.audio
        self.checkpoint()
        return self._log_evaluation()

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _log_evaluation(self) -> dict[str, float]:
        set_fake_int8(self.average, True)
        with torch.no_grad():
            result = self.task.evaluate(self.average)
        set_fake_int8(self.average, False)
        self._log({f"valid_{key}": value for key, value in result.items()})
        return result

    def _log(self, row: dict[str, float]) -> None:
        text = " ".join(f"{key} {value:.4g}" for key, value in row.items())
        print(
            f"{self.task.name} step {self.step} min {self.spent / 60:.1f} {text} "
            f"hours {self.audio / 3600:.1f}",
            flush=True,
        )
        with open(self.folder / "curve.csv", "a", newline="") as file:
            writer = csv.writer(file)
            for key, value in row.items():
                writer.writerow([self.step, f"{self.spent:.1f}", key, f"{value:.6g}"])
