# SPDX-License-Identifier: BSD-3-Clause
"""Figures of weight files on a data folder of held-out speech, network by network.

`tools/bench/quality.py` prints them all; rate and distortion of coders are in `dred.train.curves`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dred.models import Models
from dred.stages import Vocoder
from dred.train import export
from dred.train.curves import (
    Coder,
    Row,
    decoder_agreement,
    feature_sequences,
    rate_at_equal_distortion,
    rate_distortion,
)
from dred.train.data import STEP, SpeechData
from dred.train.fargan import DELAY
from dred.train.pitch import PitchConfig, PitchTask
from dred.train.plc import PlcConfig, PlcTask

OURS, REFERENCE = "ours", "reference"
VOCODER_SECONDS = 5.6


def load_network(kind: Callable[[], nn.Module], weights: Path) -> nn.Module:
    """A network in torch, weights as stored."""
    network = kind().eval().requires_grad_(False)
    export.load(network, weights)
    return network


def coder_report(coders: dict[str, Coder], features: Tensor) -> dict[str, dict[str, Any]]:
    """Curves of all pairs of encoder and decoder, their rates relative to the reference pair's,
    and how far our decoder is from the reference's."""
    ours, reference = coders[OURS], coders[REFERENCE]
    pairs = {
        f"{e} encoder, {d} decoder": rate_distortion(coders[e].with_decoder(coders[d]), features)
        for e in coders
        for d in coders
    }
    return {
        "curves": pairs,
        "rate_ratio": rate_ratios(pairs, pairs[f"{REFERENCE} encoder, {REFERENCE} decoder"]),
        "agreement": {
            f"symbols of the {name} encoder": decoder_agreement(
                coder.with_decoder(ours), reference, features
            )
            for name, coder in coders.items()
        },
    }


def rate_by_source(ours: Coder, reference: Coder, data: SpeechData) -> dict[str, float]:
    """Rate at equal distortion relative to the reference pair's, of every source (in held-out
    speech: speaker) that is as long as a sequence. A mean over all is blind to single voices."""
    ratios = {}
    for source in sorted({entry["source"] for entry in data.files}):
        try:
            features = feature_sequences(data, source=source)
        except ValueError:
            continue
        base = rate_distortion(reference, features)
        ratios[source] = rate_at_equal_distortion(rate_distortion(ours, features), base)
    return ratios


def rate_ratios(curves: dict[str, list[Row]], base: list[Row]) -> dict[str, float]:
    """Rate at equal distortion relative to a base, of every curve."""
    return {name: rate_at_equal_distortion(rows, base) for name, rows in curves.items()}


@torch.no_grad()
def pitch_figures(weights: Path, teacher: Path, data: SpeechData) -> dict[str, float]:
    """How a pitch network agrees with the teacher's."""
    task = PitchTask(PitchConfig(), data.folder, data.folder, teacher)
    return task.evaluate(load_network(type(task.model), weights))


@torch.no_grad()
def predictor_figures(weights: Path, data: SpeechData) -> dict[str, float]:
    """Errors of predicted features on lost steps."""
    task = PlcTask(PlcConfig(), data.folder, data.folder)
    return task.evaluate(load_network(type(task.model), weights))


def long_files(data: SpeechData, count: int) -> list[dict[str, int]]:
    """`count` files long enough for the vocoder alone, spread over the folder."""
    usable = [e for e in data.files if e["steps"] >= 100 * VOCODER_SECONDS + 16]
    if not usable:
        raise ValueError(f"{data.folder}: no file is as long as {VOCODER_SECONDS} s")
    count = min(count, len(usable))
    return [usable[i * len(usable) // count] for i in range(count)]


def speak(models: Models, data: SpeechData, entry: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Original and synthetic pcm of a file: speech goes on from its first 20 ms by features of the
    natural speech alone."""
    first, frames = entry["first_step"] + 2, round(100 * VOCODER_SECONDS)
    features = np.asarray(data.features[first : first + frames + 5])
    # the vocoder is a vector ahead: the last of five is centred in the first frame it makes
    pcm = data.waveform(np.array([(first + 2) * STEP - DELAY]), (frames + 2) * STEP)[0]
    vocoder = Vocoder(models)
    vocoder.resume(pcm[: 2 * STEP], features[:5])
    return pcm, np.concatenate([pcm[: 2 * STEP], vocoder.synthesize(features[5:])])
