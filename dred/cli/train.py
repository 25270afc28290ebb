# SPDX-License-Identifier: BSD-3-Clause
"""`dred train ...`: starts the training of networks; knows no graph and no loss."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from dred.cli.options import integer, number, progress, warn
from dred.errors import UnavailableError

NETWORKS = ("pitch", "rdovae", "plc", "fargan")
ALL_MINUTES = 400.0
INTERRUPTED = 130  # a signal ended the training, which has written its checkpoint


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `train` and its own sub-commands."""
    parser = subparsers.add_parser("train", help="train the networks (needs the extra 'train')")
    commands = parser.add_subparsers(dest="network", required=True, metavar="WHAT")
    _add_features(commands.add_parser("features", help="compute pcm and features once, for all"))
    for name in NETWORKS:
        _add_network(commands.add_parser(name, help=f"train the network {name}"), name)
    _add_all(commands.add_parser("all", help="train every network of the package, one by one"))
    _add_plot(commands.add_parser("plot", help="a picture of how trainings went, or go"))


def _add_features(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "speech", type=Path, help="folder of recordings (WAV, FLAC, MP3, ..., of 16 kHz or more)"
    )
    parser.add_argument("out", type=Path, help="data folder to write")
    parser.add_argument("--models", type=Path, help="weight file with the pitch network")
    parser.add_argument(
        "--decoded", action="store_true", help="add features as the redundancy decoder returns them"
    )
    parser.add_argument(
        "--copies",
        type=integer(0, 100),
        default=0,
        metavar="N",
        help="add N copies of every file with another speed, equaliser, room and noise (default 0)",
    )
    parser.add_argument("--seed", type=integer(0), default=1, help="of --copies (default 1)")


def _add_run(parser: argparse.ArgumentParser) -> None:
    """What one network and all of them have in common."""
    parser.add_argument("data", type=Path, help="data folder of 'dred train features'")
    parser.add_argument("valid", type=Path, help="the same, of held-out speakers")
    parser.add_argument("--checkpoints", type=Path, help="folder of checkpoints and curves")
    parser.add_argument("--resume", action="store_true",
                        help="go on from the checkpoint, with its settings")  # fmt: skip
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a setting of the network's configuration",
    )


def _add_teacher(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--teacher", type=Path, help="weight file of the network to agree with")


def _add_network(parser: argparse.ArgumentParser, name: str) -> None:
    _add_run(parser)
    # torchrun takes --start for an abbreviation of its own --start-method
    parser.add_argument(
        "--start", "--start-from", dest="start", type=Path, help="weight file to start from"
    )
    parser.add_argument(
        "--sparse-update",
        type=number(0.001, 1.0),
        metavar="SHARE",
        help="change only this share of the weights of --start (for 'dred models diff')",
    )
    parser.add_argument("--out", type=Path, help="weight file to write at the end")
    parser.add_argument(
        "--float", action="store_true", help="write float weights, to measure what int8 costs"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (TOML), before --set")
    parser.add_argument(
        "--print-config", action="store_true", help="print all settings as --config takes them"
    )
    _add_teacher(parser)
    if name == "rdovae":
        parser.add_argument(
            "--part",
            choices=("encoder", "decoder", "scratch"),
            required=True,
            help="of the compatible profile; or all of a profile of its own, from scratch",
        )
        parser.add_argument(
            "--encoder", type=Path, help="weight file of our encoder, for training the decoder"
        )
        parser.add_argument(
            "--decoder",
            type=Path,
            help="weight file of our decoder, for training the encoder through it too",
        )
    if name == "fargan":
        parser.add_argument(
            "--stage",
            choices=("pretrain", "distil", "adversarial"),
            default="pretrain",
            help="by spectral loss alone; by agreement with --teacher; against discriminators",
        )
        parser.add_argument(
            "--predictor",
            type=Path,
            help="weight file of the feature predictor, to train on its features too",
        )


def _add_all(parser: argparse.ArgumentParser) -> None:
    _add_run(parser)
    parser.add_argument("out", type=Path, help="folder for the weight files")
    _add_teacher(parser)
    parser.add_argument(
        "--minutes",
        type=number(0.01),
        help=f"time for all networks together (default {ALL_MINUTES:g}, or as begun)",
    )


def _add_plot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", help="folders of --checkpoints")
    parser.add_argument("out", type=Path, help="picture to write (PNG, SVG, PDF)")


def run(args: argparse.Namespace) -> int:
    """Runs one sub-command; failures leave as exceptions."""
    if args.network == "plot":
        from dred.train.history import plot_history

        plot_history(args.out, args.runs)
        return 0
    try:
        import torch  # noqa: F401
    except ImportError:
        raise UnavailableError("torch is not installed (pip install 'dred[train]')") from None
    if args.network == "features":
        from dred.train.features import build

        left_out = build(
            args.speech,
            args.out,
            args.models,
            tell=warn,
            decoded=args.decoded,
            copies=args.copies,
            seed=args.seed,
            progress=lambda files: progress(files, "features"),
        )
        return int(left_out > 0)
    return _all(args) if args.network == "all" else _network(args)


def _label(args: argparse.Namespace) -> str:
    if args.network == "rdovae":
        return f"rdovae_{args.part}"
    if args.network == "fargan" and args.stage != "pretrain":
        return f"fargan_{args.stage}"
    return str(args.network)


def _files(args: argparse.Namespace) -> Any:
    from dred.train.tasks import Files

    names = ("teacher", "encoder", "decoder", "predictor")
    return Files(args.data, args.valid, **{name: getattr(args, name, None) for name in names})


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
    from dred.errors import ModelError
    from dred.io.files import check_writable, make_folder
    from dred.train import export, tasks
    from dred.train.layers import keep_float
    from dred.train.loop import Run, default_checkpoints, noted_settings
    from dred.train.parallel import own_device

    label = _label(args)
    folder = (args.checkpoints or default_checkpoints()) / label
    config = tasks.config_of(label)
    if args.resume:
        config.adopt(noted_settings(folder))
    if args.config is not None:
        config.read(args.config)
    config.override(args.set)
    if args.print_config:
        print(config.text())
        return 0
    config.device = own_device(config.device)
    config.check()
    if args.float and config.patience:
        raise ValueError("--float writes the last network, patience keeps the best; choose one")
    if args.out is not None:
        make_folder(args.out.parent, ModelError)
        check_writable(args.out, ModelError)
    task = tasks.create(label, config, _files(args))
    if args.start is not None:
        getattr(task, "load", partial(export.load, task.model))(args.start)
    training = Run(task, folder, args.resume, _constraint(args, task))
    result = training.train()
    if not training.workers.leads:
        return 0
    print(" ".join(f"{key} {value:.4g}" for key, value in result.items()))
    if args.float:
        keep_float(training.average)
    if args.out is not None:
        best = config.patience and training.best_file.exists()
        kept = f", the best network (cost {training.best:.4g})" if best else ""
        print(f"{args.out}: {training.save(args.out)} bytes{kept}")
    return INTERRUPTED if training.interrupted else 0


def _all(args: argparse.Namespace) -> int:
    from dred.train.loop import default_checkpoints
    from dred.train.recipe import begun_minutes, train_all

    checkpoints = args.checkpoints or default_checkpoints()
    minutes = args.minutes
    if minutes is None:
        minutes = begun_minutes(checkpoints) if args.resume else None
    done = train_all(
        _files(args), args.out, checkpoints, minutes or ALL_MINUTES, args.set, args.resume
    )
    return 0 if done else INTERRUPTED
