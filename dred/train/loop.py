# SPDX-License-Identifier: BSD-3-Clause
"""The one training loop: wall-clock schedule, averaging, checkpoints, curves; knows no network.

The budget is minutes, not steps: the learning rate anneals to zero exactly when the time is up,
however busy the machine was. A checkpoint carries the time spent, so a resumed run goes on where
it stopped.
"""

from __future__ import annotations

import copy
import csv
import io
import math
import os
import signal
import time
import zipfile
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from dred.errors import ModelError
from dred.io.files import make_folder, write_bytes
from dred.train import export, optimise
from dred.train.critic import Critic
from dred.train.layers import set_fake_int8
from dred.train.parallel import Workers

STATE = "state.pt"  # the checkpoint in a run's folder
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Task(Protocol):
    """One network's part: what to draw, what to minimise, what to measure.

    A task with a `critic` (a network of discriminators) and `critic_loss` is trained against it;
    one with `export(model, path)` writes its weight file by itself, with `load(path)` reads it.
    """

    name: str
    config: Any
    model: nn.Module

    def sample(self, rng: np.random.Generator, progress: float) -> dict[str, Tensor]: ...

    def loss(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]: ...

    def evaluate(self, model: nn.Module) -> dict[str, float]: ...

    def cost(self, figures: dict[str, float]) -> float:
        """What early stopping watches in an evaluation; less is better."""

    def audio_seconds(self, batch: dict[str, Tensor]) -> float: ...


class Constraint(Protocol):
    """What holds after every step of a run, whatever the gradients say."""

    def apply(self, model: nn.Module, average: nn.Module, progress: float) -> None: ...


def annealed(progress: float) -> float:
    """The learning rate at a share of the time, of its peak."""
    return max(0.5 * (1.0 + math.cos(math.pi * min(1.0, progress))), 1e-4)


def default_checkpoints() -> Path:
    """Outside any repository."""
    base = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    return Path(base) / "dred" / "train"


def noted_settings(folder: Path) -> dict[str, Any]:
    """The settings of the run in a folder, or nothing where there is none."""
    file = folder / STATE
    return dict(_read(file, "cpu")["config"]) if file.exists() else {}


def _read(file: Path, device: str) -> dict[str, Any]:
    if not zipfile.is_zipfile(file):  # what was cut off has no end of a zip file
        raise ModelError(f"{file}: is no whole checkpoint; take it away to begin anew")
    state: dict[str, Any] = torch.load(file, map_location=device)
    return state


class Run:
    """One training run in one folder: `state.pt`, `curve.csv`, `<network>.bin`."""

    def __init__(
        self, task: Task, folder: Path, resume: bool, constraint: Constraint | None = None
    ):
        self.constraint = constraint
        self.task, self.folder, self.config = task, folder, task.config
        make_folder(folder, ModelError)
        torch.set_num_threads(self.config.threads)
        if self.config.device.startswith("cuda"):
            torch.set_float32_matmul_precision("high")  # products in TF32
        self.workers = Workers(self.config.device)
        self.optimisers = optimise.create(task.model, self.config)
        self.export = getattr(task, "export", export.save)
        self.critic = Critic(task, self.workers) if hasattr(task, "critic") else None
        self.step, self.spent, self.audio = 0, 0.0, 0.0
        self.stopping = self.interrupted = False
        self.best, self.stale = math.inf, 0
        self.average = copy.deepcopy(task.model).eval()
        self.rng = np.random.default_rng(self.config.seed)
        if resume and (folder / STATE).exists():
            self._restore()
        elif self.workers.leads and not resume:
            self._set_aside()
        elif self.workers.leads:
            print(f"{task.name}: no checkpoint in {folder} to resume; begins from the start")
        self.workers.same_start(task.model)
        self.workers.same_start(self.average)
        if self.critic is not None:
            self.workers.same_start(self.critic.task.critic)
        if not self.workers.leads:
            self.rng = np.random.default_rng([self.config.seed, self.step, self.workers.rank])
            torch.manual_seed(int(self.rng.integers(2**62)))
        self.pairs = ([*self.average.parameters()], [*task.model.parameters()])
        self.average.requires_grad_(False)

    def _restore(self) -> None:
        file = self.folder / STATE
        state = _read(file, self.config.device)
        try:
            self._take_over(state)
        except (RuntimeError, ValueError, KeyError) as reason:
            text = str(reason).splitlines()[0]
            raise ModelError(f"{file}: of a run with other settings ({text})") from None
        if self.config.minutes > state["config"]["minutes"] and self.workers.leads:
            # More minutes for a run that has nearly ended are minutes at next to no learning rate.
            share = annealed(self.spent / (60.0 * self.config.minutes))
            print(
                f"{self.task.name}: resumed at {share:.1%} of the peak learning rate; "
                "--start with the weight file begins a new schedule"
            )

    def _take_over(self, state: dict[str, Any]) -> None:
        self.task.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimise.restore(optimiser, saved)
        if self.critic is not None:
            self.critic.restore(state.get("critic"))
        self.step, self.spent, self.audio = state["step"], state["spent"], state["audio"]
        self.best, self.stale = state.get("best", (math.inf, 0))
        self.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch_rng"].cpu())

    def _set_aside(self) -> None:
        """What a run of before left here, which no one asked to resume: not to be written over at
        the first Ctrl-C, nor taken for this one's."""
        before = self.folder / "before"
        names = (STATE, "curve.csv", "best.bin", f"{self.task.name}.bin")
        files = [self.folder / name for name in names]
        if files[0].exists():
            before.mkdir(exist_ok=True)
            print(f"{self.task.name}: begins anew, without --resume; the run of before: {before}")
            for file in files:
                if file.exists():
                    file.replace(before / file.name)

    def checkpoint(self) -> None:
        """Saves everything needed to go on, and the averaged network as a weight file."""
        if not self.workers.leads:
            return
        state = {
            "model": self.task.model.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [o.state_dict() for o in self.optimisers],
            "critic": None if self.critic is None else self.critic.state(),
            "step": self.step,
            "spent": self.spent,
            "best": (self.best, self.stale),
            "audio": self.audio,
            "rng": self.rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
            "config": asdict(self.config),
        }
        memory = io.BytesIO()
        torch.save(state, memory)
        write_bytes(self.folder / STATE, memory.getvalue(), ModelError)
        self.export(self.average, self.folder / f"{self.task.name}.bin")

    def _schedule(self, progress: float) -> None:
        scale = annealed(progress) * min(1.0, (self.step + 1) / self.config.warmup_steps)
        critics = [] if self.critic is None else [self.critic.optimiser]
        for optimiser in [*self.optimisers, *critics]:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * scale

    def _update(self, progress: float) -> dict[str, float]:
        self._schedule(progress)
        batch = self.task.sample(self.rng, progress)
        still = self.critic is not None and self.critic.learns_alone(progress)
        with torch.set_grad_enabled(not still), self._precision():
            loss, metrics = self.task.loss(batch)
        metrics = {"loss": float(loss.detach()), **metrics}
        if not still:
            metrics["norm"] = self._descend(loss, progress)
        if self.critic is not None:
            metrics |= self.critic.update(batch)
        self.step += 1
        self.audio += self.task.audio_seconds(batch)
        return metrics

    def _precision(self) -> Any:
        if self.config.precision != "bf16":
            return nullcontext()
        return torch.autocast(self.config.device.split(":")[0], torch.bfloat16)

    def _descend(self, loss: Tensor, progress: float) -> float:
        """One step of the network; the norm of its gradient, of which a broken one is skipped."""
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.workers.average_gradients(self.task.model.parameters())
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
        """Runs until the time is spent, progress ends or a signal comes; the last evaluation."""
        budget = self.config.minutes * 60.0
        before = [signal.signal(number, self._ask_to_stop) for number in SIGNALS]
        logged = saved = time.monotonic()
        gathered: list[dict[str, float]] = []
        self.task.model.train()
        rounding = False
        audio = self.audio
        ended = self._stale()  # one that had stopped for that
        while self.spent < budget and not ended:
            began = time.monotonic()
            if not rounding and self.spent >= self.config.int8_from * budget:
                rounding = True
                set_fake_int8(self.task.model, True)
            gathered.append(self._update(self.spent / budget))
            now = time.monotonic()
            self.spent, stopping = self.workers.largest(
                self.spent + now - began, float(self.stopping)
            )
            ended = stopping > 0  # not before all have heard of it
            if now - logged >= self.config.log_seconds:
                names = dict.fromkeys(name for metrics in gathered for name in metrics)
                row = {key: float(np.mean([m[key] for m in gathered if key in m])) for key in names}
                row["speed"] = self.workers.count * (self.audio - audio) / (now - logged)
                self._log(row)
                logged, audio, gathered = now, self.audio, []
            if now - saved >= self.config.checkpoint_seconds:
                self._validate()
                self.checkpoint()
                saved = logged = time.monotonic()
                audio = self.audio
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
        result = self._validate()
        self.checkpoint()
        return result

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping = self.interrupted = True

    def _validate(self) -> dict[str, float]:
        """Figures of the averaged network; keeps the best one where patience is limited."""
        if not self.workers.leads:
            return {}
        set_fake_int8(self.average, True)
        with torch.no_grad():
            result = self.task.evaluate(self.average)
        set_fake_int8(self.average, False)
        self._log({f"valid_{key}": value for key, value in result.items()})
        if self.config.patience:
            cost = self.task.cost(result)
            self.stale = 0 if cost < self.best else self.stale + 1
            if cost < self.best:
                self.best = cost
                self.export(self.average, self.best_file)
            self.stopping |= self._stale()
        return result

    def _stale(self) -> bool:
        return 0 < self.config.patience <= self.stale

    @property
    def best_file(self) -> Path:
        """The network of the best validation, where patience is limited."""
        return self.folder / "best.bin"

    def save(self, path: Path) -> int:
        """Writes the result of the run, the best or the last network; its size in bytes."""
        make_folder(path.parent, ModelError)
        if not (self.config.patience and self.best_file.exists()):
            return self.export(self.average, path)
        best = self.best_file.read_bytes()
        write_bytes(path, best, ModelError)
        return len(best)

    def _log(self, row: dict[str, float]) -> None:
        if not self.workers.leads:
            return
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
