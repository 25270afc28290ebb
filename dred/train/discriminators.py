# SPDX-License-Identifier: BSD-3-Clause
"""Judges of speech: convolutions over spectrograms of several resolutions; know no vocoder.

After the framewise discriminators of Valin, Mustafa, Büthe, "Very low complexity speech synthesis
using framewise autoregressive GAN (FARGAN) with pitch prediction" (2024), with fewer channels, so
that one processor core carries them beside the vocoder.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as fn
from torch.nn.utils.parametrizations import weight_norm

SIZES = (128, 256, 512, 1024, 2048)
TOP_HZ = 7400.0  # above is the skirt of the resampling filters
RATE = 16000.0
RANGE_DB = 80.0
FLOOR = 1e-5
NARROW = 16  # frequency is halved by strides while more than this many bins remain
LAYERS = 4


def log_spectrogram(signal: Tensor, size: int) -> Tensor:
    """Level in dB / 40 of a signal [batch, samples]: [batch, frames, bins], quietest at -1."""
    window = torch.hann_window(size, device=signal.device)
    spectrum = torch.stft(signal, size, size // 4, window=window, return_complex=True)
    power = torch.view_as_real(spectrum).square().sum(-1)[:, : int(TOP_HZ / RATE * size)]
    level = 10.0 * torch.log10(power + FLOOR**2)
    loudest = level.detach().amax((1, 2), keepdim=True)
    return (torch.maximum(level, loudest - RANGE_DB).transpose(1, 2) + 60.0) / 40.0


class SpectrogramDiscriminator(nn.Module):
    """Judges every patch of a spectrogram of one resolution."""

    def __init__(self, size: int, channels: int):
        super().__init__()
        self.size = size
        bins = int(TOP_HZ / RATE * size)
        # where on the frequency axis a patch lies: convolutions alone cannot tell
        angle = 2.0 * math.pi * torch.arange(bins) / bins
        position = torch.stack([angle.sin(), angle.cos()])[None, :, None]
        self.register_buffer("position", position, persistent=False)
        self.layers = nn.ModuleList()
        inputs = 3
        for number in range(LAYERS):
            stride = 2 if bins > NARROW else 1
            bins = (bins + stride - 1) // stride
            outputs = channels * (1 if number < LAYERS // 2 else 2)
            layer = nn.Conv2d(inputs, outputs, 3, (1, stride), 1)
            self.layers.append(weight_norm(layer))
            inputs = outputs
        self.last = weight_norm(nn.Conv2d(inputs, 1, 3, 1, 1))
        self.to(memory_format=torch.channels_last)

    def forward(self, signal: Tensor) -> list[Tensor]:
        """Outputs of all layers for a signal [batch, samples]; the last are the verdicts."""
        level = log_spectrogram(signal, self.size)[:, None]
        place = self.position.expand(level.shape[0], -1, level.shape[2], -1)
        x = torch.cat([level, place], 1).contiguous(memory_format=torch.channels_last)
        outputs = []
        for layer in self.layers:
            x = fn.leaky_relu(layer(x), 0.2)
            outputs.append(x)
        return [*outputs, self.last(x)]


class Discriminators(nn.Module):
    """One judge per resolution; a step may ask only some of them."""

    def __init__(self, channels: int):
        super().__init__()
        self.judges = nn.ModuleList(SpectrogramDiscriminator(size, channels) for size in SIZES)

    def forward(self, signal: Tensor, chosen: list[int] | None = None) -> list[list[Tensor]]:
        """Layer outputs of the chosen judges (default all) for a signal [batch, samples]."""
        numbers = range(len(SIZES)) if chosen is None else chosen
        return [self.judges[number](signal) for number in numbers]
