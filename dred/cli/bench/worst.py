# SPDX-License-Identifier: BSD-3-Clause
"""The slowest single call in a long conversation with losses: what a real-time thread has to
allow for."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dred._core import ffi, lib
from dred._native import Handle, check
from dred.cli.bench import table
from dred.cli.bench.redundancy import FRAME, Sending
from dred.cli.bench.setting import MAX_CHUNKS, Setting

LOSS, BURST = 0.15, 6  # mean share and length in packets of the losses
SEED = 5


class Conversation:
    """A sender and a receiver; the time of each call is kept by its name."""

    def __init__(self, setting: Setting) -> None:
        self.times: dict[str, list[int]] = {}
        self._sending = Sending(setting, MAX_CHUNKS)
        self._decoder = Handle("decoder", setting.models)
        self._concealer = Handle("concealer", setting.models)
        self._pcm = ffi.new("float[]", list(map(float, setting.pcm[:FRAME])))
        self._step = ffi.new("float[]", lib.DRED_STEP)
        self._vectors = ffi.new("float[]", 3 * lib.DRED_FEATURES)
        self._known = ffi.new("unsigned char[]", b"\1\1\1")

    def _timed(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """On the clock of this thread, which stands still while others have the core."""
        start = time.thread_time_ns()
        result = call(*arguments)
        self.times.setdefault(name, []).append(time.thread_time_ns() - start)
        return result

    def packet(self, lost_before: int) -> None:
        """Send one; conceal those lost before it, then play it."""
        self._timed("dred_encoder_push", self._sending.push)
        data = self._timed("dred_encoder_payload", self._sending.payload)
        if lost_before and data:
            self._recover(lost_before, data)
        self._timed(
            "dred_concealer_good", lib.dred_concealer_good, self._concealer.raw, self._pcm, FRAME
        )

    def lost(self) -> None:
        self._sending.packet()

    def _recover(self, packets: int, data: bytes) -> None:
        decoder, concealer = self._decoder.raw, self._concealer.raw
        self._timed(
            "dred_decoder_parse", lib.dred_decoder_parse, decoder, data, len(data), 0, MAX_CHUNKS
        )
        # The oldest first: this call decodes all that follow, too.
        for k in range(2 * packets - 1, -1, -1):
            self._timed(
                "dred_decoder_features", lib.dred_decoder_features, decoder, k, self._vectors
            )
            wants = lib.dred_concealer_wants(concealer)
            name = f"dred_concealer_step, {'first of a gap' if wants > 1 else 'further'}"
            check(
                self._timed(
                    name, lib.dred_concealer_step, concealer, self._vectors, self._known, self._step
                )
            )


def measure(setting: Setting) -> dict[str, Any]:
    packets = int(setting.minutes * 60 * 50)
    rng = np.random.default_rng(SEED)
    conversation, missing = Conversation(setting), 0
    for _ in range(packets):
        leave = 1 / BURST if missing else 1 - LOSS / (1 - LOSS) / BURST
        if rng.random() < leave or missing >= 2 * MAX_CHUNKS:
            conversation.packet(missing)
            missing = 0
        else:
            conversation.lost()
            missing += 1
    rows = []
    for name, values in conversation.times.items():
        us = np.array(values) / 1000
        rows.append(
            {
                "call": name,
                "calls": len(us),
                "median_us": float(np.median(us)),
                "p999_us": float(np.percentile(us, 99.9)),
                "max_us": float(us.max()),
            }
        )
    return {"minutes": setting.minutes, "loss": LOSS, "seed": SEED, "calls": rows}


def lines(result: dict[str, Any]) -> Iterator[str]:
    yield from table(
        [[f"us in {result['minutes']:g} minutes", "calls", "median", "99.9 %", "worst"]]
        + [
            [
                row["call"],
                str(row["calls"]),
                f"{row['median_us']:.1f}",
                f"{row['p999_us']:.1f}",
                f"{row['max_us']:.1f}",
            ]
            for row in result["calls"]
        ]
    )
    yield "time of the thread, with some 1 us of Python around each call"
