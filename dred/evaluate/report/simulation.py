# SPDX-License-Identifier: BSD-3-Clause
"""The report of one file through several schemes, to look at and listen to; simulates nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from dred.digits import finite
from dred.evaluate.metrics import METRICS
from dred.evaluate.outcome import describe
from dred.evaluate.report.html import build_page
from dred.io.wav import mix, resample, to_int16
from dred.opus import OpusEncoder
from dred.simulate import Simulation
from dred.units import OPUS_RATES, opus_rate_for

# Of sound in one page, in bytes of base64 per second of the file; beyond it the rate is lowered.
SOUND_BUDGET = 450_000
SOUND_RATES = (48000, 24000, 16000)
LETTERS = {"regular": "r", "lbrr": "l", "red": "c", "dred": "d", "plc": "p"}
ABOUT = {
    "clean": "no packet lost",
    "none": "silence for what is lost",
    "red:1": "a full copy of the last packet",
    "red:2": "full copies of the last two packets",
    "plc": "concealment of libopus",
    "neural-plc": "neural concealment",
    "lbrr": "in-band FEC, one frame back",
    "dred": "deep redundancy",
    "dred+lbrr": "deep redundancy and in-band FEC",
}


@dataclass(frozen=True)
class Track:
    """What one scheme made of the input."""

    result: Simulation
    scores: dict[str, float | None]


def simulation_data(
    name: str, pcm: npt.NDArray[Any], rate: int, tracks: Sequence[Track], settings: dict[str, Any]
) -> dict[str, Any]:
    """Everything about a comparison but its sound; the content of report.json.

    settings: bitrate, frame_ms and what else is worth telling."""
    return finite(
        {
            "input": name,
            "rate": rate,
            "seconds": len(pcm) / rate,
            "settings": settings,
            # Packet i begins this much before sample i * frame: Opus looks ahead.
            "lookahead_ms": 1000 * _lookahead(rate),
            "letters": {letter: source for source, letter in LETTERS.items()},
            "metrics": [
                {"name": metric} | METRICS[metric].caption
                for metric in METRICS
                if any(metric in track.scores for track in tracks)
            ],
            "schemes": [_describe(track) for track in tracks],
        }
    )


def _describe(track: Track) -> dict[str, Any]:
    result = track.result
    return describe(result) | {
        "about": _about(result.scheme),
        "scores": track.scores,
        "lost_packets": "".join(map(str, result.lost.tolist())),
        "sources": "".join(LETTERS.get(source, "?") for source in result.sources),
        "packet_bytes": result.stats.get("packet_bytes"),
    }


def _about(scheme: str) -> str:
    parts = [f"{part[4:]} full copies" if part.startswith("red:") else ABOUT.get(part, part)
             for part in scheme.split("+")]  # fmt: skip
    return ABOUT.get(scheme) or " and ".join(parts)


def _lookahead(rate: int) -> float:
    opus_rate = rate if rate in OPUS_RATES else opus_rate_for(rate)
    return OpusEncoder(opus_rate, 1).lookahead / opus_rate


def write_simulation(
    path: Path, data: dict[str, Any], pcm: npt.NDArray[Any], rate: int, tracks: Sequence[Track]
) -> None:
    """The page. data: of simulation_data."""
    sounds = [mix(sound, 1) for sound in (pcm, *(track.result.pcm for track in tracks))]
    audio = encode_sounds(sounds, rate)
    page = build_page(
        f"{data['input']} · dred", data | {"audio": audio}, "pictures.js", "simulation.js"
    )
    path.write_text(page, encoding="utf-8")


def encode_sounds(sounds: Sequence[npt.NDArray[np.float32]], rate: int) -> dict[str, Any]:
    """Mono sounds as FLAC, which loses nothing and plays in every browser, in base64. The rate is
    lowered where they would make the page too heavy."""
    budget = SOUND_BUDGET * max(1.0, max(map(len, sounds)) / rate)
    for target in (rate, *(lower for lower in SOUND_RATES if lower < rate)):
        files = [_flac(resample(sound, rate, target), target) for sound in sounds]
        if sum(map(len, files)) <= budget:
            break
    return {"rate": target, "files": files}


def _flac(pcm: npt.NDArray[np.float32], rate: int) -> str:
    memory = io.BytesIO()
    soundfile.write(memory, to_int16(pcm), rate, format="FLAC", subtype="PCM_16")
    return base64.b64encode(memory.getvalue()).decode("ascii")
