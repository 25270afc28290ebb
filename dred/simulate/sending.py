# SPDX-License-Identifier: BSD-3-Clause
"""What a scheme sends for a bitrate; loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dred import allocation
from dred._native import Floats
from dred.allocation import TYPICAL_BURST
from dred.models import Models
from dred.peer import LibopusSender
from dred.rtp.bitrate import opus_bitrate
from dred.rtp.session import RtpSender
from dred.sender import BITRATES, Sender
from dred.simulate.schemes import Scheme
from dred.simulate.split import split_bitrate

EQUAL = ("total", "regular")
# The share of LBRR is found on this much of the speech, in so many attempts.
CALIBRATION_S = 10
ATTEMPTS = 3


@dataclass(frozen=True)
class Settings:
    """bitrate: bit/s, of all that is sent (equal="total") or of the regular frames alone, with
    redundancy on top ("regular"). loss_percent, loss_burst, jitter_ms: what the sender is
    told."""

    bitrate: int
    loss_percent: int
    frame_ms: int = 20
    dred_ms: int = 1000
    equal: str = "total"
    loss_burst: float = TYPICAL_BURST
    jitter_ms: float | None = None

    def __post_init__(self) -> None:
        if self.equal not in EQUAL:
            raise ValueError(f"equal: expected one of {EQUAL}, got {self.equal!r}")

    def regular(self, total: int, scheme: Scheme) -> int:
        """Bit/s that the regular frames, LBRR included, get of those of Opus packets."""
        if not scheme.dred or not self.loss_percent:
            return total
        return allocation.split_bitrate(
            total, self.loss_percent, scheme.lbrr,
            burst=self.loss_burst, frame_ms=self.frame_ms, wait_ms=self.jitter_ms,
        ).regular  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """packets: of Opus. payloads: of RTP, copies included. lookahead: samples of delay."""

    packets: list[bytes]
    payloads: list[bytes]
    lookahead: int
    stats: dict[str, Any]


def send_speech(
    pcm: Floats, rate: int, scheme: Scheme, settings: Settings, models: Models | None
) -> Sent:
    """All packets of speech [n, channels] at one of Opus's rates."""
    if scheme.peer:
        return _send_by_libopus(pcm, rate, scheme, settings)

    def sender(bitrate: int, *, lbrr: bool | None, dred: bool) -> Sender:
        return Sender(
            rate, pcm.shape[1], settings.frame_ms, bitrate,
            dred_ms=settings.dred_ms if dred else 0,
            lbrr=lbrr,
            loss_percent=settings.loss_percent if lbrr is not False or dred else 0,
            models=models,
            loss_burst=settings.loss_burst,
            jitter_ms=settings.jitter_ms,
        )  # fmt: skip

    def measure(bitrate: int, lbrr: bool) -> float:
        packets = sender(bitrate, lbrr=lbrr, dred=False).push(pcm[: CALIBRATION_S * rate])
        return split_bitrate(packets, packets).regular

    if settings.equal == "total":
        bitrate = opus_bitrate(
            settings.bitrate, scheme.red, settings.frame_ms,
            lambda total: settings.regular(total, scheme),
        )  # fmt: skip
    else:
        # What a sender chooses by itself would come out of the regular frames.
        scheme = replace(scheme, lbrr=bool(scheme.lbrr))
        bitrate = _on_top(scheme, settings, measure)
    encoder = sender(bitrate, lbrr=scheme.lbrr, dred=scheme.dred)
    packets = encoder.push(pcm) + encoder.flush()
    payloads = add_copies(packets, scheme.red)
    return Sent(packets, payloads, encoder.lookahead, dict(encoder.stats))


def _send_by_libopus(pcm: Floats, rate: int, scheme: Scheme, settings: Settings) -> Sent:
    if settings.equal != "total":
        raise ValueError(
            "equal: libopus shares a total among regular frames and redundancy; only 'total' is "
            "possible for its schemes"
        )
    encoder = LibopusSender(
        rate, pcm.shape[1], settings.frame_ms, settings.bitrate,
        dred_ms=settings.dred_ms if scheme.dred else 0,
        lbrr=bool(scheme.lbrr),
        loss_percent=settings.loss_percent if scheme.lbrr or scheme.dred else 0,
    )  # fmt: skip
    packets = encoder.push(pcm) + encoder.flush()
    return Sent(packets, packets, encoder.lookahead, dict(encoder.stats))


def add_copies(packets: list[bytes], copies: int) -> list[bytes]:
    """RTP payloads: each packet, after copies of those before it (RFC 2198)."""
    if not copies:
        return packets
    sender = RtpSender(ssrc=1, red_copies=copies, sequence=0, timestamp=0)
    sent = [sender.send(packet) for packet in packets]
    return [packet.payload for packet in sent if packet is not None]


def _on_top(scheme: Scheme, settings: Settings, measure: Callable[[int, bool], float]) -> int:
    """Bit/s for Opus packets whose regular frames get what they would get without redundancy.

    measure: kb/s of the regular frames at a bitrate, without and with LBRR."""
    lbrr = bool(scheme.lbrr) and settings.loss_percent > 0
    opus = settings.bitrate
    if lbrr:
        wanted = measure(opus, False)
        for _ in range(ATTEMPTS):
            found = measure(opus, True)
            opus = min(BITRATES[1], round(opus * wanted / found)) if found else opus
    if not scheme.dred or not settings.loss_percent:
        return opus
    low, high = opus, BITRATES[1]
    while high - low > 100:
        middle = (low + high) // 2
        if settings.regular(middle, scheme) < opus:
            low = middle
        else:
            high = middle
    return high
