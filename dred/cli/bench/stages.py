# SPDX-License-Identifier: BSD-3-Clause
"""Every stage at every kernel set, beside real time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dred._core import ffi, lib
from dred._native import Handle, check, pointer
from dred.cli.bench import table
from dred.cli.bench.machine import fastest
from dred.cli.bench.setting import CAPACITY, LEVELS, MAX_CHUNKS, Setting
from dred.cli.bench.work import count
from dred.models import Models

# Steps in one call: short, so that a measurement fits between two interruptions.
STEPS = 50


@dataclass(frozen=True)
class Stage:
    """count: units in one call. unit_ms: audio in a unit. state: bytes of the handle."""

    name: str
    unit: str
    unit_ms: float
    count: int
    state: int
    call: Callable[[], object]


def _stages(setting: Setting, models: Models) -> list[Stage]:
    """The calls go straight to the core, with arrays that are there already."""
    pcm, features = setting.pcm, np.ascontiguousarray(setting.features)
    latents, states = (array.copy() for array in setting.latents)
    data = setting.payload()
    parsed, profile = ffi.new("dred_payload *"), models.profile.raw
    chunks = lib.dred_payload_decode(profile, data, len(data), MAX_CHUNKS, parsed)
    analysis, encoder = Handle("analysis", models), Handle("rdovae_encoder", models)
    predictor, vocoder = Handle("predictor", models), Handle("vocoder", models)
    check(lib.dred_vocoder_resume(vocoder.raw, pointer(pcm), pointer(features)))
    rows, row = np.ascontiguousarray(latents[::-2][:MAX_CHUNKS]), np.zeros(57, np.float32)
    out = np.zeros(len(pcm), np.float32)
    header, room = ffi.new("dred_payload_header *", (*LEVELS, 10)), ffi.new("char[]", CAPACITY)
    to = pointer(out)
    wide = np.zeros((len(features), lib.DRED_ANALYSIS_SIZE), np.float32)
    p_pcm, p_features, p_wide, p_rows = map(pointer, (pcm, features, wide, rows))
    p_latents, p_states, p_row = map(pointer, (latents, states, row))
    p_queue = pointer(np.ascontiguousarray(features[5 : 5 + STEPS]))
    bytes_out = ffi.cast("unsigned char *", room)
    return [
        Stage(
            "features", "10 ms", 10, STEPS, lib.dred_analysis_size(),
            lambda: lib.dred_analysis_process(analysis.raw, p_pcm, STEPS, p_wide),
        ),
        Stage(
            "RDO-VAE encoder", "20 ms", 20, STEPS, lib.dred_rdovae_encoder_size(),
            lambda: lib.dred_rdovae_encoder_process(
                encoder.raw, p_features, STEPS, p_latents, p_states
            ),
        ),
        Stage(
            "payload", f"{len(rows)} chunks", 20, 1, 0,
            lambda: lib.dred_payload_encode(
                profile, header, p_rows, p_states, len(rows), bytes_out, CAPACITY, ffi.NULL
            ),
        ),
        Stage(
            "payload parsing", f"{chunks} chunks", 20, 1, 0,
            lambda: lib.dred_payload_decode(profile, data, len(data), MAX_CHUNKS, parsed),
        ),
        Stage(
            "RDO-VAE decoder", f"{chunks} chunks", 40 * chunks, 1, lib.dred_decoder_size(),
            lambda: lib.dred_rdovae_decode(
                models.handle, parsed.state, parsed.latents, chunks, p_wide
            ),
        ),
        Stage(
            "PLC predictor", "10 ms", 10, 1, lib.dred_predictor_size(),
            lambda: lib.dred_predictor_step(predictor.raw, p_row, to),
        ),
        Stage(
            "vocoder", "10 ms", 10, STEPS, lib.dred_vocoder_size(),
            lambda: lib.dred_vocoder_process(vocoder.raw, p_queue, STEPS, to),
        ),
    ]  # fmt: skip


def measure(setting: Setting) -> list[dict[str, Any]]:
    """One row per stage; ns: by kernel set, of one unit."""
    work = count(setting.models, MAX_CHUNKS)
    rows: dict[str, dict[str, Any]] = {}
    for kernels, models in setting.by_kernels.items():
        for stage in _stages(setting, models):
            row = rows.setdefault(
                stage.name,
                {"stage": stage.name, "unit": stage.unit, "state_bytes": stage.state, "ns": {}},
            )
            repeat = 1 if stage.count > 1 else 20
            row["ns"][kernels] = fastest(stage.call, setting.seconds, repeat) / stage.count
            row["times_real_time"] = 1e6 * stage.unit_ms / row["ns"][kernels]
    for name, row in rows.items():
        if name in work:
            row["products"] = work[name].products
            row["weight_bytes"] = work[name].weight_bytes
            row["streamed_bytes"] = work[name].streamed_bytes
    return list(rows.values())


def lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    names = list(rows[0]["ns"])
    head = ["us", "per", *names, "real time", "state", "weights"]
    cells = [head]
    for row in rows:
        cells.append(
            [
                row["stage"],
                row["unit"],
                *(f"{row['ns'][name] / 1000:.1f}" for name in names),
                f"{row['times_real_time']:.0f} x",
                f"{row['state_bytes'] / 1024:.1f} kB" if row["state_bytes"] else "",
                f"{row['weight_bytes'] / 1024:.0f} kB" if "weight_bytes" in row else "",
            ]
        )
    yield from table(cells)
