# SPDX-License-Identifier: BSD-3-Clause
"""How much of the past a voiced packet describes, ours beside the streams of libopus 1.6.1.

Sends the inputs of the reference's streams (16 kHz, 20 ms packets, a second asked) through our
sender at the same total bitrates. Needs the optional extra data ($DRED_SHARED, default ../shared).
Run: `python tools/bench/coverage.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

import dred
from dred.packet import Packet

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DRED_SHARED", ROOT.parent / "shared"))
STREAMS = SHARED / "reference" / "opus-1.6.1" / "streams"
FRAME = 320  # samples of a packet
FIRST = 60  # packets until a second and the look-ahead lie in the past
VOICED_DB = 35.0  # below the loudest packet of the clip, and nearer
Reach = npt.NDArray[np.float64]


def voiced(pcm: npt.NDArray[np.int16], packets: int) -> npt.NDArray[np.bool_]:
    """Which packets hold speech, by their level."""
    whole = np.resize(np.append(pcm, np.zeros(FRAME * packets)), FRAME * packets)
    level = 10 * np.log10(np.mean(whole.reshape(packets, FRAME) ** 2, axis=1) + 1)
    flags = level > level.max() - VOICED_DB
    flags[:FIRST] = False
    return np.asarray(flags, np.bool_)


def ours(pcm: npt.NDArray[np.int16], settings: dict[str, int]) -> tuple[Reach, Reach]:
    """Milliseconds of past in every packet, and bits [packets, 3] of header, state and latents."""
    sender = dred.Sender(
        settings["sampling_rate"], 1, settings["frame_ms"], settings["bitrate"], 1000,
        bool(settings["inband_fec"]), loss_percent=settings["packet_loss_percent"],
    )  # fmt: skip
    packets = sender.push(pcm) + sender.flush()
    reach, bits = np.zeros(len(packets)), np.zeros((len(packets), 3))
    for number, data in enumerate(packets):
        payload = Packet.parse(data).dred
        if payload is not None:
            reach[number] = max(0.0, 40 * payload.chunks - 2.5 * payload.offset)
            bits[number] = *payload.bits[:2], sum(payload.bits[2:])
    return reach, bits


def compare(path: Path, inputs: dict[str, npt.NDArray[np.int16]]) -> str:
    """A line of the table."""
    with np.load(path) as stream:
        settings = json.loads(str(stream["settings"]))
        theirs = stream["parse_dred_samples"] / (settings["sampling_rate"] / 1000)
    pcm = inputs[settings["input"]]
    reach, bits = ours(pcm, settings)
    speech, theirs_speech = voiced(pcm, len(reach)), voiced(pcm, len(theirs))
    described = speech & (reach > 0)
    header, state, latents = bits[described].mean(axis=0) if described.any() else np.zeros(3)
    carrying = 100 * np.mean(reach[speech] > 0)
    return (
        f"{settings['bitrate'] // 1000:4d} {'yes' if settings['inband_fec'] else 'no':>5s}"
        f"{np.maximum(theirs[theirs_speech], 0).mean():12.0f}{reach[speech].mean():9.0f}"
        f"{carrying:9.0f} %{header:9.0f}{state:7.0f}{latents:9.0f}"
    )


def main() -> int:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    if not STREAMS.exists():
        print(f"no streams of libopus in {STREAMS}; set DRED_SHARED", file=sys.stderr)
        return 1
    with np.load(STREAMS / "inputs.npz") as archive:
        inputs = {name: archive[name] for name in archive}
    print("kb/s  LBRR  libopus ms  ours ms  carrying   header  state  latents (bits)")
    for fec in ("nofec", "fec"):
        for rate in (24, 32, 48, 64):
            print(compare(STREAMS / f"voip_16k_{rate}kbps_20ms_{fec}.npz", inputs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
