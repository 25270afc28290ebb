# SPDX-License-Identifier: BSD-3-Clause
"""Measure what settings are worth under losses: the table that `dred.controller` chooses from.

Every setting at every budget and loss, PESQ-WB averaged over clips. Cells that the output file
holds already are not measured again, so that a run may be cut and go on. Example:
`python tools/bench/controller_table.py --speech samples --budgets 24,40,64`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dred.controller import TABLE, Setting
from dred.evaluate.metrics import measure
from dred.io.wav import mix, read_wav, resample
from dred.models import load_models
from dred.net.simulated import SimulatedCall
from dred.receiver import Receiver
from dred.rtp import RtpSender
from dred.sender import Sender
from dred.traces import measure as measure_trace
from dred.traces import parse_model

ROOT = Path(__file__).resolve().parents[2]
RATE = 16000
JITTER_MS = 1100  # as in dred.simulate: whole bursts can be recovered
SETTINGS = (
    Setting(0),
    Setting(0, lbrr=True, loss_percent=2),
    Setting(0, dred_ms=500, loss_percent=3),
    Setting(0, dred_ms=500, loss_percent=10),
    Setting(0, dred_ms=300, loss_percent=20),
    Setting(0, dred_ms=1000, loss_percent=20),
    Setting(0, lbrr=True, dred_ms=500, loss_percent=3),
    Setting(0, lbrr=True, dred_ms=200, loss_percent=10),
    Setting(0, lbrr=True, dred_ms=200, loss_percent=20),
    Setting(0, lbrr=True, dred_ms=500, loss_percent=20),
    Setting(0, lbrr=True, dred_ms=1000, loss_percent=20),
    Setting(0, red=1),
)
# Loss in percent, mean burst in packets.
CONDITIONS = ((0, 1.0), (2, 1.3), (10, 1.5), (10, 4.0), (30, 2.0), (30, 5.0))
DRAWS = 60  # of losses, of which the most typical one is taken: clips are short


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", default=str(ROOT / "samples"), help="folder of sound files")
    parser.add_argument("--clips", type=int, default=3, help="how many of them (default 3)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each clip (default 8)")
    parser.add_argument("--budgets", default="24,40,64", help="kb/s, separated by commas")
    parser.add_argument("--out", default=str(TABLE), help="JSON lines (default: the package's)")
    parser.add_argument("--models", help="model file (default: the embedded ones)")
    parser.add_argument("--limit", type=int, help="measure so many cells, then stop")
    return parser


def clips(args: argparse.Namespace) -> list[np.ndarray]:
    """Speech at 16 kHz."""
    paths = sorted(p for p in Path(args.speech).rglob("*") if p.suffix in (".wav", ".flac"))
    chosen = paths[:: max(1, len(paths) // args.clips)][: args.clips]
    loaded = [read_wav(path) for path in chosen]
    return [
        resample(mix(pcm, 1), rate, RATE)[: int(args.seconds * RATE)].ravel()
        for pcm, rate in loaded
    ]


def flags(percent: int, burst: float, packets: int, seed: int) -> list[int]:
    """Losses of a Gilbert model."""
    if percent == 0:
        return [0] * packets
    leave = 1 / burst
    enter = leave * percent / (100 - percent)
    model = parse_model(f"gilbert:p={enter},r={leave}")
    return [int(flag) for flag in model.draw(packets, np.random.default_rng(seed))]


@cache
def typical(percent: int, burst: float, packets: int, seed: int) -> list[int]:
    """The same, with nearly the loss and the mean burst that were asked for."""

    def distance(lost: list[int]) -> float:
        stats = measure_trace(lost)
        loss = abs(np.log((100 * stats.loss_rate + 1e-3) / (percent + 1e-3)))
        return float(loss + abs(np.log(max(1.0, stats.mean_burst) / burst)))

    draws = (flags(percent, burst, packets, DRAWS * seed + draw) for draw in range(DRAWS))
    return min(draws, key=distance)


def call(pcm: np.ndarray, setting: Setting, lost: list[int], models: str | None):
    """(PESQ-WB, kb/s) of one call."""
    loaded = load_models(models)
    sender = Sender(RATE, 1, **setting.sender_options(), models=loaded, jitter_ms=JITTER_MS)
    receiver = Receiver(RATE, 1, loaded, JITTER_MS)
    lost = [0, *lost[1:]]  # a receiver can only know of what comes after the first packet
    simulated = SimulatedCall(sender, RtpSender(red_copies=setting.red), receiver, lost=lost)
    heard = np.concatenate(list(simulated.frames([pcm])))[sender.lookahead :]
    size = min(len(heard), len(pcm))
    return measure(pcm[:size], heard[:size], RATE, ["pesq"])["pesq"], simulated.kbps


def cells(args: argparse.Namespace) -> Iterator[tuple[Setting, int, float]]:
    for budget in args.budgets.split(","):
        for setting in SETTINGS:
            for percent, burst in CONDITIONS:
                yield replace(setting, bitrate=1000 * int(budget)), percent, burst


def key(cell: dict) -> tuple:
    return tuple(cell[name] for name in (*asdict(SETTINGS[0]), "loss", "burst"))


def main() -> int:
    args = get_parser().parse_args()
    speech = clips(args)
    if not speech:
        print(f"no sound files in {args.speech}; name a folder with --speech", file=sys.stderr)
        return 1
    out = Path(args.out)
    known = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    done = {key(cell) for cell in known}
    todo = [
        (setting, percent, burst)
        for setting, percent, burst in cells(args)
        if key({**asdict(setting), "loss": percent / 100, "burst": burst}) not in done
    ]
    with out.open("a") as file:
        for setting, percent, burst in tqdm(todo[: args.limit], disable=None):
            lost = [typical(percent, burst, len(pcm) // 320 + 4, i) for i, pcm in enumerate(speech)]
            made = [call(pcm, setting, f, args.models) for pcm, f in zip(speech, lost, strict=True)]
            stats = measure_trace(np.concatenate(lost))
            cell = {
                **asdict(setting),
                "loss": percent / 100,
                "burst": burst,
                "measured_loss": round(stats.loss_rate, 4),
                "measured_burst": round(stats.mean_burst, 2),
                "kbps": round(float(np.mean([kbps for _, kbps in made])), 2),
                "quality": round(float(np.mean([pesq for pesq, _ in made])), 3),
                "clips": len(speech),
            }
            file.write(json.dumps(cell) + "\n")
            file.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
