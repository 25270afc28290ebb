# SPDX-License-Identifier: BSD-3-Clause
"""Audio to Opus packets with LBRR and DRED; knows no transport and no loss but what it is told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from dred._core import ffi, lib
from dred._native import Floats, Handle, check, pointer
from dred.allocation import (
    TYPICAL_BURST,
    Budget,
    Levels,
    Need,
    Split,
    choices,
    split_bitrate,
    turns,
)
from dred.framing import FrameEncoder
from dred.models import Models, load_models
from dred.opus import OpusEncoder
from dred.packet import attach_payload
from dred.pcm import downmix
from dred.resample import Resampler
from dred.units import DTX_BYTES, known_delay

FRAME_MS = (10, 20, 40, 60)
BITRATES = (6000, 510000)
MAX_DRED_MS = 1040
CHUNK_MS = 40
# libopus 1.3 spends nearly as many bits on LBRR as on the frame itself when it is told 20 % (PESQ
# of what arrives falls from 4.4 to 3.3); told 10 %, recovery is as good, the frames far better.
LBRR_LOSS_PERCENT = 10
OVERSHOOT = 1.6  # a payload may cost so much more than its statistics promise
# A payload that fills so much of its capacity was cut: bits are dearer in the next attempt.
FULL = 0.9
ATTEMPTS, DEARER = 4, 2.0
HIGHEST_PAYLOAD = 1000  # bytes, as large as the reference writes
TOGETHER = 4  # frames that are analysed in one go where no payload is due before

_REASONS = {
    lib.DRED_NO_HISTORY: "no history yet",
    lib.DRED_SILENCE: "silence",
    lib.DRED_NO_ROOM: "too little bitrate",
}


class Sender(FrameEncoder):
    """Packets from audio, one per frame.

    sample_rate: 8000, 12000, 16000, 24000 or 48000 Hz. channels: 1 or 2. frame_ms: 10, 20, 40, 60.
    bitrate: bit/s of all that goes into packets. dred_ms: past speech to describe in every packet
    at most, 0 (none) to 1040. lbrr: Opus in-band FEC; None: beside DRED where it is worth its bits,
    and wherever there is no DRED. loss_percent: what the network is expected to lose; with 0
    neither LBRR nor DRED is sent. loss_burst: mean length of its losses in packets; longer ones
    make longer and coarser descriptions. trim: leave silence out of the description. jitter_ms:
    play-out delay of the receiver, as its own `jitter_ms`; where it can wait, fewer and finer
    payloads serve it better. None: unknown; every packet has one, for receivers that look no
    further than the first packet behind a gap, as those of libopus do.
    `stats` counts packets by what they carry, or why they carry no DRED.
    """

    def __init__(
        self,
        sample_rate: int = 48000,
        channels: int = 1,
        frame_ms: int = 20,
        bitrate: int = 32000,
        dred_ms: int = 1000,
        lbrr: bool | None = None,
        red: int = 0,
        loss_percent: int = 20,
        models: Models | None = None,
        *,
        application: str = "voip",
        dtx: bool = False,
        complexity: int = 10,
        trim: bool = True,
        loss_burst: float = TYPICAL_BURST,
        jitter_ms: float | None = None,
    ) -> None:
        if frame_ms not in FRAME_MS:
            raise ValueError(f"frame_ms: expected one of {FRAME_MS}, got {frame_ms}")
        if red != 0:
            raise ValueError("red: copies are a matter of the RTP layer; only 0 is possible here")
        self.sample_rate, self.frame_ms = sample_rate, frame_ms
        self._opus = OpusEncoder(sample_rate, channels, application)
        super().__init__(sample_rate * frame_ms // 1000, channels)
        self._opus.configure(vbr=True, complexity=complexity, dtx=dtx)
        self._sent = 0  # packets
        self._waits = 0  # packets until the next payload is due
        self._payloads = 0
        self._unanalysed: list[Floats] = []  # mono frames at the rate of the input
        self._trim, self._jitter_ms = trim, known_delay(jitter_ms)
        self.stats: Counter[str] = Counter()
        # Without DRED at the beginning there is no analysis, which costs more than all else.
        self._analyses = dred_ms > 0 and loss_percent > 0
        self.configure(
            bitrate=bitrate, lbrr=lbrr, dred_ms=dred_ms, loss_percent=loss_percent,
            loss_burst=loss_burst,
        )  # fmt: skip
        if self._analyses:
            models = models or load_models()
            self._encoder = Handle("encoder", models)
            self._version = models.profile.version
            self._down = Resampler(sample_rate, lib.DRED_SAMPLE_RATE)
            self._out = ffi.new("unsigned char[]", HIGHEST_PAYLOAD)
            self._request = ffi.new("dred_encode_request *")
            self._result = ffi.new("dred_encode_result *")

    @property
    def jitter_ms(self) -> float | None:
        """Play-out delay of the receiver, as far as it is known. It may be set at any time, as
        reports come to tell it."""
        return self._jitter_ms

    @jitter_ms.setter
    def jitter_ms(self, milliseconds: float | None) -> None:
        self._jitter_ms = known_delay(milliseconds)
        self.configure(**self._settings)

    def configure(
        self,
        *,
        bitrate: int,
        lbrr: bool | None,
        dred_ms: int,
        loss_percent: int,
        loss_burst: float = TYPICAL_BURST,
    ) -> None:
        """Other settings from the next packet on, as the constructor takes them. A sender that
        began without DRED stays without it (ValueError): the past has not been analysed."""
        if not BITRATES[0] <= bitrate <= BITRATES[1]:
            raise ValueError(f"bitrate: expected {BITRATES[0]}..{BITRATES[1]} bit/s, got {bitrate}")
        if not 0 <= dred_ms <= MAX_DRED_MS:
            raise ValueError(f"dred_ms: expected 0..{MAX_DRED_MS}, got {dred_ms}")
        if not 0 <= loss_percent <= 100:
            raise ValueError(f"loss_percent: expected 0..100, got {loss_percent}")
        idle_reason = (
            "no duration asked"
            if dred_ms == 0
            else "no loss announced"
            if loss_percent == 0
            else ""
        )
        if not idle_reason and not self._analyses:
            raise ValueError("a sender that began without DRED cannot send it; make a new one")
        self._settings: dict[str, Any] = {
            "bitrate": bitrate, "lbrr": lbrr, "dred_ms": dred_ms, "loss_percent": loss_percent,
            "loss_burst": loss_burst,
        }  # fmt: skip
        chunks = min(-(-dred_ms // CHUNK_MS), lib.DRED_MAX_CHUNKS)
        split = Split(bitrate, Need(lbrr=lbrr is not False and loss_percent > 0))
        if not idle_reason:
            split = split_bitrate(
                bitrate, loss_percent, lbrr,
                burst=loss_burst, frame_ms=self.frame_ms, chunks=chunks, wait_ms=self._jitter_ms,
            )  # fmt: skip
        self._opus.configure(
            bitrate=split.regular,
            lbrr=split.need.lbrr,
            loss_percent=min(loss_percent, LBRR_LOSS_PERCENT),
        )
        packet_bits = bitrate * self.frame_ms / 1000
        dred_bits = packet_bits - split.regular * self.frame_ms / 1000
        self._budget = Budget(packet_bits, dred_bits, split.need.spacing)
        if not idle_reason:
            self._turns = tuple(map(choices, turns(split.need, self._budget.allowance())))
        self._chunks, self._spacing = chunks, split.need.spacing
        self._idle_reason = idle_reason

    @property
    def lookahead(self) -> int:
        """Samples by which decoded audio comes later than the input."""
        return self._opus.lookahead

    def _encode(self, frames: Floats) -> list[bytes]:
        # First one codec, then the other: they would throw each other out of the caches.
        regular = [self._opus.encode(frame) for frame in frames]
        return [self._packet(*pair) for pair in zip(frames, regular, strict=True)]

    def _packet(self, frame: Floats, packet: bytes) -> bytes:
        if self._analyses:
            self._unanalysed.append(downmix(frame))
            if len(self._unanalysed) == TOGETHER:
                self._analyse()
        packet, reason = self._with_dred(packet)
        self.stats[reason or "dred"] += 1
        self._budget.spend(len(packet))
        self._sent += 1
        return packet

    def _analyse(self) -> None:
        """Let the past be known up to the last frame."""
        if self._unanalysed:
            narrow = self._down.process(np.concatenate(self._unanalysed))
            self._unanalysed.clear()
            check(lib.dred_encoder_push(self._encoder.raw, pointer(narrow), len(narrow)))

    def _with_dred(self, packet: bytes) -> tuple[bytes, str]:
        """The packet with a payload, or as it is and why."""
        if self._idle_reason:
            return packet, self._idle_reason
        if len(packet) <= DTX_BYTES:
            return packet, "silence"
        if self._waits:
            self._waits -= 1
            return packet, "between payloads"
        self._analyse()
        request = self._request
        start = self._sent * self._frame - self.lookahead
        request.packet_start = start * lib.DRED_SAMPLE_RATE // self.sample_rate
        request.trim = int(self._trim)
        allowance = self._budget.allowance()
        capacity = min(HIGHEST_PAYLOAD, int(OVERSHOOT * allowance / 8) + 1)
        # What a past of full length would get for the allowance says what a bit is worth, and what
        # is too old: a past with silence, or one that is easy to code, saves bits for others.
        turn = self._turns[self._payloads % len(self._turns)]
        full = turn[self._chunks - 1]
        price = full.price(allowance)
        for _ in range(ATTEMPTS):
            request.max_chunks = full.at(price).chunks
            chunks = max(1, lib.dred_encoder_available(self._encoder.raw, request))
            size = self._describe(turn[chunks - 1].at(price), capacity)
            if size == lib.DRED_ERR_NODATA:
                return packet, _REASONS[self._result.reason]
            if self._result.chunks == chunks or size < FULL * capacity:
                break  # all of the past that is worth it, or all but silence
            price *= DEARER
        check(size, "DRED payload")
        self._waits = self._spacing - 1
        self._payloads += 1
        return attach_payload(packet, bytes(ffi.buffer(self._out, size)), self._version), ""

    def _describe(self, levels: Levels, capacity: int) -> int:
        """Write a payload; its bytes, or a negative error."""
        request = self._request
        request.capacity = capacity
        request.header.q0, request.header.dq, request.header.qmax = (
            levels.q0, levels.dq, levels.qmax,
        )  # fmt: skip
        size: int = lib.dred_encoder_payload(self._encoder.raw, request, self._out, self._result)
        return size
