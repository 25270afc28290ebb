# SPDX-License-Identifier: BSD-3-Clause
"""The list of networks that can be trained: name -> configuration and task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dred.train.adversarial import AdversarialConfig, AdversarialTask
from dred.train.config import TrainConfig
from dred.train.distil import DistilConfig, DistilTask
from dred.train.fargan import FarganConfig, FarganTask
from dred.train.loop import Task
from dred.train.pitch import PitchConfig, PitchTask
from dred.train.plc import PlcConfig, PlcTask
from dred.train.rdovae_decoder import DecoderTask
from dred.train.rdovae_encoder import EncoderTask
from dred.train.rdovae_runs import RdovaeConfig
from dred.train.rdovae_scratch import ScratchConfig, ScratchTask

CONFIGS: dict[str, type[TrainConfig]] = {
    "pitch": PitchConfig,
    "rdovae_encoder": RdovaeConfig,
    "rdovae_decoder": RdovaeConfig,
    "rdovae_scratch": ScratchConfig,
    "plc": PlcConfig,
    "fargan": FarganConfig,
    "fargan_distil": DistilConfig,
    "fargan_adversarial": AdversarialConfig,
}


@dataclass(frozen=True)
class Files:
    """What trainings read: data folders, and weight files that some of them need."""

    data: Path
    valid: Path
    teacher: Path | None = None
    encoder: Path | None = None  # ours, for the decoder
    decoder: Path | None = None  # ours, for the encoder
    predictor: Path | None = None  # for the vocoder


def config_of(label: str) -> TrainConfig:
    """The default settings of a network."""
    return CONFIGS[label]()


def create(label: str, config: Any, files: Files) -> Task:
    """The task of a network."""
    folders = (files.data, files.valid)
    if label == "plc":
        return PlcTask(config, *folders, files.teacher)
    if label == "rdovae_scratch":
        return ScratchTask(config, *folders)
    if label == "fargan":
        return FarganTask(config, *folders, files.predictor)
    if label == "fargan_adversarial":
        return AdversarialTask(config, *folders, files.predictor)
    if files.teacher is None:
        raise ValueError(f"{label} needs --teacher: the weight file to agree with")
    if label == "fargan_distil":
        return DistilTask(config, *folders, files.teacher, files.predictor)
    if label == "pitch":
        return PitchTask(config, *folders, files.teacher)
    if label == "rdovae_encoder":
        return EncoderTask(config, *folders, files.teacher, files.decoder)
    return DecoderTask(config, *folders, files.teacher, files.encoder)
