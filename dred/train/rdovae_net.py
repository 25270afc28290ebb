# SPDX-License-Identifier: BSD-3-Clause
"""The redundancy encoder and decoder as graphs in torch; know no rate, no loss, no data."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dred.train.layers import CausalConv, Dense, Gate, Gru, activation_noise

LATENTS, STATES = 25, 50  # of the profile that is compatible with libopus
STAGES = 5


class RdovaeEncoder(nn.Module):
    """Pairs of features [batch, time, 40] -> latents [.., 25] and initial states [.., 50]."""

    def __init__(self, latents: int = LATENTS, states: int = STATES) -> None:
        super().__init__()
        self.dense1 = Dense("enc_dense1", 40, 64, int8=False)
        self.grus, self.denses, self.convs = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        width = 64
        for stage in range(1, STAGES + 1):
            self.grus.append(Gru(f"enc_gru{stage}", width, 32))
            width += 32
            self.denses.append(Dense(f"enc_conv_dense{stage}", width, 64))
            self.convs.append(CausalConv(f"enc_conv{stage}", 64, 64, 1 if stage == 1 else 2))
            width += 64
        self.zdense = Dense("enc_zdense", width, latents, stored_outputs=-(-latents // 8) * 8)
        self.gdense1 = Dense("gdense1", width, 128)
        self.gdense2 = Dense("gdense2", 128, states, stored_outputs=-(-states // 8) * 8)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        noisy = self.training
        b = activation_noise(torch.tanh(self.dense1(features)), noisy)
        for gru, dense, conv in zip(self.grus, self.denses, self.convs, strict=True):
            b = torch.cat([b, activation_noise(gru(b), noisy)], -1)
            c = activation_noise(torch.tanh(dense(b)), noisy)
            b = torch.cat([b, activation_noise(torch.tanh(conv(c)), noisy)], -1)
        hidden = activation_noise(torch.tanh(self.gdense1(b)), noisy)
        return self.zdense(b), self.gdense2(hidden)


class RdovaeDecoder(nn.Module):
    """Chunks newest first [batch, chunks, 26] and a state [batch, 50] -> [batch, chunks, 80].

    The 80 outputs of a chunk are its four feature vectors, newest first.
    """

    def __init__(self, latents: int = LATENTS, states: int = STATES) -> None:
        super().__init__()
        self.hidden_init = Dense("dec_hidden_init", states, 128, int8=False)
        self.gru_init = Dense("dec_gru_init", 128, 64 * STAGES)
        self.dense1 = Dense("dec_dense1", latents + 1, 96, int8=False)
        self.grus, self.gates = nn.ModuleList(), nn.ModuleList()
        self.denses, self.convs = nn.ModuleList(), nn.ModuleList()
        width = 96
        for stage in range(1, STAGES + 1):
            self.grus.append(Gru(f"dec_gru{stage}", width, 64))
            self.gates.append(Gate(f"dec_glu{stage}", 64))
            width += 64
            self.denses.append(Dense(f"dec_conv_dense{stage}", width, 32))
            self.convs.append(CausalConv(f"dec_conv{stage}", 32, 32, 1))
            width += 32
        self.output = Dense("dec_output", width, 80)

    def hidden(self, latents: Tensor, state: Tensor) -> Tensor:
        """The concatenation [batch, chunks, 576] in front of the output layer."""
        noisy = self.training
        start = activation_noise(torch.tanh(self.hidden_init(state)), noisy)
        start = activation_noise(torch.tanh(self.gru_init(start)), noisy)
        b = activation_noise(torch.tanh(self.dense1(latents)), noisy)
        stages = zip(
            self.grus, self.gates, self.denses, self.convs, start.chunk(STAGES, -1), strict=True
        )
        for gru, gate, dense, conv, initial in stages:
            g = activation_noise(gru(b, initial), noisy)
            b = torch.cat([b, activation_noise(gate(g), noisy)], -1)
            c = activation_noise(torch.tanh(dense(b)), noisy)
            b = torch.cat([b, activation_noise(torch.tanh(conv(c)), noisy)], -1)
        return b

    def forward(self, latents: Tensor, state: Tensor) -> Tensor:
        return self.output(self.hidden(latents, state))
