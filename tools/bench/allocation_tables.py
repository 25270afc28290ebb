# SPDX-License-Identifier: BSD-3-Clause
"""Measure what bits buy: makes dred/allocation/tables.json, by which senders share their bitrate.

Bits of latents and states are means over the speech. Damages are losses of PESQ-WB: of frames that
arrive, at each bitrate; of all that is lost, described at each level, not at all, or restored from
LBRR. Measure on speech that no result is reported on. Example:
`python tools/bench/allocation_tables.py --speech ../shared/speech/valid --loss trace:FILE`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

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
        settings = len(MEASURED) + 4 + len(REGULAR_KBPS) + len(LBRR_KBPS)
        self._progress = tqdm(total=settings * len(self.clips), unit="call", file=sys.stderr)

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


def chunk_damage(bench: Bench, loss: str, latent_bits: np.ndarray) -> tuple[list[float], float]:
    """At every level, and of what is not described."""
    weights = FINEST_WEIGHT * WEIGHT_RATIO ** ((np.arange(LEVELS - 1) + 0.5) / (LEVELS - 1))
    shape = np.concatenate([[0.0], np.cumsum(weights * -np.diff(latent_bits))])
    levels = list(MEASURED)
    regular = bench.damage(None, DESCRIBED_AT)
    measured = np.array([bench.damage(loss, DESCRIBED_AT, level) for level in levels]) - regular
    fine, coarse, none = (
        bench.damage(LONG, DESCRIBED_AT, level) for level in (levels[0], levels[-1], None)
    )
    beyond = (none - coarse) / (coarse - fine) * (measured[-1] - measured[0])
    return list(np.interp(shape, shape[levels], measured)), float(measured[-1] + beyond)


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, required=True, help="folder of sound files")
    parser.add_argument("--files", type=int, default=8, help="how many of them (default 8)")
    parser.add_argument("--loss", default=LOSS, help="of a fifth of the packets; default: " + LOSS)
    parser.add_argument("--models", help="model file (default: the embedded ones)")
    parser.add_argument("--out", type=Path, default=FILE, help="default: the package's own")
    return parser


def main() -> int:
    args = get_parser().parse_args()
    bench = Bench(args)
    latent_bits, state_bits = bench.bits()
    share = bench.lbrr_share(DESCRIBED_AT)
    regular = np.array([bench.damage(None, kbps) for kbps in REGULAR_KBPS])
    chunks, undescribed = chunk_damage(bench, args.loss, latent_bits)
    core = np.interp(np.array(LBRR_KBPS) * (1 - share), REGULAR_KBPS, regular)
    restored = [bench.damage(SINGLE, kbps, lbrr=True) for kbps in LBRR_KBPS]
    tables = {
        "latent_bits": latent_bits, "state_bits": state_bits,
        "chunk_damage": chunks, "undescribed": undescribed,
        "regular_kbps": REGULAR_KBPS, "regular_damage": regular,
        "lbrr_kbps": LBRR_KBPS, "lbrr_damage": np.array(restored) - REGULAR_WEIGHT * core,
        "lbrr_share": share,
    }  # fmt: skip
    rounded = {name: np.round(value, 3).tolist() for name, value in tables.items()}
    lines = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in rounded.items())
    args.out.write_text(f"{{\n{lines}\n}}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
