# SPDX-License-Identifier: BSD-3-Clause
"""The whole program on a long recording: how long a command takes, and which share of it is spent
outside the core and libopus."""

import cProfile
import pstats
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from dred.cli import main
from dred.cli.bench import table
from dred.cli.bench.machine import fastest
from dred.cli.bench.setting import Setting
from dred.io.wav_writer import write_wav
from dred.units import CORE_RATE

LOSS = "gilbert:p=0.06,r=0.25"
PROFILED_MINUTES, ROUNDS = 0.3, 3  # the shares do not depend on the length
STARTS = 5
SHORT_S, SCHEMES = 10, ("plc", "neural-plc", "dred")


def _recording(setting: Setting, seconds: float) -> Any:
    return np.resize(setting.pcm, round(seconds * CORE_RATE))


def _commands(setting: Setting, folder: Path, minutes: float) -> dict[str, list[str]]:
    """By name, in an order in which each finds what it reads."""
    write_wav(str(folder / "in.wav"), _recording(setting, 60 * minutes), CORE_RATE)
    wav, opus, heard = (str(folder / name) for name in ("in.wav", "sent.opus", "heard.wav"))
    models = ["--models", setting.file] if setting.file else []
    return {
        "encode": ["encode", wav, opus, *models],
        "decode": ["decode", opus, heard, "--loss", LOSS, *models],
        "simulate": [
            "simulate", wav, "--loss", LOSS, "--schemes", "dred", "--no-metrics", *models,
        ],
    }  # fmt: skip


def _process(arguments: list[str]) -> tuple[float, float]:
    """Seconds of wall and of processor time of a fresh interpreter."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used


def _profile(run: Callable[[], None]) -> tuple[float, float]:
    """Seconds of the thread in the core and in libopus."""
    profile = cProfile.Profile(time.thread_time)
    profile.runcall(run)
    core = opus = 0.0
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if "dred._core" in name:
            core += own
        # What is called through ctypes counts as the caller's own time.
        elif Path(file).name == "opus.py" and name in ("encode", "decode"):
            opus += own
    return core, opus


def _shares(command: list[str]) -> dict[str, float]:
    """Parts of the thread's time: in the core, in libopus, elsewhere. The least of rounds in turns
    without and with the profiler, which slows what is elsewhere."""

    def run() -> None:
        with redirect_stdout(StringIO()):
            main(command)

    rounds = [(fastest(run, 0) / 1e9, *_profile(run)) for _ in range(ROUNDS)]
    total, core, opus = (float(least) for least in np.min(rounds, axis=0))
    return {"core": core / total, "libopus": opus / total, "outside": 1 - (core + opus) / total}


def _short(setting: Setting) -> list[dict[str, Any]]:
    """`simulate` of ten seconds, after start-up."""
    from dred.simulate import simulate
    from dred.traces import parse_model

    pcm, loss = _recording(setting, SHORT_S), parse_model(LOSS)

    def call(scheme: str) -> Callable[[], object]:
        return lambda: simulate(pcm, CORE_RATE, loss, scheme, models=setting.models)

    return [
        {"scheme": scheme, "seconds": fastest(call(scheme), 5 * setting.seconds) / 1e9}
        for scheme in SCHEMES
    ]


def measure(setting: Setting) -> dict[str, Any]:
    rows = []
    with TemporaryDirectory() as folder:
        short = _commands(setting, Path(folder), min(PROFILED_MINUTES, setting.minutes))
        shares = {name: _shares(command) for name, command in short.items()}
        for name, command in _commands(setting, Path(folder), setting.minutes).items():
            wall, used = _process(["-m", "dred.cli", *command])
            rows.append(
                {
                    "command": name,
                    "wall_s": wall,
                    "processor_s": used,
                    "times_real_time": 60 * setting.minutes / wall,
                    "share": shares[name],
                }
            )
    bare = min(_process(["-c", ""])[1] for _ in range(STARTS))
    loaded = min(_process(["-c", "import dred"])[1] for _ in range(STARTS))
    return {
        "minutes": setting.minutes,
        "loss": LOSS,
        "commands": rows,
        "simulate_10_s": _short(setting),
        "import_s": loaded - bare,
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    head = [f"{result['minutes']:g} minutes of speech", "wall s", "processor s", "real time",
            "core", "libopus", "outside both"]  # fmt: skip
    yield from table(
        [head]
        + [
            [
                f"dred {row['command']}",
                f"{row['wall_s']:.1f}",
                f"{row['processor_s']:.1f}",
                f"{row['times_real_time']:.0f} x",
                *(f"{100 * row['share'][part]:.0f} %" for part in ("core", "libopus", "outside")),
            ]
            for row in result["commands"]
        ]
    )
    short = ", ".join(f"{row['scheme']} {row['seconds']:.2f} s" for row in result["simulate_10_s"])
    yield f"processor time of simulate() for {SHORT_S} s: {short}"
    yield f"import dred: {1000 * result['import_s']:.0f} ms"
