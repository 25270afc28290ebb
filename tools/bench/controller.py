# SPDX-License-Identifier: BSD-3-Clause
"""The redundancy controller beside every fixed setting and libopus 1.6.1's rule.

Calls over losses from 2 % to 30 % and back, at the same bitrate budgets, each contender with the
same speech and the same losses: PESQ-WB of every few seconds, its mean, by how much the controller
is ahead (paired, with a 95 % interval over calls), and a plot. The rule of libopus gets the same
loss estimate, and our choice of quantiser levels within its split; like libopus it puts a payload
into every packet. All others are told how long the receiver waits. Example:
`python tools/bench/controller.py --speech samples --calls 3 --budgets 24,40,64 --out controller`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path

import numpy as np
from controller_table import RATE, SETTINGS, flags
from tqdm import tqdm

from dred.allocation import Budget
from dred.controller import Controller, LossEstimate, QualityTable, Setting
from dred.evaluate.metrics import measure
from dred.evaluate.report.table import interval
from dred.evaluate.statistics import bootstrap_mean
from dred.io.wav import mix, read_wav, resample
from dred.libopus_rule import libopus_rule
from dred.models import Models, load_models
from dred.net.adapt import Adaptation
from dred.net.simulated import SimulatedCall
from dred.receiver import Receiver
from dred.rtp import RtpSender
from dred.sender import Sender

ROOT = Path(__file__).resolve().parents[2]
JITTER_MS = 1100
WINDOW_S = 6
# Loss in percent and mean burst, for a third of the call each.
PARTS = ((2, 1.3), (30, 4.0), (2, 1.3))
OURS, LIBOPUS, LIBOPUS_LBRR = "controller", "libopus 1.6.1", "libopus 1.6.1, LBRR"


@dataclass
class Outcome:
    """One call."""

    kbps: float
    pesq: list[float]  # of every window
    changes: list[tuple[float, Setting]] = field(default_factory=list)

    @property
    def mean(self) -> float:
        return float(np.nanmean(self.pesq))


class LibopusSender(Sender):
    """Splits the bitrate as libopus 1.6.1 does."""

    def configure(
        self, *, bitrate: int, lbrr: bool, dred_ms: int, loss_percent: int, **options: float
    ) -> None:
        super().configure(
            bitrate=bitrate, lbrr=lbrr, dred_ms=dred_ms, loss_percent=loss_percent, **options
        )
        split = libopus_rule(
            bitrate, loss_percent, dred_ms=dred_ms, lbrr=lbrr, frame_ms=self.frame_ms
        )  # fmt: skip
        self._opus.configure(bitrate=split.regular, lbrr=lbrr and loss_percent > 0)
        per_packet = self.frame_ms / 1000
        self._budget = Budget(bitrate * per_packet, split.dred * per_packet)
        self._chunks = max(1, split.chunks)


class LibopusRule:
    """In the place of a controller: the loss estimate goes to the sender as it is. It begins where
    the controller's begins."""

    def __init__(self, budget: int, lbrr: bool) -> None:
        self._estimate = LossEstimate(Controller.START_LOSS)
        percent = round(100 * self._estimate.loss)
        self.setting = Setting(budget, lbrr=lbrr, dred_ms=1000, loss_percent=percent)

    def report(self, now_ms: float, fraction: float, flags: Sequence[int] = ()) -> bool:
        self._estimate.report(fraction, len(flags))
        self._estimate.runs(flags)
        percent = round(100 * self._estimate.loss)
        changed = percent != self.setting.loss_percent
        self.setting = replace(self.setting, loss_percent=percent)
        return changed


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", default=str(ROOT / "samples" / "slt_16k.wav"),
                        help="a file, or a folder of them")  # fmt: skip
    parser.add_argument("--calls", type=int, default=1, help="of every contender (default 1)")
    parser.add_argument("--budgets", default="24,40,64", help="kb/s, separated by commas")
    parser.add_argument("--seconds", type=int, default=54, help="of every call (default 54)")
    parser.add_argument("--only", default="", metavar="PATTERN",
                        help="contenders whose name matches, the controller always")  # fmt: skip
    parser.add_argument("--table", help="quality table (default: the package's)")
    parser.add_argument("--models", help="model file (default: the embedded ones)")
    parser.add_argument("--seed", type=int, default=1, help="of the losses (default 1)")
    parser.add_argument("--out", default="controller", help="results: OUT.json and OUT.png")
    return parser


def speech(args: argparse.Namespace) -> list[np.ndarray]:
    """Calls' worth of speech at 16 kHz: each begins with another file, and goes on with the files
    behind that one."""
    path = Path(args.speech)
    paths = [path] if path.is_file() else sorted(
        p for p in path.rglob("*") if p.suffix in (".wav", ".flac")
    )  # fmt: skip
    wanted = args.seconds * RATE
    made = []
    for number in range(args.calls if paths else 0):
        files = cycle(np.roll(paths, -(number * len(paths) // args.calls)))
        pieces: list[np.ndarray] = []
        while sum(map(len, pieces)) < wanted:
            pcm, rate = read_wav(next(files))
            pieces.append(resample(mix(pcm, 1), rate, RATE).ravel())
        made.append(np.concatenate(pieces)[:wanted])
    return made


def losses(seconds: int, seed: int) -> list[int]:
    """Flags of a whole call and a little more; its first packet arrives."""
    share = 50 * seconds // len(PARTS)
    parts = [flags(percent, burst, share, seed + i) for i, (percent, burst) in enumerate(PARTS)]
    return [0, *[flag for part in parts for flag in part][1:]]


def call(
    pcm: np.ndarray, lost: list[int], models: Models, make: Callable[[], Sender], setting: Setting,
    controller: Controller | LibopusRule | None = None,
) -> Outcome:  # fmt: skip
    """One call: with a controller, or with one setting all along."""
    sender, rtp = make(), RtpSender(red_copies=setting.red)
    changes: list[tuple[float, Setting]] = []
    adaptation = None
    if controller is not None:
        adaptation = Adaptation(controller, sender, rtp, lambda *change: changes.append(change))
    receiver = Receiver(RATE, 1, models, JITTER_MS)
    simulated = SimulatedCall(sender, rtp, receiver, lost=lost, on_report=adaptation)
    heard = np.concatenate(list(simulated.frames([pcm])))[sender.lookahead :]
    size = WINDOW_S * RATE
    scores = [
        measure(pcm[i : i + size], heard[i : i + size], RATE, ["pesq"])["pesq"]
        for i in range(0, len(pcm) - size + 1, size)
    ]
    return Outcome(simulated.kbps, scores, changes)


def contenders(
    budget: int, table: QualityTable, models: Models
) -> dict[str, tuple[Callable[[], Sender], Setting, Callable[[], Controller | LibopusRule] | None]]:
    """By name: how to make the sender, its setting, and how to make what controls it."""
    plain = Setting(budget)

    def ours() -> Sender:
        return Sender(RATE, 1, bitrate=budget, models=models, jitter_ms=JITTER_MS)

    def theirs() -> Sender:
        return LibopusSender(RATE, 1, bitrate=budget, models=models)

    found = {
        OURS: (ours, plain, lambda: Controller(budget, table)),
        LIBOPUS: (theirs, plain, lambda: LibopusRule(budget, False)),
        LIBOPUS_LBRR: (theirs, plain, lambda: LibopusRule(budget, True)),
    }
    for kind in SETTINGS:
        fixed = replace(kind, bitrate=budget)
        found[name(fixed)] = (
            lambda fixed=fixed: Sender(
                RATE, 1, **fixed.sender_options(), models=models, jitter_ms=JITTER_MS
            ),
            fixed,
            None,
        )
    return found


def name(setting: Setting) -> str:
    """As the table and the plot show it."""
    parts = ["lbrr"] * setting.lbrr + [f"red {setting.red}"] * (setting.red > 0)
    parts += [f"dred {setting.dred_ms} ms"] * (setting.dred_ms > 0)
    return " + ".join(parts) + f" at {setting.loss_percent} %" if parts else "plain"


def main() -> int:
    args = get_parser().parse_args()
    models, table = load_models(args.models), QualityTable.load(*filter(None, [args.table]))
    clips = speech(args)
    lost = [losses(args.seconds, args.seed + len(PARTS) * number) for number in range(len(clips))]
    if not clips:
        print(f"no sound files in {args.speech}; name a file or a folder", file=sys.stderr)
        return 1
    budgets = [1000 * int(budget) for budget in args.budgets.split(",")]
    jobs = [
        (budget, title, number, what)
        for number in range(len(clips))
        for budget in budgets
        for title, what in contenders(budget, table, models).items()
        if title == OURS or re.search(args.only, title)
    ]
    found: dict[int, dict[str, list[Outcome]]] = {budget: {} for budget in budgets}
    for budget, title, number, (make, setting, control) in tqdm(jobs, disable=None):
        controller = control() if control else None
        outcome = call(clips[number], lost[number], models, make, setting, controller)
        found[budget].setdefault(title, []).append(outcome)
        # At once, so that a run that is cut short leaves what it found.
        Path(f"{args.out}.json").write_text(json.dumps(records(found), indent=1) + "\n")
    for budget, outcomes in found.items():
        show(budget, outcomes)
    plot(f"{args.out}.png", found)
    return 0


def show(budget: int, outcomes: dict[str, list[Outcome]]) -> None:
    """The table of one budget, best first."""
    ours = [run.mean for run in outcomes[OURS]]
    print(f"\n{budget // 1000} kb/s           kb/s sent   PESQ-WB   by part of the call   "
          "controller ahead by [95 %]")  # fmt: skip
    for title in sorted(outcomes, key=lambda t: -mean(outcomes[t])):
        runs = outcomes[title]
        windows = np.array([run.pesq for run in runs])
        parts = [float(np.nanmean(part)) for part in np.array_split(windows, len(PARTS), axis=1)]
        ahead = bootstrap_mean([own - run.mean for own, run in zip(ours, runs, strict=True)])
        print(f"  {title:28s} {np.mean([run.kbps for run in runs]):6.1f}    {mean(runs):.3f}    "
              + "  ".join(f"{part:.2f}" for part in parts)
              + ("" if title == OURS else f"      {interval(ahead, 3)}"))  # fmt: skip


def mean(runs: list[Outcome]) -> float:
    return float(np.mean([run.mean for run in runs]))


def records(found: dict[int, dict[str, list[Outcome]]]) -> list[dict]:
    return [
        {
            "budget": budget, "contender": title, "kbps": run.kbps, "pesq": run.pesq,
            "changes": [[ms, vars(setting)] for ms, setting in run.changes],
        }
        for budget, outcomes in found.items()
        for title, runs in outcomes.items()
        for run in runs
    ]  # fmt: skip


def plot(path: str, found: dict[int, dict[str, list[Outcome]]]) -> None:
    """PESQ over time of the controller, the rule and the best fixed setting; means of all."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(found), 2, figsize=(12, 3.2 * len(found)), squeeze=False)
    for (left, right), (budget, outcomes) in zip(axes, found.items(), strict=True):
        ranked = sorted(outcomes, key=lambda title: mean(outcomes[title]))
        rules = [title for title in (LIBOPUS, LIBOPUS_LBRR) if title in outcomes]
        fixed = [title for title in ranked if title not in (OURS, *rules)]
        for title in (OURS, *rules, *fixed[-1:]):
            windows = np.nanmean([run.pesq for run in outcomes[title]], axis=0)
            edges = WINDOW_S * np.arange(len(windows) + 1)
            left.stairs(windows, edges, baseline=None, label=title)
        for ms, _ in outcomes[OURS][0].changes:
            left.axvline(ms / 1000, color="0.8", zorder=0)
        left.set_ylabel(f"PESQ-WB, {budget // 1000} kb/s")
        left.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
        colours = ["tab:blue" if title == OURS else "0.7" for title in ranked]
        right.barh(ranked, [mean(outcomes[title]) for title in ranked], color=colours)
        right.tick_params(labelsize="small")
        right.set_xlim(left=1)
    axes[-1][0].set_xlabel("seconds (grey: the controller changes its setting)")
    axes[-1][1].set_xlabel("mean PESQ-WB")
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    sys.exit(main())
