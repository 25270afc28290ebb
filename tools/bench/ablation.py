# SPDX-License-Identifier: BSD-3-Clause
"""What each of our means against loss is worth by itself, beside what libopus 1.6.1 does.

The base splits bits and chooses levels by libopus's rule, puts a payload into every packet, uses
the first payload behind a gap alone, looks across no gap, joins by a short fade, and plays what the
vocoder makes as it is. Each row adds one thing to it, the last one all of them: PESQ-WB and PLCMOS
v2 gained, file by file, with 95 % intervals, kb/s sent, and processor time. Where DRED_LIBOPUS
names a libopus with DRED, that one itself has two more rows. On the speech and losses of
`equal_bitrate.py`, optional extra data ($DRED_SHARED). The high band is not heard at 16 kHz:
`high_band.py` measures it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from equal_bitrate import FIGURES, FRAME, SHARED, best_rows, interval
from tqdm import tqdm

import dred
from dred.allocation import TYPICAL_BURST, Budget, Levels
from dred.evaluate.metrics import measure
from dred.io.wav import read_wav
from dred.libopus_rule import libopus_rule
from dred.peer import why_not
from dred.receiver import Receiver
from dred.receiver.description import Descriptions
from dred.receiver.gap import STEP, GapFiller
from dred.sender import Sender
from dred.traces import parse_model

# dred.simulate is a function as well.
SENDING, DESCRIPTION, RECEIVER = map(
    import_module, ("dred.simulate.sending", "dred.receiver.description", "dred.receiver.receiver")
)
METRICS = ("pesq", "plcmos")
SHORT_FADE_MS = 2.5


class OneChoice:
    """Levels that no price changes, in the place of the tables of an allocation."""

    def __init__(self, levels: Levels) -> None:
        self._levels = levels

    def __getitem__(self, index: int) -> OneChoice:
        return self

    def at(self, price: float) -> Levels:
        return self._levels

    def price(self, bits: float) -> float:
        return 1.0


class RuleSender(Sender):
    """Splits and levels as libopus 1.6.1 has them."""

    def configure(
        self, *, bitrate: int, lbrr: bool | None, dred_ms: int, loss_percent: int, **options: float
    ) -> None:
        super().configure(
            bitrate=bitrate, lbrr=lbrr, dred_ms=dred_ms, loss_percent=loss_percent, **options
        )
        rule = libopus_rule(
            bitrate, loss_percent, dred_ms=dred_ms, lbrr=bool(lbrr), frame_ms=self.frame_ms
        )  # fmt: skip
        self._opus.configure(bitrate=rule.regular, lbrr=bool(lbrr))
        per_packet = self.frame_ms / 1000
        self._budget = Budget(bitrate * per_packet, rule.dred * per_packet)
        self._turns = (OneChoice(Levels(rule.q0, rule.dq, rule.qmax, rule.chunks)),)
        self._chunks, self._spacing = max(1, rule.chunks), 1


class DenseSender(Sender):
    """Our allocation, with a payload in every packet."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "jitter_ms": None})


class PlainFiller(GapFiller):
    """What the vocoder makes, as it is."""

    def until(self, at: int, descriptions: Descriptions) -> None:
        while self._wide.end < at:
            rows, known = descriptions.vectors(self._made, self._concealer.wants())
            made = self._concealer.step(rows, known)
            self._made += STEP
            self._known.append(bool(known[-1]))
            self._core.append(made)
            self._widen(made)

    def mark(self) -> None:
        self._before[0].copy(self._concealer)
        super().mark()


# What is taken away from the whole: (owner, name, value in its place).
Part = tuple[Any, str, Any]
WITHOUT: dict[str, list[Part]] = {
    "allocation": [(SENDING, "Sender", RuleSender)],
    "fusion": [
        (DESCRIPTION, "SEARCHED", 1),
        (GapFiller, "revise", lambda self, descriptions: None),
    ],
    "bridge": [(Receiver, "_look_across", lambda self: None)],
    "joins": [
        (RECEIVER, "FADE_KNOWN_MS", SHORT_FADE_MS),
        (RECEIVER, "FADE_GUESS_MS", SHORT_FADE_MS),
        (RECEIVER, "rings", lambda *frames: False),
    ],
    "correction": [
        (RECEIVER, "GapFiller", PlainFiller),
        (Receiver, "_polished", lambda self, frame, packet: frame),
    ],
}
DENSE = (SENDING, "Sender", DenseSender)


def without(*names: str) -> list[Part]:
    """What takes these away."""
    return [part for name in names for part in WITHOUT[name]]


# Rows of the table.
VARIANTS: dict[str, list[Part]] = {
    "base": without(*WITHOUT),
    **{f"+ {kept}": without(*(name for name in WITHOUT if name != kept)) for kept in WITHOUT},
    "+ allocation, a payload in every packet":
        [DENSE, *without(*(name for name in WITHOUT if name != "allocation"))],
    "all": [],
}  # fmt: skip
# The scheme of those rows in which it is no choice.
PEERS = {"libopus, DRED": "libopus-dred", "libopus, DRED and LBRR": "libopus-dred+lbrr"}


@contextmanager
def replaced(parts: list[Part]) -> Iterator[None]:
    """The package with these attributes in place of its own."""
    with ExitStack() as stack:
        for owner, name, value in parts:
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)
        yield


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20, help="how many files (default 20)")
    parser.add_argument("--rate", type=int, default=32, choices=(24, 32, 48, 64), help="kb/s")
    parser.add_argument("--scheme", default="dred+auto", help="default dred+auto")
    parser.add_argument(
        "--loss",
        metavar="MODEL",
        help="other losses, as of dred simulate (default: those of the figures)",
    )
    parser.add_argument("--loss-percent", type=int, default=20, help="what senders are told")
    parser.add_argument("--loss-burst", type=float, default=TYPICAL_BURST, help="likewise")
    parser.add_argument("--models", help="model file (default: the embedded ones)")
    return parser


def listen(row: dict[str, Any], args: argparse.Namespace, scheme: str) -> dict[str, float]:
    """One file: its figures, the bitrate, and the seconds that it took."""
    pcm, rate = read_wav(SHARED / "speech" / "test" / row["file"])
    pcm = pcm[: len(pcm) // FRAME * FRAME]
    models = dred.load_models(args.models)
    began = time.process_time()
    trace = parse_model(args.loss) if args.loss else [int(flag) for flag in row["lost"]]
    result = dred.simulate(
        pcm, rate, trace, scheme, args.rate * 1000, args.loss_percent, models,
        seed=row["index"], loss_burst=args.loss_burst,
    )  # fmt: skip
    spent = time.process_time() - began
    return {"kbps": result.kbps, "time": spent / (len(pcm) / rate),
            **measure(pcm, result.pcm, rate, METRICS)}  # fmt: skip


def table(found: dict[str, list[dict[str, float]]]) -> Iterator[str]:
    """Lines of Markdown."""
    yield "| | kb/s | x real time | PESQ-WB | gain | PLCMOS | gain |"
    yield "|---|---|---|---|---|---|---|"

    def of(name: str, key: str) -> np.ndarray:
        return np.array([row[key] for row in found[name]])

    for name in found:
        cells = [f"{of(name, 'kbps').mean():.1f}", f"{1 / of(name, 'time').mean():.0f}"]
        for key in METRICS:
            gain = of(name, key) - of("base", key)
            low, high = interval(gain)
            cells += [
                f"{of(name, key).mean():.2f}",
                f"{gain.mean():+.2f} [{low:+.2f}, {high:+.2f}]",
            ]
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> int:
    args = get_parser().parse_args()
    if not FIGURES.exists():
        print(f"no figures of libopus in {SHARED}; set DRED_SHARED", file=sys.stderr)
        return 1
    every = map(json.loads, FIGURES.read_text().splitlines())
    rows = best_rows([row for row in every if row["rate"] == args.rate], 20)
    rows = rows[:: max(1, len(rows) // args.files)][: args.files]
    found: dict[str, list[dict[str, float]]] = {}
    variants = VARIANTS if why_not() else VARIANTS | {name: [] for name in PEERS}
    with tqdm(total=len(variants) * len(rows), unit="file") as progress:
        for name, parts in variants.items():
            with replaced(parts):
                for row in rows:
                    scheme = PEERS.get(name, args.scheme)
                    found.setdefault(name, []).append(listen(row, args, scheme))
                    progress.update()
    print("\n".join(table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
