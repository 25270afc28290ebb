# SPDX-License-Identifier: BSD-3-Clause
"""Features as the predictor makes them up in a loss: inputs a vocoder will be fed; no vocoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dred.train import export
from dred.train.data import SpeechData, shift_level
from dred.train.plc_net import PlcNet

BURG = 36
LEAD = 50  # steps received before the loss, enough for the state to settle


class PredictedFeatures:
    """Continues the features of received speech as the feature predictor does."""

    def __init__(self, data: SpeechData, weights: Path):
        self.data = data
        self.burg = data.rows("burg.f32", BURG)
        self.network = PlcNet().eval().requires_grad_(False)
        export.load(self.network, weights)

    def continued(self, starts: np.ndarray, steps: int, gain_db: np.ndarray) -> np.ndarray:
        """Predicted features [count, steps, 20] of the steps from `starts` on, all of them lost.

        The `LEAD` steps before are received, at the level that `gain_db` [count] makes of them.
        """
        before = starts - LEAD
        received = [
            shift_level(self.data.excerpt(rows, before, LEAD), gain_db)
            for rows in (self.burg, self.data.features)
        ]
        inputs = np.zeros((len(starts), LEAD + steps, BURG + 21), np.float32)
        inputs[:, :LEAD] = np.concatenate([*received, np.ones((len(starts), LEAD, 1))], -1)
        with torch.no_grad():
            return self.network(torch.from_numpy(inputs))[:, LEAD:].numpy()
