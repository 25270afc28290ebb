# SPDX-License-Identifier: BSD-3-Clause
"""Streaming resampling between 16 kHz and an Opus rate, by the C core; knows no packets."""

from __future__ import annotations

import numpy as np

from dred._core import ffi, lib
from dred._native import Floats, check, pointer


class Resampler:
    """Linear phase, no net delay: output j is the signal at time j / to_rate.

    What a sample depends on reaches `half` input samples to both sides, so output comes that
    much late; the signal before time 0 counts as zero.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        error = ffi.new("int *")
        raw = lib.dred_resampler_create(from_rate, to_rate, error)
        if raw == ffi.NULL:
            check(error[0], f"resampling {from_rate} to {to_rate} Hz")
        self._raw = ffi.gc(raw, lib.dred_resampler_destroy)
        self._ratio = to_rate / from_rate
        self.half: int = lib.dred_resampler_half(raw)

    def reset(self) -> None:
        """Start again at time 0."""
        lib.dred_resampler_reset(self._raw)

    def process(self, pcm: Floats) -> Floats:
        """Feed samples, get what is complete: the very same array where the rates are equal."""
        if self.half == 0:
            return pcm
        out = np.empty(int(len(pcm) * self._ratio) + 2, np.float32)
        count = check(
            lib.dred_resampler_process(self._raw, pointer(pcm), len(pcm), pointer(out), len(out))
        )
        return out[:count]
