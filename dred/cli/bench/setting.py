# SPDX-License-Identifier: BSD-3-Clause
"""What all parts of the benchmark share: models at every kernel set, and a signal with its
features, latents and payload. Measures nothing."""

from functools import cached_property
from typing import Any

import numpy as np

from dred._core import ffi, lib
from dred._native import Floats, check, pointer
from dred.models import Models, kernel_sets, load_models
from dred.stages import extract_features, rdovae_encode
from dred.units import CORE_RATE

SIGNAL_S = 4
MAX_CHUNKS = lib.DRED_MAX_CHUNKS
CAPACITY = 1000  # bytes of payload: never what limits it
LEVELS = (6, 3, 15)  # q0, dq, qmax: what a sender uses at 32 kb/s


class Setting:
    """models: the best kernels asked for; by_kernels: all of them, slowest first."""

    def __init__(
        self, file: str | None, cpu: list[str] | None, seconds: float, minutes: float
    ) -> None:
        names = [name for name in kernel_sets() if cpu is None or name in cpu]
        unknown = set(cpu or ()) - set(names)
        if unknown:
            raise ValueError(f"no kernels named {sorted(unknown)[0]!r} on this processor")
        self.by_kernels: dict[str, Models] = {name: load_models(file, name) for name in names}
        self.models = self.by_kernels[names[-1]]
        self.file, self.seconds, self.minutes = file, seconds, minutes

    @cached_property
    def pcm(self) -> Floats:
        """Speech-like: harmonics of a gliding pitch under syllables, in noise, [64000]."""
        rng = np.random.default_rng(1)
        time = np.arange(SIGNAL_S * CORE_RATE) / CORE_RATE
        phase = 2 * np.pi * np.cumsum(140 + 60 * np.sin(2.1 * time)) / CORE_RATE
        tone = sum(np.sin(k * phase + k) / k for k in range(1, 20))
        syllable = np.clip(np.sin(2 * np.pi * 3.5 * time), 0, None)
        noise = rng.normal(0, 0.01 + 0.05 * np.clip(-np.sin(2 * np.pi * 3.5 * time), 0, None))
        return (0.15 * tone * syllable + noise).astype(np.float32)

    @cached_property
    def frames(self) -> list[Any]:
        """The signal as pointers to packets of 20 ms; every sender reads the same."""
        step = 2 * lib.DRED_STEP
        return [pointer(self.pcm[at : at + step]) for at in range(0, len(self.pcm), step)]

    @cached_property
    def features(self) -> Floats:
        return extract_features(self.pcm, self.models)

    @cached_property
    def latents(self) -> tuple[Floats, Floats]:
        return rdovae_encode(self.features, self.models)

    def payload(self, chunks: int = MAX_CHUNKS) -> bytes:
        """A payload of so many chunks."""
        latents, states = self.latents
        rows = np.ascontiguousarray(latents[::-2][:chunks])
        header = ffi.new("dred_payload_header *", (*LEVELS, 10))
        out = ffi.new("unsigned char[]", CAPACITY)
        state = np.ascontiguousarray(states[-1])
        size = check(
            lib.dred_payload_encode(
                self.models.profile.raw,
                header,
                pointer(rows),
                pointer(state),
                len(rows),
                out,
                CAPACITY,
                ffi.NULL,
            )
        )
        return bytes(ffi.buffer(out, size))
