# SPDX-License-Identifier: BSD-3-Clause
"""The pitch network's graph in torch and its read-out; knows no data and no loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dred.train.layers import Conv2d, Dense, Gru, activation_noise

IF_FEATURES, LAGS, CLASSES = 88, 224, 180


class PitchNet(nn.Module):
    """Sequences of 88 frequency and 224 correlation features -> 180 logits per step."""

    def __init__(self) -> None:
        super().__init__()
        self.up1 = Dense("dense_if_upsampler_1", IF_FEATURES, 64)
        self.up2 = Dense("dense_if_upsampler_2", 64, 64)
        self.conv1 = Conv2d("conv2d_1", 1, 4)
        self.conv2 = Conv2d("conv2d_2", 4, 1)
        self.down = Dense("dense_downsampler", LAGS + 64, 64)
        self.gru = Gru("gru_1", 64, 64)
        self.final = Dense("dense_final_upsampler", 64, CLASSES, stored_outputs=192)

    def forward(self, frequency: Tensor, correlation: Tensor) -> Tensor:
        noisy = self.training
        a = activation_noise(torch.tanh(self.up1(activation_noise(frequency, noisy))), noisy)
        a = torch.tanh(self.up2(a))
        c = torch.tanh(self.conv1(correlation[:, None]))
        c = torch.tanh(self.conv2(c))[:, 0]
        x = activation_noise(torch.cat([c, a], -1), noisy)
        x = activation_noise(torch.tanh(self.down(x)), noisy)
        return self.final(activation_noise(self.gru(x), noisy))


def pitch_of(logits: Tensor) -> Tensor:
    """Feature 18: centre of mass of the five classes around the best one."""
    best = logits.argmax(-1, keepdim=True)
    classes = torch.arange(logits.shape[-1], device=logits.device)
    near = (classes - best).abs() <= 2
    weight = torch.softmax(logits.masked_fill(~near, -torch.inf), -1)
    return (weight * classes).sum(-1) / 60.0 - 1.5
