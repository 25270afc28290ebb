# SPDX-License-Identifier: BSD-3-Clause
"""Settings that every network's training has, and their way from and to a file (flat TOML)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from dred.errors import UnavailableError


@dataclass
class TrainConfig:
    """What every network's configuration has; the defaults of the others are in their tasks."""

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

    def override(self, assignments: list[str]) -> None:
        """Applies "key=value" strings; unknown keys and bad values raise ValueError."""
        for text in assignments:
            key, _, value = text.partition("=")
            kind = self._kind(key)
            try:
                parsed = value.lower() in ("1", "true", "yes") if kind is bool else kind(value)
            except ValueError:
                raise ValueError(f"{key}: {value!r} is no {kind.__name__}") from None
            setattr(self, key, parsed)

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
