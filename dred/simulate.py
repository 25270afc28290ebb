# SPDX-License-Identifier: BSD-3-Clause
"""One call from end to end: sender, trace of losses, receiver, one result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dred._native import Floats
from dred.errors import TraceError
from dred.io.wav import resample, to_opus_rate
from dred.models import Models
from dred.packet import duration_ms
from dred.pcm import interleaved
from dred.receiver import Receiver, Source
from dred.sender import Sender
from dred.traces import read_trace

# Long enough for a burst of a second and the packet after it.
JITTER_MS = 1100


@dataclass(frozen=True)
class Scheme:
    """What the sender adds and the receiver uses."""

    lbrr: bool = False
    dred: bool = False
    concealment: str = "neural"
    lossless: bool = False


SCHEMES = {
    "clean": Scheme(lossless=True, concealment="classic"),
    "plc": Scheme(concealment="classic"),
    "neural-plc": Scheme(),
    "lbrr": Scheme(lbrr=True),
    "dred": Scheme(dred=True),
    "dred+lbrr": Scheme(dred=True, lbrr=True),
}


@dataclass(frozen=True)
class Simulation:
    """What came out. pcm: as the input, same length, rate and channels, aligned in time."""

    pcm: Floats
    scheme: str
    kbps: float  # of packets, without headers of RTP and below
    lost: npt.NDArray[np.uint8]  # per packet
    sources: list[str]  # per frame
    stats: dict[str, Any] = field(default_factory=dict)


def find_scheme(name: str) -> Scheme:
    """The scheme of this name, or a ValueError that lists them."""
    if name not in SCHEMES:
        raise ValueError(f"unknown scheme {name!r}; there are {', '.join(SCHEMES)}")
    return SCHEMES[name]


def fit_trace(
    trace: Sequence[int] | npt.ArrayLike | str | os.PathLike[str], packets: int
) -> npt.NDArray[np.uint8]:
    """Loss flags for this many packets; a shorter trace begins again."""
    if isinstance(trace, (str, os.PathLike)):
        trace = read_trace(trace)
    flags = np.asarray(trace, dtype=np.uint8).ravel()
    if packets and not len(flags):
        raise TraceError("the trace is empty; it needs one 0 or 1 per packet")
    if flags.size and flags.max() > 1:
        raise TraceError("the trace holds values other than 0 and 1")
    return np.resize(flags, packets)


def play(
    packets: Sequence[bytes], lost: npt.NDArray[np.uint8], receiver: Receiver
) -> tuple[Floats, list[str]]:
    """Give the packets that are not lost to a receiver as time passes, and listen.

    Returns the audio from the first packet's on, [n, channels], and the source of every frame.
    """
    heard: list[Floats] = []
    names: list[str] = []
    arrival_ms = 0.0
    first_ms = 0.0  # of packets lost before any arrived: a receiver cannot know of them
    missing = _lost_at_start(lost)

    def listen() -> None:
        frame = receiver.pull()
        source = receiver.stats.last
        if source is not None and source is not Source.WAITING:
            heard.append(interleaved(frame, receiver.channels))
            names.append(source.value)

    for number, packet in enumerate(packets):
        if number == missing:
            first_ms = arrival_ms
        if not lost[number]:
            receiver.push(packet, number, arrival_ms)
        arrival_ms += duration_ms(packet)
        if number >= missing:
            listen()
    while len(heard) < len(packets) - missing:
        listen()
    silence_ms = first_ms if missing < len(packets) else arrival_ms
    silence = np.zeros((round(silence_ms * receiver.sample_rate / 1000), receiver.channels))
    return (
        np.concatenate([silence.astype(np.float32), *heard]),
        [Source.PLC.value] * missing + names,
    )


def _lost_at_start(lost: npt.NDArray[np.uint8]) -> int:
    """Packets before the first that arrives: a receiver cannot know of them."""
    arrived = np.flatnonzero(lost == 0)
    return int(arrived[0]) if len(arrived) else len(lost)


def simulate(
    pcm: npt.ArrayLike,
    sample_rate: int,
    trace: Sequence[int] | npt.ArrayLike | str | os.PathLike[str],
    scheme: str = "dred+lbrr",
    bitrate: int = 32000,
    loss_percent: int = 20,
    models: Models | None = None,
    *,
    frame_ms: int = 20,
    dred_ms: int = 1000,
    jitter_ms: float = JITTER_MS,
) -> Simulation:
    """Send speech through lossy packets and receive it.

    pcm: [n] or [n, channels], float32 in +-1 or int16, any rate (Opus's own rates as they are,
    others resampled). trace: 0/1 per packet, or a file of it. scheme: a name of SCHEMES. bitrate:
    bit/s in all, redundancy included. loss_percent: what the sender is told.
    """
    what = find_scheme(scheme)
    array = np.asarray(pcm)
    samples = interleaved(array, 1 if array.ndim == 1 else array.shape[1])
    wide, rate = to_opus_rate(samples, sample_rate)
    channels = wide.shape[1]
    redundant = what.lbrr or what.dred
    sender = Sender(
        rate, channels, frame_ms, bitrate,
        dred_ms=dred_ms if what.dred else 0,
        lbrr=what.lbrr,
        loss_percent=loss_percent if redundant else 0,
        models=models,
    )  # fmt: skip
    packets = sender.push(wide) + sender.flush()
    lost = fit_trace([0] if what.lossless else trace, len(packets))
    receiver = Receiver(
        rate, channels, models, jitter_ms,
        concealment=what.concealment, frame_ms=frame_ms,
        use_lbrr=what.lbrr, use_dred=what.dred,
    )  # fmt: skip
    audio, sources = play(packets, lost, receiver)
    aligned = audio[sender.lookahead : sender.lookahead + len(wide)]
    back = resample(aligned, rate, sample_rate)[: len(samples)]
    seconds = len(packets) * frame_ms / 1000
    return Simulation(
        pcm=back[:, 0] if array.ndim == 1 else back,
        scheme=scheme,
        kbps=sum(map(len, packets)) * 8 / 1000 / seconds if packets else 0.0,
        lost=lost,
        sources=sources,
        stats={
            "sender": dict(sender.stats),
            "receiver": receiver.stats.as_dict(),
            "packet_bytes": [len(packet) for packet in packets],
        },
    )
