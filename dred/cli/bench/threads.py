# SPDX-License-Identifier: BSD-3-Clause
"""One and two threads on shared models: calls of the core leave the interpreter's lock."""

import time
from collections.abc import Iterator
from threading import Thread
from typing import Any

import numpy as np

from dred.cli.bench import table
from dred.cli.bench.machine import usable_cores
from dred.cli.bench.setting import Setting
from dred.stages import Vocoder

CALLS = 10
ROUNDS = 3


def _rate(setting: Setting, count: int) -> float:
    """Seconds of audio per second, of `count` vocoders in as many threads."""
    rows = np.ascontiguousarray(setting.features)
    vocoders = [Vocoder(setting.models) for _ in range(count)]

    def work(vocoder: Vocoder) -> None:
        for _ in range(CALLS):
            vocoder.synthesize(rows)

    best = 0.0
    for _ in range(ROUNDS):
        threads = [Thread(target=work, args=(vocoder,)) for vocoder in vocoders]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - start
        best = max(best, count * CALLS * len(rows) / 100 / elapsed)
    return best


def measure(setting: Setting) -> dict[str, Any]:
    rates = {count: _rate(setting, count) for count in (1, 2)}
    return {
        "cores": usable_cores(),
        "vocoder_times_real_time": rates,
        "speed_up": rates[2] / rates[1],
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    rates = result["vocoder_times_real_time"]
    yield from table(
        [["threads", "vocoder, times real time"]]
        + [[str(count), f"{rate:.0f}"] for count, rate in rates.items()]
    )
    yield f"speed-up {result['speed_up']:.2f} on {result['cores']} usable core(s)"
