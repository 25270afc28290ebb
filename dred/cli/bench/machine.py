# SPDX-License-Identifier: BSD-3-Clause
"""The machine that is measured, and the clock; knows no codec."""

import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROUNDS = 10


def describe() -> dict[str, Any]:
    """Name of the processor and the cores that this process may use."""
    return {
        "name": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": usable_cores(),
    }


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        text = ""
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


def fastest(call: Callable[[], object], seconds: float, repeat: int = 1) -> float:
    """Nanoseconds of the fastest call; each measurement makes `repeat` of them. On the clock of
    this thread, which stands still while others have the core (and, in virtual machines, once in
    many thousand readings for no reason: such a measurement does not count)."""
    best = float("inf")
    end = time.perf_counter() + seconds
    while True:
        start = time.thread_time_ns()
        for _ in range(repeat):
            call()
        took = time.thread_time_ns() - start
        best = min(best, took) if took > 0 else best
        if time.perf_counter() >= end and best < float("inf"):
            return best / repeat


def fastest_in_turns(
    calls: Sequence[Callable[[], object]], seconds: float, repeat: int = 1
) -> list[float]:
    """`fastest` of each call, in turns: what disturbs one disturbs the others. seconds: of each."""
    best = [float("inf")] * len(calls)
    end = time.perf_counter() + seconds * len(calls)
    while True:
        for i, call in enumerate(calls):
            best[i] = min(best[i], fastest(call, seconds / ROUNDS, repeat))
        if time.perf_counter() >= end:
            return best


def resident_bytes() -> int:
    """Memory of this process now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * resource.getpagesize()


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
