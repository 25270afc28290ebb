# SPDX-License-Identifier: BSD-3-Clause
"""Settings that every network's training has, and their way from and to a file (flat TOML)."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

import torch

from dred.errors import UnavailableError

TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass
class TrainConfig:
    """What every network's configuration has; the defaults of the others are in their tasks."""

    # What numbers are at least; what words may be.
    LEAST: ClassVar[dict[str, float]] = {
        "minutes": 0.0, "batch": 1, "warmup_steps": 1, "sparsity": 0.001, "seed": 0, "threads": 1,
        "patience": 0,
    }  # fmt: skip
    WORDS: ClassVar[dict[str, tuple[str, ...]]] = {
        "optimiser": ("muon", "adamw"),
        "precision": ("auto", "bf16"),
    }

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
    precision: str = "auto"  # fp32, with TF32 products on a GPU; or "bf16": autocast
    log_seconds: float = 20.0
    checkpoint_seconds: float = 300.0
    patience: int = 0  # validations without progress after which to stop; 0: never

    def read(self, path: Path) -> None:
        """Applies a TOML file of `key = value` lines; what it does not name stays."""
        try:
            import tomllib
        except ImportError:
            raise UnavailableError("--config needs Python 3.11; use --set here") from None
        try:
            table = tomllib.loads(path.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
            raise ValueError(f"{path}: no TOML: {reason}") from None
        for key, value in table.items():
            kind = self._kind(key, f"{path}: ")
            fits = (int, float) if kind is float else (kind,)
            if type(value) not in fits:
                raise ValueError(f"{path}: {key}: {value!r} is no {kind.__name__}")
            setattr(self, key, kind(value))

    def adopt(self, settings: dict[str, Any]) -> None:
        """Applies those of a run of before; what is no setting any more is left out."""
        for field in fields(self):
            setattr(self, field.name, settings.get(field.name, getattr(self, field.name)))

    def override(self, assignments: list[str]) -> None:
        """Applies "key=value" strings; unknown keys and bad values raise ValueError."""
        for text in assignments:
            key, _, value = text.partition("=")
            kind = self._kind(key)
            try:
                parsed = TRUTH[value.lower()] if kind is bool else kind(value)
            except (ValueError, KeyError):
                raise ValueError(f"{key}: {value!r} is no {kind.__name__}") from None
            setattr(self, key, parsed)

    def check(self) -> None:
        """A ValueError for what cannot be trained with, before anything is read or written."""
        for field in fields(self):
            key, value = field.name, getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{key}: must be finite, not {value}")
            if key in self.LEAST and value < self.LEAST[key]:
                raise ValueError(f"{key}: must be at least {self.LEAST[key]:g}, not {value}")
            if key in self.WORDS and value not in self.WORDS[key]:
                raise ValueError(f"{key}: must be {' or '.join(self.WORDS[key])}, not {value!r}")
        try:
            torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError) as reason:
            text = str(reason).splitlines()[0]
            raise ValueError(f"device: {self.device!r} cannot be used here ({text})") from None

    def _kind(self, key: str, where: str = "") -> type:
        known = sorted(field.name for field in fields(self))
        if key not in known:
            raise ValueError(f"{where}no setting {key!r}; known: {', '.join(known)}")
        return type(getattr(self, key))

    def text(self) -> str:
        """All settings as `read` takes them."""
        lines = []
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool):
                written = str(value).lower()
            else:
                written = f'"{value}"' if isinstance(value, str) else repr(value)
            lines.append(f"{field.name} = {written}")
        return "\n".join(lines)
