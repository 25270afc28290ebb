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
# Two threads that are at work at once for less than so much of the time share their cores.
ALONE = 0.95


def _rate(setting: Setting, count: int) -> tuple[float, float]:
    """Of `count` vocoders in as many threads: seconds of audio per second, and how many of them had
    a core at a time, on average. The best of some rounds."""
    rows = np.ascontiguousarray(setting.features)
    vocoders = [Vocoder(setting.models) for _ in range(count)]

    def work(index: int) -> None:
        start = time.thread_time()
        for _ in range(CALLS):
            vocoders[index].synthesize(rows)
        used[index] = time.thread_time() - start

    best = (0.0, 0.0)
    for _ in range(ROUNDS):
        used = [0.0] * count
        threads = [Thread(target=work, args=(index,)) for index in range(count)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - start
        best = max(best, (count * CALLS * len(rows) / 100 / elapsed, sum(used) / elapsed))
    return best


def measure(setting: Setting) -> dict[str, Any]:
    found = {count: _rate(setting, count) for count in (1, 2)}
    rates = {count: rate for count, (rate, _) in found.items()}
    return {
        "cores": usable_cores(),
        "vocoder_times_real_time": rates,
        "at_once": {count: at_once for count, (_, at_once) in found.items()},
        "speed_up": rates[2] / rates[1],
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    rates, at_once = result["vocoder_times_real_time"], result["at_once"]
    yield from table(
        [["threads", "vocoder, times real time", "of them at work at once"]]
        + [[str(count), f"{rate:.0f}", f"{at_once[count]:.2f}"] for count, rate in rates.items()]
    )
    yield f"speed-up {result['speed_up']:.2f} on {result['cores']} usable core(s)"
    if at_once[2] < 2 * ALONE:
        yield "others had the cores as well: with both to itself, two threads would gain more"
