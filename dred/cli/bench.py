# SPDX-License-Identifier: BSD-3-Clause
"""`dred bench`: how long every stage takes on one core of this machine, beside real time."""

import argparse
import time
from collections.abc import Callable
from typing import Any

from dred.cli.options import add_json, add_models, number, print_json

# Seconds of signal that the stages work on.
SIGNAL_S = 4


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("bench", help="speed of every stage on this machine")
    add_models(parser)
    parser.add_argument("--cpu", metavar="NAME", help="kernels to use, e.g. portable")
    parser.add_argument(
        "--seconds", type=number(0.01, 60), default=0.5, help="time for each stage (default 0.5)"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from dred import load_models

    models = load_models(args.models, args.cpu)
    rows = [
        {"stage": name, "per": unit, "microseconds": _fastest(stage, args.seconds) / count}
        for name, unit, count, stage in _stages(models)
    ]
    if args.json:
        print_json({"cpu": models.cpu, "models": models.file, "stages": rows})
        return
    print(f"kernels: {models.cpu}, models: {models.file}")
    for row in rows:
        print(f"{row['stage']:<22} {row['microseconds']:9.1f} us per {row['per']}")


def _stages(models: Any) -> list[tuple[str, str, int, Callable[[], object]]]:
    """Name, unit, how many units one call does, and the call. Speech-like input: harmonics of a
    gliding pitch, in noise."""
    import numpy as np

    import dred
    from dred.units import CORE_RATE

    rng = np.random.default_rng(1)
    phase = np.cumsum(2 * np.pi * np.linspace(90, 220, SIGNAL_S * CORE_RATE) / CORE_RATE)
    pcm = sum(np.sin(k * phase) / k for k in range(1, 20)) * 0.1
    pcm = (pcm + rng.normal(0, 0.003, len(phase))).astype(np.float32)

    features = dred.extract_features(pcm, models)
    latents, states = dred.rdovae_encode(features, models)
    newest = len(latents) - 1
    settings = {"q0": 6, "dq": 3, "qmax": 15, "max_chunks": 26, "max_bytes": 1000}
    data = dred.encode_payload(latents, states, newest=newest, offset=10, **settings)
    payload = dred.decode_payload(data)
    vocoder = dred.Vocoder(models)
    vocoder.resume(pcm[:320], features[:5])
    predictor = dred.FeaturePredictor(models)
    step = np.zeros(57, np.float32)
    return [
        ("features", "10 ms", len(features), lambda: dred.extract_features(pcm, models)),
        ("RDO-VAE encoder", "20 ms", len(latents), lambda: dred.rdovae_encode(features, models)),
        (
            f"payload of {payload.chunks} chunks",
            "payload",
            1,
            lambda: dred.encode_payload(latents, states, newest=newest, offset=10, **settings),
        ),
        ("payload parsing", "payload", 1, lambda: dred.decode_payload(data)),
        (
            "RDO-VAE decoder",
            f"{payload.chunks * 40} ms",
            1,
            lambda: dred.rdovae_decode(payload.state, payload.latents, models),
        ),
        ("PLC predictor", "10 ms", 1, lambda: predictor.step(step)),
        ("vocoder", "10 ms", 100, lambda: vocoder.synthesize(features[5:105])),
    ]


def _fastest(stage: Callable[[], object], seconds: float) -> float:
    """Microseconds of the fastest call: what disturbs a measurement only makes it longer."""
    best = float("inf")
    end = time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        stage()
        now = time.perf_counter()
        best = min(best, now - start)
        if now >= end:
            return 1e6 * best
