# SPDX-License-Identifier: BSD-3-Clause
"""The order in which the networks of the package are trained, each from what came before."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dred.errors import ModelError
from dred.io.files import make_folder
from dred.models import NETWORKS, load_models
from dred.train import export, tasks
from dred.train.config import TrainConfig
from dred.train.loop import Run, noted_settings
from dred.train.parallel import own_device
from dred.train.tasks import Files

Settings = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """One run: a network, its share of the time, and the weight files it needs of earlier ones."""

    label: str
    share: float
    uses_encoder: bool = False
    uses_predictor: bool = False
    start: str | None = None  # the stage whose network it goes on with


STAGES = (
    Stage("pitch", 0.05),
    Stage("rdovae_encoder", 0.20),
    Stage("rdovae_decoder", 0.20, uses_encoder=True),
    Stage("plc", 0.10),
    Stage("fargan", 0.15, uses_predictor=True),
    Stage("fargan_distil", 0.30, uses_predictor=True, start="fargan"),
)


def train_all(
    files: Files, out: Path, checkpoints: Path, minutes: float, assignments: list[str], resume: bool
) -> bool:
    """Trains every network, `minutes` in all; `assignments` ("key=value") hold for all of them.

    Writes `out/<network>.bin`. With `resume`, finished stages are skipped and the one that was
    cut off goes on. Whether all of it was done, and no signal ended it.
    """
    configs = {}
    for stage in STAGES:
        noted = noted_settings(checkpoints / stage.label) if resume else {}
        configs[stage.label] = _config(stage, minutes, assignments, noted)
    if files.teacher is not None:  # the last to need it would miss its network hours later
        lacking = set(NETWORKS) - set(load_models(files.teacher).networks)
        if lacking:
            raise ModelError(f"{files.teacher}: lacks {', '.join(sorted(lacking))}")
    make_folder(out, ModelError)
    written: dict[str, Path] = {}
    for stage in STAGES:
        task = tasks.create(
            stage.label,
            configs[stage.label],
            dataclasses.replace(
                files,
                encoder=written["rdovae_encoder"] if stage.uses_encoder else None,
                predictor=written["plc"] if stage.uses_predictor else None,
            ),
        )
        if stage.start is not None:
            export.load(task.model, written[stage.start])
        run = Run(task, checkpoints / stage.label, resume)
        run.train()
        written[stage.label] = out / f"{task.name}.bin"
        if run.workers.leads:
            print(f"{written[stage.label]}: {run.save(written[stage.label])} bytes")
        if run.interrupted:
            return False
    return True


def begun_minutes(checkpoints: Path) -> float | None:
    """Time for all networks of the runs that were begun here; None where there are none."""
    begun = ((stage, noted_settings(checkpoints / stage.label)) for stage in STAGES)
    return next((noted["minutes"] / stage.share for stage, noted in begun if noted), None)


def _config(stage: Stage, minutes: float, assignments: list[str], noted: Settings) -> TrainConfig:
    config = tasks.config_of(stage.label)
    config.adopt(noted)
    config.minutes = minutes * stage.share
    config.override(assignments)
    config.device = own_device(config.device)
    config.check()
    return config
