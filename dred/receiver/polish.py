# SPDX-License-Identifier: BSD-3-Clause
"""A pitch post-filter for speech that was coded coarsely, as LBRR is; knows no packets.

What repeats with the pitch is kept, what does not, lowered: noise between the harmonics.
"""

from __future__ import annotations

import numpy as np

from dred._core import ffi, lib
from dred._native import Floats, check
from dred.models import Models
from dred.resample import Resampler
from dred.stages import analyse

CORE_RATE = lib.DRED_SAMPLE_RATE
PITCH, VOICING = 18, 19  # behind the cepstrum
PAST_MS = 100  # heard speech that the analysis needs to be settled
FUTURE_MS = 30  # speech behind: half a block, and the longest pitch period
REACH_MS = 16
STEP_MS = 10
EDGE_MS = 2.5  # at both ends the change comes and goes


def change(audio: Floats, samples: int, rate: int, models: Models) -> Floats:
    """What the filter adds to `samples` of mono audio: those behind the first `PAST_MS`.
    `FUTURE_MS` of audio follow them."""
    wide = np.ascontiguousarray(audio)
    narrow = Resampler(rate, CORE_RATE).process(np.pad(wide, (0, rate * STEP_MS // 1000)))
    rows = analyse(narrow, models)
    step, reach = rate * STEP_MS // 1000, rate * REACH_MS // 1000
    begin = rate * PAST_MS // 1000
    window = np.hanning(2 * step + 1)[:-1].astype(np.float32)
    out = np.empty(2 * step, np.float32)
    added = np.zeros(samples + 2 * step, np.float32)
    for start in range(0, samples + 1, step):  # blocks that overlap by half
        row = rows[(start + begin) // step]  # is centred where the block is
        period = round(reach / 2 ** (float(row[PITCH]) + 1.5))
        block = wide[start + begin - step - reach :]
        pointer = ffi.from_buffer("float[]", block) + reach
        check(
            lib.dred_postfilter(
                pointer,
                2 * step,
                reach,
                min(max(period, 1), reach),
                float(row[VOICING]) + 0.5,
                ffi.from_buffer("float[]", out),
            )
        )
        added[start : start + 2 * step] += window * (out - block[reach : reach + 2 * step])
    edge = min(round(rate * EDGE_MS / 1000), samples // 2)
    ramp = (np.arange(edge, dtype=np.float32) + 0.5) / edge
    added = added[step : step + samples]
    added[:edge] *= ramp
    added[-edge:] *= ramp[::-1]
    return added
