# SPDX-License-Identifier: BSD-3-Clause
"""The list of networks that can be trained: name -> configuration and task."""

from __future__ import annotations

import argparse
from typing import Any

from dred.train.adversarial import AdversarialConfig, AdversarialTask
from dred.train.fargan import FarganConfig, FarganTask
from dred.train.loop import Task, TrainConfig
from dred.train.pitch import PitchConfig, PitchTask
from dred.train.plc import PlcConfig, PlcTask
from dred.train.rdovae import DecoderTask, EncoderTask, RdovaeConfig

CONFIGS: dict[str, type[TrainConfig]] = {
    "pitch": PitchConfig,
    "rdovae_encoder": RdovaeConfig,
    "rdovae_decoder": RdovaeConfig,
    "plc": PlcConfig,
    "fargan": FarganConfig,
    "fargan_adversarial": AdversarialConfig,
}


def config_of(label: str) -> TrainConfig:
    """The default settings of a network."""
    return CONFIGS[label]()


def create(label: str, config: Any, args: argparse.Namespace) -> Task:
    """The task of a network from the command line's files."""
    if label == "pitch":
        return PitchTask(config, args.data, args.valid, args.teacher)
    if label == "plc":
        return PlcTask(config, args.data, args.valid)
    if label == "rdovae_encoder":
        return EncoderTask(config, args.data, args.valid, args.teacher, args.statistics)
    if label == "rdovae_decoder":
        return DecoderTask(
            config, args.data, args.valid, args.teacher, args.statistics, args.encoder
        )
    vocoder = FarganTask if label == "fargan" else AdversarialTask
    return vocoder(config, args.data, args.valid, args.predictor)
