# SPDX-License-Identifier: BSD-3-Clause
"""The concealment's feature predictor as a graph in torch; knows no losses of packets."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dred.train.layers import Dense, Gru, activation_noise

INPUTS, UNITS = 57, 192


class PlcNet(nn.Module):
    """Sequences of 57 inputs (Burg features, features, flag) -> 20 features of the same step."""

    def __init__(self) -> None:
        super().__init__()
        self.dense_in = Dense("plc_dense_in", INPUTS, 128, int8=False)
        self.gru1 = Gru("plc_gru1", 128, UNITS)
        self.gru2 = Gru("plc_gru2", UNITS, UNITS)
        self.dense_out = Dense("plc_dense_out", UNITS, 20, int8=False)

    def forward(self, x: Tensor) -> Tensor:
        noisy = self.training
        x = activation_noise(torch.tanh(self.dense_in(x)), noisy)
        x = activation_noise(self.gru1(x), noisy)
        return self.dense_out(activation_noise(self.gru2(x), noisy))
