# SPDX-License-Identifier: BSD-3-Clause
"""Measure what bits buy: makes dred/allocation/tables.json, by which senders share their bitrate.

Bits of latents and states are means over the speech. Damages are losses of PESQ-WB: of frames that
arrive, at each bitrate; of all that is lost, described at each level, not at all, or restored from
LBRR. Measure on speech that no result is reported on.

Sections: bits of latents and states (`bits`), damage of regular frames (`regular`), of descriptions
(`chunks`), and of what LBRR restores, with its share of the bits (`lbrr`). A section replaces its
own part of the file and takes from it what others measured; what changed is printed at the end, and
how long each took. Example:
`python tools/bench/allocation_tables.py --speech ../shared/speech/valid --sections lbrr`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import dred
from dred.allocation.levels import LEVELS, Levels
from dred.allocation.split import REGULAR_WEIGHT
from dred.allocation.tables import FILE
from dred.evaluate.metrics import measure
from dred.io.wav import mix, read_wav, resample
from dred.models import Models, load_models
from dred.payload import MAX_CHUNKS
from dred.receiver import Receiver
from dred.sender import HIGHEST_PAYLOAD
from dred.simulate import fit_trace, play
from dred.simulate.split import split_bitrate
from dred.traces import parse_model

RATE, FRAME = 16000, 320
JITTER_MS = 1100  # as in dred.simulate
CLEAN = 4.644  # PESQ-WB of what nothing happened to
FIRST = 10  # packets that arrive in any case
LOSS = "gilbert:p=0.117,r=0.526"  # in bursts of 1.9
SINGLE = "burst:every=100ms,length=20ms"
LONG = "burst:every=1500ms,length=300ms"  # where a guess has nothing to go by
DESCRIBED_AT = 32  # kb/s of the regular frames around descriptions
EVERY = 25  # latents between payloads whose bits are counted
MEASURED = (0, 4, 8, 12, 15)  # levels; those between by what their training says
REGULAR_KBPS = (8, 11, 14, 17, 20, 24, 30, 40, 60)
LBRR_KBPS = (22, 24, 27, 32, 45)
Part = dict[str, Any]  # of tables.json
# Weight of a bit in training, from the finest level to the coarsest in equal ratios: what a level
# does more than the one before is that weight times the bits it saves.
FINEST_WEIGHT, WEIGHT_RATIO = 2e-4, 200


class FixedSender(dred.Sender):
    """Regular frames of one bitrate, and descriptions at one level at any cost."""

    def __init__(self, kbps: int, level: int | None, lbrr: bool, models: Models) -> None:
        self._level = level
        reach = 0 if level is None else 40 * MAX_CHUNKS
        super().__init__(RATE, 1, 20, 1000 * kbps, dred_ms=reach, lbrr=lbrr, models=models)
        self._opus.configure(bitrate=1000 * kbps, lbrr=lbrr)

    def _describe(self, levels: Levels, capacity: int) -> int:
        if self._level is not None:
            levels = Levels(self._level, 0, LEVELS - 1, MAX_CHUNKS)
            self._request.max_chunks = MAX_CHUNKS
        return super()._describe(levels, HIGHEST_PAYLOAD)


class Bench:
    """Clips, and what is lost of their quality."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.models = load_models(args.models)
        paths = sorted(p for p in args.speech.rglob("*") if p.suffix in (".wav", ".flac"))
        chosen = paths[:: max(1, len(paths) // args.files)][: args.files]
        loaded = [read_wav(path) for path in chosen]
        self.clips = [resample(mix(pcm, 1), rate, RATE) for pcm, rate in loaded]
        self.loss: str = args.loss
        calls = sum(CALLS[name] for name in args.sections) * len(self.clips)
        self._progress = tqdm(total=calls, unit="call", file=sys.stderr)

    def damage(
        self, loss: str | None, kbps: int, level: int | None = None, lbrr: bool = False
    ) -> float:
        """Mean loss of PESQ under a loss model, the same losses for all settings."""
        rng = np.random.default_rng(1)
        lost = []
        for clip in self.clips:
            sender = FixedSender(kbps, level, lbrr, self.models)
            packets = sender.push(clip) + sender.flush()
            flags = np.zeros(len(packets), np.uint8)
            if loss:
                flags = fit_trace(parse_model(loss).draw(3000, rng), 3000)
                flags = np.roll(flags, -int(rng.integers(3000)))[: len(packets)]
                flags[:FIRST] = 0
            receiver = Receiver(RATE, 1, self.models, JITTER_MS, use_lbrr=lbrr)
            heard = play(packets, flags, receiver, jitter_ms=JITTER_MS)[0][sender.lookahead :, 0]
            lost.append(CLEAN - measure(clip, heard[: len(clip)], RATE, ["pesq"])["pesq"])
            self._progress.update()
        return float(np.mean(lost))

    def bits(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean bits of a latent and of a state at each level."""
        latents, states = np.zeros(LEVELS), np.zeros(LEVELS)
        described = [
            dred.rdovae_encode(dred.extract_features(clip, self.models), self.models)
            for clip in self.clips
        ]
        for level in range(LEVELS):
            payloads = [
                dred.decode_payload(
                    dred.encode_payload(z, s0, newest, level, 0, max_bytes=HIGHEST_PAYLOAD)
                ).bits
                for z, s0 in described
                for newest in range(2 * MAX_CHUNKS, len(z), EVERY)
            ]
            states[level] = np.mean([each[1] for each in payloads])
            latents[level] = np.mean(np.concatenate([each[2:] for each in payloads]))
        return latents, states

    def lbrr_share(self, kbps: int) -> float:
        """Of the regular frames' bits, with LBRR in them."""
        clip = np.concatenate(self.clips)
        split = split_bitrate(*2 * (FixedSender(kbps, None, True, self.models).push(clip),))
        return split.lbrr / (split.lbrr + split.regular)


def bits(bench: Bench, tables: Part) -> Part:
    latents, states = bench.bits()
    return {"latent_bits": latents, "state_bits": states}


def regular(bench: Bench, tables: Part) -> Part:
    damage = [bench.damage(None, kbps) for kbps in REGULAR_KBPS]
    return {"regular_kbps": REGULAR_KBPS, "regular_damage": damage}


def chunks(bench: Bench, tables: Part) -> Part:
    """At every level, and of what is not described."""
    weights = FINEST_WEIGHT * WEIGHT_RATIO ** ((np.arange(LEVELS - 1) + 0.5) / (LEVELS - 1))
    shape = np.concatenate([[0.0], np.cumsum(weights * -np.diff(tables["latent_bits"]))])
    levels = list(MEASURED)
    clean = bench.damage(None, DESCRIBED_AT)
    measured = np.array([bench.damage(bench.loss, DESCRIBED_AT, k) for k in levels]) - clean
    fine, coarse, none = (
        bench.damage(LONG, DESCRIBED_AT, level) for level in (levels[0], levels[-1], None)
    )
    beyond = (none - coarse) / (coarse - fine) * (measured[-1] - measured[0])
    return {
        "chunk_damage": np.interp(shape, shape[levels], measured),
        "undescribed": measured[-1] + beyond,
    }


def lbrr(bench: Bench, tables: Part) -> Part:
    share = bench.lbrr_share(DESCRIBED_AT)
    core_kbps = np.array(LBRR_KBPS) * (1 - share)
    core = np.interp(core_kbps, tables["regular_kbps"], tables["regular_damage"])
    heard = np.array([bench.damage(SINGLE, kbps, lbrr=True) for kbps in LBRR_KBPS])
    print(f"lbrr: damage of all that is heard {np.round(heard, 3).tolist()}, "
          f"of regular frames of their bits {np.round(core, 3).tolist()}")  # fmt: skip
    return {
        "lbrr_kbps": LBRR_KBPS,
        "lbrr_damage": heard - REGULAR_WEIGHT * core,
        "lbrr_share": share,
    }


# In this order: each takes what it needs from those before it.
SECTIONS: dict[str, Callable[[Bench, Part], Part]] = {
    "bits": bits, "regular": regular, "chunks": chunks, "lbrr": lbrr,
}  # fmt: skip
CALLS = {  # of each clip
    "bits": 0, "regular": len(REGULAR_KBPS), "chunks": len(MEASURED) + 4, "lbrr": len(LBRR_KBPS),
}  # fmt: skip


def sections(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(SECTIONS):
        raise argparse.ArgumentTypeError(f"{sorted(unknown)[0]!r} is none of {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in names]


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, required=True, help="folder of sound files")
    parser.add_argument("--files", type=int, default=8, help="how many of them (default 8)")
    parser.add_argument("--loss", default=LOSS, help="of a fifth of the packets; default: " + LOSS)
    parser.add_argument("--models", help="model file (default: the embedded ones)")
    parser.add_argument("--out", type=Path, default=FILE, help="default: the package's own")
    parser.add_argument("--sections", type=sections, default=list(SECTIONS), metavar="NAME,...",
                        help="of " + ", ".join(SECTIONS) + "; default: all")  # fmt: skip
    return parser


def main() -> int:
    args = get_parser().parse_args()
    # Where there is no such file yet, the other sections are those of the package.
    before: Part = json.loads((args.out if args.out.exists() else FILE).read_text())
    bench, tables = Bench(args), dict(before)
    for name in args.sections:
        start = time.process_time()
        part = SECTIONS[name](bench, tables)
        tables |= {key: np.round(value, 3).tolist() for key, value in part.items()}
        print(f"{name}: {time.process_time() - start:.0f} s of processor time")
    lines = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in tables.items())
    args.out.write_text(f"{{\n{lines}\n}}\n")
    for name, value in tables.items():
        if value != before[name]:
            print(f"{name}\n  before {before[name]}\n  now    {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
