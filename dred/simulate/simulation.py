# SPDX-License-Identifier: BSD-3-Clause
"""One call from end to end: sender, network, receiver, one result."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dred._native import Floats
from dred.allocation import TYPICAL_BURST
from dred.io.wav import resample, to_opus_rate
from dred.models import Models
from dred.packet import duration_ms
from dred.pcm import interleaved
from dred.peer import LibopusReceiver
from dred.receiver import Receiver, Source
from dred.simulate.playing import AnyReceiver, AnyTrace, play, travel
from dred.simulate.schemes import find_scheme
from dred.simulate.sending import Sent, Settings, send_speech
from dred.simulate.split import Split, split_bitrate
from dred.traces import Transit

# Long enough for a burst of a second and the packet after it.
JITTER_MS = 1100


@dataclass(frozen=True)
class Simulation:
    """What came out. pcm: as the input, same length, rate and channels, aligned in time."""

    pcm: Floats
    scheme: str
    kbps: float  # of RTP payloads, without headers of RTP and below
    lost: npt.NDArray[np.uint8]  # per packet
    sources: list[str]  # per frame
    sent: Sent  # the packets themselves
    transit: Transit  # when each packet came
    stats: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def split(self) -> Split:
        """What the bits went to; how many LBRR took is measured when it is asked for."""
        return split_bitrate(self.sent.packets, self.sent.payloads)


def simulate(
    pcm: npt.ArrayLike,
    sample_rate: int,
    trace: AnyTrace,
    scheme: str = "dred+lbrr",
    bitrate: int = 32000,
    loss_percent: int = 20,
    models: Models | None = None,
    *,
    frame_ms: int = 20,
    dred_ms: int = 1000,
    jitter_ms: float = JITTER_MS,
    equal: str = "total",
    seed: int = 1,
    loss_burst: float = TYPICAL_BURST,
    high_band: bool = True,
) -> Simulation:
    """Send speech through lossy packets and receive it.

    pcm: [n] or [n, channels], float32 in +-1 or int16, any rate (Opus's own rates as they are,
    others resampled). trace: 0/1 per packet, a file of it, or a model of traces.parse_model, drawn
    with `seed`. scheme: a name of SCHEMES, a sum such as "dred+red:2", or of PEER_SCHEMES where
    libopus has DRED. bitrate: bit/s in all, redundancy included; with equal="regular", of the
    regular frames alone. loss_percent, loss_burst: what the sender is told of the losses.
    jitter_ms: play-out delay; with a model that knows times, what comes later is lost. high_band:
    as of Receiver.
    """
    what = find_scheme(scheme)
    array = np.asarray(pcm)
    samples = interleaved(array, 1 if array.ndim == 1 else array.shape[1])
    wide, rate = to_opus_rate(samples, sample_rate)
    settings = Settings(bitrate, loss_percent, frame_ms, dred_ms, equal, loss_burst, jitter_ms)
    sent = send_speech(wide, rate, what, settings, models)
    transit = travel([0] if what.lossless else trace, sent.payloads, frame_ms, seed)
    receiver: AnyReceiver
    if what.peer:
        receiver = LibopusReceiver(
            rate, wide.shape[1], jitter_ms, frame_ms=frame_ms,
            use_lbrr=what.lbrr is not False, use_dred=what.dred,
        )  # fmt: skip
    else:
        receiver = Receiver(
            rate, wide.shape[1], models, jitter_ms,
            concealment="neural" if what.concealment == "neural" else "classic",
            frame_ms=frame_ms, use_lbrr=what.lbrr is not False, use_dred=what.dred,
            high_band=high_band,
        )  # fmt: skip
    audio, sources = play(sent.packets, transit, receiver, sent.payloads, jitter_ms)
    if what.concealment == "silence":
        _silence(audio, sources)
    aligned = audio[sent.lookahead : sent.lookahead + len(wide)]
    back = resample(aligned, rate, sample_rate)[: len(samples)]
    packet_bytes = [len(payload) for payload in sent.payloads]
    sent_ms = sum(map(duration_ms, sent.packets))
    return Simulation(
        pcm=back[:, 0] if array.ndim == 1 else back,
        scheme=scheme,
        kbps=8 * sum(packet_bytes) / sent_ms if sent_ms else 0.0,
        lost=transit.lost,
        sources=sources,
        sent=sent,
        transit=transit,
        stats={
            "sender": sent.stats,
            "receiver": receiver.stats.as_dict(),
            "packet_bytes": packet_bytes,
        },
    )


def _silence(audio: Floats, sources: list[str]) -> None:
    """Zeros instead of frames that were made up."""
    for frame, source in zip(np.array_split(audio, max(1, len(sources))), sources, strict=False):
        if source == Source.PLC.value:
            frame[:] = 0
