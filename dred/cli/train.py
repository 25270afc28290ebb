# SPDX-License-Identifier: BSD-3-Clause
"""`dred train ...`: starts the training of a network; knows no graph and no loss."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from dred.cli.options import number
from dred.errors import UnavailableError

NETWORKS = ("pitch", "rdovae", "plc", "fargan")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `train` and its own sub-commands."""
    parser = subparsers.add_parser("train", help="train the networks (needs the extra 'train')")
    commands = parser.add_subparsers(dest="network", required=True, metavar="WHAT")
    features = commands.add_parser("features", help="compute pcm and features once, for all")
    features.add_argument("speech", type=Path, help="folder of audio files (16 kHz mono)")
    features.add_argument("out", type=Path, help="data folder to write")
    features.add_argument("--models", type=Path, help="weight file with the pitch network")
    features.add_argument(
        "--decoded", action="store_true", help="add features as the redundancy decoder returns them"
    )
    features.add_argument("--statistics", type=Path, help="quantiser tables (npz)")
    for name in NETWORKS:
        network = commands.add_parser(name, help=f"train the network {name}")
        network.add_argument("data", type=Path, help="data folder of 'dred train features'")
        network.add_argument("valid", type=Path, help="the same, of held-out speakers")
        network.add_argument("--checkpoints", type=Path, help="folder of checkpoints and curves")
        network.add_argument("--resume", action="store_true", help="go on from the checkpoint")
        network.add_argument("--start", type=Path, help="weight file to start from")
        network.add_argument(
            "--sparse-update",
            type=number(0.001, 1.0),
            metavar="SHARE",
            help="change only this share of the weights of --start (for 'dred models diff')",
        )
        network.add_argument("--out", type=Path, help="weight file to write at the end")
        network.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="change a setting of the network's configuration",
        )
        network.add_argument("--config", action="store_true", help="print the settings and stop")
        if name in ("pitch", "rdovae"):
            network.add_argument(
                "--teacher",
                type=Path,
                required=True,
                help="weight file of the network to agree with",
            )
        if name == "fargan":
            network.add_argument(
                "--stage",
                choices=("pretrain", "adversarial"),
                default="pretrain",
                help="by spectral loss alone, or against discriminators (from --start)",
            )
            network.add_argument(
                "--predictor",
                type=Path,
                help="weight file of the feature predictor, to train on its features too",
            )
        if name == "rdovae":
            network.add_argument("--part", choices=("encoder", "decoder"), required=True)
            network.add_argument(
                "--statistics", type=Path, required=True, help="quantiser tables (npz)"
            )
            network.add_argument(
                "--encoder", type=Path, help="weight file of our encoder, for training the decoder"
            )


def run(args: argparse.Namespace) -> int:
    """Runs one sub-command; failures leave as exceptions."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise UnavailableError("torch is not installed (pip install 'dred[train]')") from None
    if args.network == "features":
        from dred.train.features import build

        build(args.speech, args.out, args.models, args.decoded, args.statistics)
        return 0
    return _network(args)


def _label(args: argparse.Namespace) -> str:
    if args.network == "rdovae":
        return f"rdovae_{args.part}"
    if args.network == "fargan" and args.stage == "adversarial":
        return "fargan_adversarial"
    return str(args.network)


def _constraint(args: argparse.Namespace, task: Any) -> Any:
    """What holds during the run: few weights change, or few remain."""
    from dred.train.sparse_update import SparseUpdate
    from dred.train.sparsity import BlockSparsity

    if args.sparse_update is not None:
        if args.start is None:
            raise ValueError("--sparse-update needs --start: the weight file to update")
        if task.config.sparsity < 1.0:
            raise ValueError("--sparse-update keeps the blocks of --start: no sparsity beside it")
        return SparseUpdate(task.model, args.start, args.sparse_update)
    if task.config.sparsity < 1.0:
        return BlockSparsity(task.model, task.config.sparsity)
    return None


def _network(args: argparse.Namespace) -> int:
    from dred.train import export, tasks
    from dred.train.loop import Run, default_checkpoints

    label = _label(args)
    config = tasks.config_of(label)
    config.override(args.set)
    if args.config:
        for field in fields(config):
            print(f"{field.name}={getattr(config, field.name)}")
        return 0
    task = tasks.create(label, config, args)
    if args.start is not None:
        export.load(task.model, args.start)
    folder = (args.checkpoints or default_checkpoints()) / label
    training = Run(task, folder, args.resume, _constraint(args, task))
    result = training.train()
    print(" ".join(f"{key} {value:.4g}" for key, value in result.items()))
    if args.out is not None:
        size = export.save(training.average, args.out)
        print(f"{args.out}: {size} bytes")
    return 0
