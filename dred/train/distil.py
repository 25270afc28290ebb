# SPDX-License-Identifier: BSD-3-Clause
"""Training of a vocoder by agreement with another one, the teacher, on any past signal.

A vocoder without random numbers is a function of features and past signal. So it need not run
freely to be compared: given one past, teacher and student say how it goes on, and all steps of a
sequence are computed at once. The past is natural speech (as at the start of a gap) or what the
teacher or the student itself made of it before (as later in a gap): the student learns to go on
from its own mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dred.train import export
from dred.train.data import STEP
from dred.train.fargan import FarganConfig, FarganTask, next_period
from dred.train.fargan_net import SUBFRAME, Fargan
from dred.train.hints import Hints, Layers, listening
from dred.train.losses import band_difference, band_error, spectral_loss
from dred.train.perceptual import heard_difference, points_lost
from dred.train.replay import Batch, Replay

POOL = 48
RESOLUTIONS = (640, 320, 160, 80)
HINTED = (
    "conditioning",
    "signal.fwc0_gate",
    *(f"signal.grus.{number}" for number in range(3)),
    "signal.skip_gate",
)
LAYER = "teacher's "  # in front of the names of its layers in a batch
FLOOR = 3e-4  # of full scale: errors in subframes below this do not count in full


@dataclass
class DistilConfig(FarganConfig):
    """Defaults for an hour on one CPU core."""

    minutes: float = 60.0
    batch: int = 48
    muon_lr: float = 0.005
    resolutions: int = 2
    reuse: int = 3  # steps per batch that the teacher worked out
    natural: float = 0.3  # share of batches with natural speech as the past
    own: float = 0.4  # ... with the student's own speech; the rest: the teacher's
    spectral: float = 1.0  # weight of the spectral loss beside the error of the waveform
    bands: float = 0.3  # weight of the error of the band energies, in tens of dB
    free: float = 0.6  # share of steps that run freely from natural speech, by energies and spectra
    free_bands: float = 0.6  # weight of the band energies in those
    heard: float = 0.5  # ... and of what is heard of the difference
    modelled: float = 0.5  # share of those that are to sound like the teacher's, not natural speech
    hints: float = 1.5  # weight of what inner layers do not tell of the teacher's


class DistilTask(FarganTask):
    """The vocoder against a teacher. `teacher`: weight file."""

    config: DistilConfig

    def __init__(
        self,
        config: DistilConfig,
        data: Path,
        valid: Path,
        teacher: Path,
        predictor: Path | None = None,
    ):
        super().__init__(config, data, valid, predictor)
        self.teacher = Fargan().to(config.device).eval().requires_grad_(False)
        export.load(self.teacher, teacher)
        self.hints = Hints(HINTED)
        self.replay = Replay(self._make, config.reuse, POOL)

    def sample(self, rng: np.random.Generator, progress: float) -> Batch:
        """Sequences and how the teacher goes on in them, worked out now or before."""
        return self.replay.draw(rng)

    def _make(self, rng: np.random.Generator) -> Batch:
        batch = super().sample(rng, 0.0)
        batch["whole"] = batch["signal"]
        batch["natural"] = batch["whole"][:, 2 * STEP :]
        kind = rng.random()
        with torch.no_grad():
            batch["model"] = self._produce(self.teacher, batch)
            if kind < self.config.own:
                self.model.eval()
                batch["signal"] = self._produce(self.model, batch)
                self.model.train()
            elif kind >= self.config.own + self.config.natural:
                batch["signal"] = batch["model"]
            batch["wanted"], layers = self._inside(self.teacher, batch)
        return batch | {LAYER + name: layer for name, layer in layers.items()}

    @staticmethod
    def _next(model: Fargan, batch: Batch) -> Tensor:
        """The free frames [batch, samples], each subframe following the known past."""
        periods = next_period(batch["features"])
        return model.forced(batch["features"], batch["signal"], periods)[:, 1:].flatten(1)

    def _inside(self, model: Fargan, batch: Batch) -> tuple[Tensor, Layers]:
        """The same, and what inner layers hold meanwhile."""
        with listening(model, HINTED) as layers:
            said = self._next(model, batch)
        return said, layers

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """Relative error of every subframe; the spectral loss, which minds what cannot be foreseen
        sample by sample; and band energies against the natural speech, whatever the past: a past of
        the student's own is too quiet, and the teacher would only go on like that. And what the
        teacher's inner layers know, the student's are to know."""
        if float(torch.rand(())) < self.config.free:
            return self._free_loss(batch)
        said, layers = self._inside(self.model, batch)
        teachers = {name: batch[LAYER + name] for name in HINTED}
        untold = self.hints.untold(layers, teachers)
        spectral = spectral_loss(said, batch["wanted"], self._resolutions())
        error = relative_error(said, batch["wanted"])
        difference = band_difference(said, batch["natural"])
        bands = band_error(difference)
        metrics = {"error": error, "spec": spectral, "bands": bands, "untold": untold}
        config = self.config
        loss = error + config.spectral * spectral + config.bands * bands + config.hints * untold
        return loss, {name: float(value.detach()) for name, value in metrics.items()}

    def _free_loss(self, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """Spectra, band energies and sound of a free run against natural speech, most of whose
        details cannot be foreseen, or against the teacher's free run, half as far away: errors of
        the envelope that each subframe hands on to the next are seen here only. The ear judges the
        joint to the given frames too."""
        said = self._produce(self.model, batch)
        modelled = float(torch.rand(())) < self.config.modelled
        whole = batch["model" if modelled else "whole"]
        free, target = said[:, 2 * STEP :], whole[:, 2 * STEP :]
        spectral = spectral_loss(free, target, self._resolutions())
        bands = band_error(band_difference(free, target))
        usual = batch["gain"]  # the level at which one listens
        heard = points_lost(heard_difference(said / usual, whole / usual)).mean()
        metrics = {"free_spec": spectral, "free_bands": bands, "free_heard": heard}
        config = self.config
        loss = config.spectral * spectral + config.free_bands * bands + config.heard * heard
        return loss, {name: float(value.detach()) for name, value in metrics.items()}

    def _resolutions(self) -> tuple[int, ...]:
        chosen = torch.randperm(len(RESOLUTIONS))[: self.config.resolutions]
        return tuple(RESOLUTIONS[int(i)] for i in chosen)

    def evaluate(self, model: Fargan) -> dict[str, float]:
        """Figures of free-running speech, the error after a known past, and how far the free runs
        of both are apart."""
        rng = np.random.default_rng(0)
        batch = self._draw(self.valid, rng, 128, 20, False)
        said, wanted = self._next(model, batch), self._next(self.teacher, batch)
        ours, teachers = (
            self._produce(network, batch)[:, 2 * STEP :] for network in (model, self.teacher)
        )
        return {
            **super().evaluate(model),
            "error": float(relative_error(said, wanted)),
            "apart": float(spectral_loss(ours, teachers, RESOLUTIONS)),
        }

    def cost(self, figures: dict[str, float]) -> float:
        """The spectral loss on held-out speech, which noise hardly changes, and what is heard."""
        return figures["spec"] + figures["heard"]


def relative_error(said: Tensor, wanted: Tensor) -> Tensor:
    """RMS error of each subframe of 40 samples over the root of its power, mean over all."""
    shape = (said.shape[0], -1, SUBFRAME)
    size = wanted.view(shape).square().mean(-1) + FLOOR**2
    error = (said - wanted).view(shape).square().mean(-1)
    return (error / size + 1e-6).sqrt().mean()
