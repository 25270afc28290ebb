# SPDX-License-Identifier: BSD-3-Clause
"""How differently two signals sound, in the manner of ITU-T P.862 (PESQ), as a function of tensors;
knows no graph.

Powers of half-Bark bands become loudness over the threshold of hearing (Zwicker). Small differences
are masked, and what was added counts more than what is missing. Spectral losses hardly see that:
noise of little energy between two harmonics. The signals belong to each other already, so nothing
is aligned or equalised here but the level of each block; and speech is taken to be at the level
that PESQ gives to it, with the gain of its wideband filter (P.862.2)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dred.train.data import PREEMPHASIS

BLOCK, HOP = 512, 256  # samples at 16 kHz: 32 ms
RATE = 16000
FULL_SCALE = 122.0  # dB SPL of a mean square of 1, so that speech at -26 dB is heard at 96
LOWEST = 100.0  # Hz: half of the power passes the wideband filter (of second order) there
EXPONENT = 0.23  # Zwicker's
SONE = 0.1866
DEAD_ZONE = 0.25  # of the softer loudness: smaller differences are masked
AUDIBLE = 50.0  # power beside which an addition is judged, as an intensity (1: 0 dB SPL)
ADDED, LARGEST_ADDED = 3.0, 12.0  # factor of additions: none below the one, none above the other
STEADY = 5e3  # intensity beside which the levels of a block are compared
SYMMETRIC, ASYMMETRIC = 0.1, 0.0309  # points of PESQ per unit of disturbance
LARGEST = 45.0  # disturbance of a block
SPAN = 20  # blocks that one bad one spoils


class Hearing:
    """Constants of the bands, as tensors on the device of `like`: which bins each gathers (the
    pre-emphasis undone, in intensities of 0 dB SPL), threshold, and exponent of loudness."""

    def __init__(self, like: Tensor) -> None:
        hertz = np.arange(1, BLOCK // 2 + 1) * RATE / BLOCK
        halves = np.floor(14.0 * np.arcsinh(hertz / 650.0))  # Bark after Schroeder
        bands = np.unique(halves)
        middle = (bands + 0.5) / 2.0
        kilohertz = 0.65 * np.sinh(middle / 7.0)
        threshold = (  # Terhardt, dB SPL
            3.64 * kilohertz**-0.8
            - 6.5 * np.exp(-0.6 * (kilohertz - 3.3) ** 2)
            + 1e-3 * kilohertz**4
        )
        steeper = np.where(middle < 4.0, np.minimum(6.0 / (middle + 2.0), 2.0) ** 0.15, 1.0)
        self.window = torch.hann_window(BLOCK, device=like.device)
        tilt = np.abs(1.0 - PREEMPHASIS * np.exp(-2j * np.pi * hertz / RATE)) ** -2
        tilt /= 1.0 + (LOWEST / hertz) ** 4
        unit = 2.0 * 10.0 ** (FULL_SCALE / 10.0) / (BLOCK * float(self.window.square().sum()))
        gather = np.zeros((len(bands), BLOCK // 2 + 1))  # of the offset, nothing
        gather[:, 1:] = (halves == bands[:, None]) * tilt * unit
        self.gather = torch.from_numpy(gather).to(like)
        self.threshold = torch.from_numpy(10.0 ** (threshold[:, None] / 10.0)).to(like)
        self.exponent = torch.from_numpy(EXPONENT * steeper[:, None]).to(like)

    def powers(self, signal: Tensor) -> Tensor:
        """Intensities of the bands of a pre-emphasised signal, [batch, bands, blocks]."""
        spectrum = torch.stft(
            signal, BLOCK, HOP, window=self.window, center=False, return_complex=True
        )
        return self.gather @ torch.view_as_real(spectrum).square().sum(-1)

    def loudness(self, powers: Tensor) -> Tensor:
        """Specific loudness in sone per Bark, none below the threshold."""
        size = SONE * (2.0 * self.threshold) ** self.exponent
        over = (0.5 + 0.5 * powers / self.threshold) ** self.exponent - 1.0
        return (size * over).clamp_min(0.0)


def _level(powers: Tensor, hearing: Hearing) -> Tensor:
    """Audible intensity of each block."""
    return (powers * (powers > hearing.threshold)).sum(1, keepdim=True) + STEADY


def heard_difference(produced: Tensor, target: Tensor) -> Tensor:
    """Points of PESQ, or so, that each block loses, [batch, blocks]; 0 where both sound alike.

    produced, target: pre-emphasised signals [batch, samples] at 16 kHz, full scale 1."""
    hearing = Hearing(target)
    got, wanted = hearing.powers(produced), hearing.powers(target)
    got = got * (_level(wanted, hearing) / _level(got, hearing)).clamp(3e-4, 5.0)
    loud, wanted_loud = hearing.loudness(got), hearing.loudness(wanted)
    masked = DEAD_ZONE * torch.minimum(loud, wanted_loud)
    unmasked = ((loud - wanted_loud).abs() - masked).clamp_min(0.0)
    added = ((got + AUDIBLE) / (wanted + AUDIBLE)) ** 1.2
    added = torch.where(added < ADDED, 0.0, added.clamp_max(LARGEST_ADDED))
    # Bands are half a Bark wide: a mean square, and a mean, over all of the Bark scale.
    width = 0.5 * unmasked.shape[1]
    symmetric = width * (0.5 * unmasked.square().mean(1) + 1e-9).sqrt()
    asymmetric = width * (unmasked * added).mean(1)
    # Differences in soft blocks are heard a little more than in loud ones.
    soft = ((wanted.sum(1) + 1e5) / 1e7) ** -0.04
    symmetric, asymmetric = (
        (soft * disturbance).clamp_max(LARGEST) for disturbance in (symmetric, asymmetric)
    )
    return SYMMETRIC * symmetric + ASYMMETRIC * asymmetric


def points_lost(points: Tensor) -> Tensor:
    """Points of PESQ, or so, that each signal loses, [batch], by those of its blocks: in spans of a
    third of a second nearly the worst block counts alone, over the spans a quadratic mean."""
    span = min(SPAN, points.shape[1])
    spans = (points + 1e-3).unfold(1, span, max(1, span // 2))
    return spans.pow(6).mean(-1).pow(1 / 3).mean(-1).sqrt()
