# SPDX-License-Identifier: BSD-3-Clause
"""A long simulated call, as fast as possible: does memory grow, the delay drift, the sound click?

Speech in a loop goes through losses and jitter to an adaptive receiver whose clock runs faster or
slower. Prints a line for each minute and the verdicts; `--out` gets a plot. Example:
`python tools/bench/long_call.py --minutes 60 --skew-ppm 100 --out call.png`. Exit code 1 where a
verdict is bad.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dred.io.wav import mix, read_wav, to_opus_rate
from dred.models import load_models
from dred.net.simulated import SimulatedCall
from dred.opus import OpusDecoder
from dred.packet import has_lbrr
from dred.receiver import Playout, Receiver
from dred.receiver.join import steepest
from dred.rtp import RtpSender
from dred.sender import Sender
from dred.traces import parse_model

ROOT = Path(__file__).resolve().parents[2]
DRAWN_AT_ONCE = 3000
# Verdicts. What is allocated once (networks, buffers, the interpreter's own pools) is there after
# the first part of the call.
SETTLED = 0.25
GROWTH_MB = 8.0
DRIFT_MS = 60.0
CLICK = 1.5  # largest jump of the output against the largest one of the input or of the codec


@dataclass
class Minutes:
    """One value a minute."""

    rss_mb: list[float] = field(default_factory=list)
    delay_ms: list[float] = field(default_factory=list)
    target_ms: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)


@dataclass
class Jumps:
    """The largest step between neighbouring samples: put in, decoded without losses, heard at the
    seams of frames, heard elsewhere."""

    input: float
    codec: float
    joins: float
    inside: float


class Overheard(Sender):
    """A sender whose packets a stock decoder hears as well: the largest jump (between neighbouring
    samples) that the codec makes by itself, with none of our joins.

    Nothing is lost there, but each LBRR frame is heard once, and the frame after it, as if its own
    packet had been the only one that ever was: LBRR is coarser, and its pulses are sharper.
    """

    def begin(self) -> Overheard:
        """Listen from now on."""
        self.jump = 0.0
        self._listener = OpusDecoder(self.sample_rate, self.channels)
        self._other = OpusDecoder(self.sample_rate, self.channels)
        self._before = self._listener.save()
        return self

    def push(self, pcm: np.ndarray) -> list[bytes]:
        packets = super().push(pcm)
        length = self.sample_rate * self.frame_ms // 1000
        for packet in packets:
            if has_lbrr(packet):
                self._other.restore(self._before)
                heard = [self._other.decode(packet, length, fec=fec) for fec in (True, False)]
                self.jump = max(self.jump, steepest(np.concatenate(heard)))
            self._before = self._listener.save()
            self.jump = max(self.jump, steepest(self._listener.decode(packet, length)))
        return packets


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="of the call (default 60)")
    parser.add_argument("--speech", default=str(ROOT / "samples" / "slt_16k.wav"), help="to loop")
    parser.add_argument("--skew-ppm", type=float, default=100.0,
                        help="by which the listener's clock is faster (default 100)")  # fmt: skip
    parser.add_argument("--loss", default="gilbert:p=0.05,r=0.2", help="loss model")
    parser.add_argument("--jitter-ms", type=float, default=30.0, help="evenly spread (default 30)")
    parser.add_argument("--recover-ms", type=float, default=300.0, help="of bursts (default 300)")
    parser.add_argument("--models", help="model file (default: the embedded ones)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="plot, .png or .svg")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    return parser


def resident_mb() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def losses(model: str, rng: np.random.Generator) -> Iterator[int]:
    """Flags without end."""
    parsed = parse_model(model)
    while True:
        yield from parsed.draw(DRAWN_AT_ONCE, rng).tolist()


def jitter(most_ms: float, rng: np.random.Generator) -> Iterator[float]:
    """Delays without end."""
    while True:
        yield from rng.uniform(0, most_ms, DRAWN_AT_ONCE).tolist()


def speech(path: str) -> tuple[list[np.ndarray], int]:
    """The clip in pieces of 20 ms, its end faded so that the loop itself does not click."""
    pcm, original = read_wav(path)
    wide, rate = to_opus_rate(mix(pcm, 1).ravel(), original)
    frame = rate // 50
    wide = wide[: len(wide) // frame * frame]
    ramp = np.linspace(0, 1, frame, dtype=np.float32)
    wide[:frame] *= ramp
    wide[-frame:] *= ramp[::-1]
    return np.split(wide, len(wide) // frame), rate


def main() -> int:
    args = get_parser().parse_args()
    pieces, rate = speech(args.speech)
    rng = np.random.default_rng(args.seed)
    models = load_models(args.models)
    sender = Overheard(rate, 1, models=models).begin()
    playout = Playout(Receiver(rate, 1, models, args.recover_ms))
    call = SimulatedCall(
        sender, RtpSender(), playout,
        lost=losses(args.loss, rng), delays_ms=jitter(args.jitter_ms, rng),
        skew=1e-6 * args.skew_ppm,
    )  # fmt: skip
    count = round(args.minutes * 3000)
    found = Minutes()
    joins = inside = last = 0.0
    heard = 0
    frames = call.frames(islice(cycle(pieces), count))
    for frame in tqdm(frames, total=count, unit="frame", disable=None):
        joins = max(joins, abs(float(frame[0]) - last))
        inside = max(inside, steepest(frame))
        last = float(frame[-1])
        heard += 1
        if heard % 3000 == 0:
            note(found, playout, args.json)
    jumps = Jumps(steepest(np.concatenate(pieces)), sender.jump, joins, inside)
    report = verdicts(found, playout, jumps, heard, call)
    if args.out:
        plot(args.out, found)
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        for name, value in report.items():
            print(f"{name}: {value}")
    return 0 if report["good"] else 1


def note(found: Minutes, playout: Playout, quiet: bool) -> None:
    """A minute is over."""
    state = playout.playout
    found.rss_mb.append(resident_mb())
    found.delay_ms.append(state.delay_ms)
    found.target_ms.append(state.target_ms)
    found.steps.append(state.grown + state.shrunk)
    if not quiet:
        tqdm.write(
            f"{len(found.rss_mb):3d} min  {found.rss_mb[-1]:.1f} MB  delay {state.delay_ms:.0f} of "
            f"{state.target_ms:.0f} ms  grown {state.grown}  shrunk {state.shrunk}"
        )


def verdicts(
    found: Minutes, playout: Playout, jumps: Jumps, heard: int, call: SimulatedCall
) -> dict:  # fmt: skip
    """Figures of the whole call, and whether they are good."""
    state, stats = playout.playout, playout.stats
    first = round(SETTLED * len(found.rss_mb))
    settled = found.rss_mb[first:] or [resident_mb()]
    delays = found.delay_ms[first:] or [state.delay_ms]
    report = {
        "minutes": heard / 3000,
        "lost packets": call.rtp.reception.lost if call.rtp.reception else 0,
        "late packets": stats.late,
        "restarts": stats.restarts,
        "frames": stats.frames(),
        "memory at the end, MB": settled[-1],
        "memory grown since it settled, MB": settled[-1] - settled[0],
        "delay, least and most, ms": [min(delays), max(delays)],
        "steps longer, ms": state.grown_ms,
        "steps shorter, ms": state.shrunk_ms,
        "largest jump of the input": jumps.input,
        "largest jump of the codec by itself": jumps.codec,
        "largest jump between frames": jumps.joins,
        "largest jump within frames": jumps.inside,
    }
    report["good"] = (
        settled[-1] - settled[0] < GROWTH_MB
        and max(delays) - min(delays) < DRIFT_MS
        and max(jumps.joins, jumps.inside) <= CLICK * max(jumps.input, jumps.codec)
        and stats.restarts == 0
    )
    return report


def plot(path: str, found: Minutes) -> None:
    """Memory and delay by minute."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    minutes = np.arange(1, len(found.rss_mb) + 1)
    figure, (top, bottom) = pyplot.subplots(2, 1, sharex=True, figsize=(8, 5))
    top.plot(minutes, found.rss_mb)
    top.set_ylabel("resident memory, MB")
    top.set_ylim(0, 1.2 * max(found.rss_mb, default=1))
    bottom.plot(minutes, found.delay_ms, label="delay")
    bottom.plot(minutes, found.target_ms, label="target")
    bottom.set_ylabel("ms")
    bottom.set_xlabel("minutes")
    bottom.set_ylim(bottom=0)
    bottom.legend()
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    sys.exit(main())
