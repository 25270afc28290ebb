# SPDX-License-Identifier: BSD-3-Clause
"""Losses of all networks as functions of tensors; know no data and no graph."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as fn

from dred.train.data import IDCT

RESOLUTIONS = (2560, 1280, 640, 320, 160, 80)
MAGNITUDE_FLOOR = 1e-5
BAND_BLOCK = 320  # as the features are analysed
# Band centres in bins of 50 Hz, as the features have them.
BAND_CENTRES = (0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 136, 160)


def _power(signal: Tensor, size: int, hop: int) -> Tensor:
    window = torch.hann_window(size, device=signal.device)
    spectrum = torch.stft(signal, size, hop, window=window, return_complex=True)
    return torch.view_as_real(spectrum).square().sum(-1)


def _root_magnitude(signal: Tensor, size: int) -> Tensor:
    return (_power(signal, size, size // 4) + MAGNITUDE_FLOOR**2).sqrt().sqrt()


def spectral_loss(
    produced: Tensor, target: Tensor, resolutions: tuple[int, ...] = RESOLUTIONS
) -> Tensor:
    """Relative L1 distance of root-magnitude spectra, mean over the resolutions."""
    total = produced.new_zeros(())
    for size in resolutions:
        with torch.no_grad():
            wanted = _root_magnitude(target, size)
        got = _root_magnitude(produced, size)
        total = total + (got - wanted).abs().sum() / wanted.sum()
    return total / len(resolutions)


def _triangles() -> Tensor:
    """Overlapping triangular weights [18, 161] of the bins in each band."""
    bins, eye = np.arange(BAND_BLOCK // 2 + 1), np.eye(len(BAND_CENTRES))
    return torch.from_numpy(
        np.array([np.interp(bins, BAND_CENTRES, row) for row in eye], np.float32)
    )


def band_difference(produced: Tensor, target: Tensor) -> Tensor:
    """Log10 band energies of `produced` less those of `target`, [batch, 18, blocks].

    A signal that is fitted sample by sample keeps of each band only what could be foreseen, and is
    too quiet in the others; this tells by how much."""
    triangles, floor = _triangles().to(produced), (BAND_BLOCK * MAGNITUDE_FLOOR) ** 2
    logs = [
        (triangles @ _power(signal, BAND_BLOCK, BAND_BLOCK // 2) + floor).log10()
        for signal in (produced, target)
    ]
    return logs[0] - logs[1]


def band_error(difference: Tensor) -> Tensor:
    """Mean size of differences of band energies [batch, 18, blocks]; the lowest band weighs four
    times the highest: wrong harmonics are heard sooner than wrong noise."""
    weight = torch.linspace(1.6, 0.4, len(BAND_CENTRES)).to(difference)
    return (weight[:, None] * difference.abs()).mean()


def continuity_loss(produced: Tensor, target: Tensor) -> Tensor:
    """1 - cosine between the true and the produced samples of the first free frame."""
    return (1.0 - fn.cosine_similarity(produced, target, dim=-1, eps=1e-6)).mean()


def judged_real_loss(judged: list[list[Tensor]]) -> Tensor:
    """Least squares: how far the verdicts on produced speech are from 1 (that of real speech)."""
    return torch.stack([(1.0 - outputs[-1]).square().mean() for outputs in judged]).mean()


def judge_loss(real: list[list[Tensor]], produced: list[list[Tensor]]) -> Tensor:
    """Least squares for the discriminators: real speech is 1, produced speech is 0."""
    false = torch.stack([outputs[-1].square().mean() for outputs in produced]).mean()
    return 0.5 * (judged_real_loss(real) + false)


def feature_matching_loss(real: list[list[Tensor]], produced: list[list[Tensor]]) -> Tensor:
    """L1 distance of the discriminators' inner layers, relative to their mean size."""
    terms = [
        (b - a.detach()).abs().mean() / (a.detach().abs().mean() + 1e-6)
        for layers in zip(real, produced, strict=True)
        for a, b in list(zip(*layers, strict=True))[:-1]
    ]
    return torch.stack(terms).mean()


def band_logs(cepstrum: Tensor) -> Tensor:
    """Log10 band energies of (differences of) cepstra."""
    return cepstrum @ torch.from_numpy(IDCT).to(cepstrum).t()


def feature_distortion(decoded: Tensor, true: Tensor) -> Tensor:
    """Distortion of decoded features [batch, time, 20], one value per frame.

    Log spectrum, band loudness relative to the segment's mean, pitch weighted by true voicing,
    and voicing.
    """
    delta = decoded - true
    log_spectrum = 0.05 * band_logs(delta[..., :18]).square().mean(-1)
    offset = torch.zeros_like(true[..., :18])
    offset[..., 0] = 4.0
    loud_true = 10.0 ** (0.25 * band_logs(true[..., :18] + offset))
    logs = band_logs(decoded[..., :18] + offset)
    loud = 10.0 ** (0.25 * logs.clamp(-8.0, 12.0))
    weight = 1.15 - torch.arange(18, device=true.device) / 36.0
    mean = loud_true.square().mean(-2, keepdim=True) + 1e-9
    excess = (weight * (loud - loud_true).square() / mean).mean(-1)
    energy = excess + torch.minimum(20.0 * excess, 25.0 * excess.square())
    voiced = (true[..., 19] + 0.5).clamp_min(0.0).square()
    pitch = (14.0 / 18.0) * (2.0 * delta[..., 18]).abs() * voiced
    voicing = (2.0 / 18.0) * delta[..., 19].square()
    return log_spectrum + energy + pitch + voicing


def laplace_rate_soft(y: Tensor, r: Tensor) -> Tensor:
    """Bits per value of an unrounded symbol under a Laplace with decay r (drives the encoder)."""
    return -torch.log2((1.0 - r) / (1.0 + r) * r ** y.abs() + 1e-6)


def laplace_rate_hard(q: Tensor, r: Tensor, p0: Tensor) -> Tensor:
    """Bits per value of an integer symbol under the coder's distribution."""
    size = q.abs()
    zero = torch.clamp(1.0 - size, min=0.0).square()
    coded = 0.5 * (1.0 - p0) * (1.0 - r) * r ** (size - 1.0)
    return -(zero * torch.log2(p0 * r**size + 1e-6) + (1.0 - zero) * torch.log2(coded + 1e-6))


def concealment_loss(predicted: Tensor, true: Tensor, lost: Tensor) -> Tensor:
    """Error of predicted features on lost frames [batch, time] only."""
    error = (predicted - true) * lost[..., None]
    bands = band_logs(error[..., :18])
    voiced = (4.0 * true[..., 19]).clamp(0.0, 1.0)[..., None]
    pitch = error[..., 18].abs()
    value = (
        error.abs().mean()
        + bands.abs().mean()
        + (voiced * bands.clamp_min(0.0)).mean()
        + pitch.clamp_max(1.0).mean()
        + 8.0 * pitch.clamp_max(0.4).mean()
        + 0.1 * (-error[..., 19]).clamp_min(0.0).mean()
    )
    return value / lost.mean().clamp_min(1e-3)
