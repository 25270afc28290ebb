# SPDX-License-Identifier: BSD-3-Clause
"""Ours beside libopus with DRED itself, in turns on the same core, each with its own weights; one
line where the libopus at hand has none."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from dred._core import ffi, lib
from dred._libopus import libopus
from dred._native import Floats, Handle, check
from dred.cli.bench import table
from dred.cli.bench.machine import fastest, fastest_in_turns
from dred.cli.bench.redundancy import FRAME, Sending
from dred.cli.bench.setting import MAX_CHUNKS, Setting
from dred.opus import OpusEncoder, library_version
from dred.packet import Packet, attach_payload
from dred.peer import (
    DredDecoder,
    DredEncoder,
    DredParser,
    LibopusReceiver,
    LibopusSender,
    why_not,
)
from dred.profile import OPUS
from dred.receiver import Receiver
from dred.sender import Sender
from dred.simulate import JITTER_MS, play
from dred.traces import parse_model
from dred.units import CORE_RATE

BITRATE, LOSS_PERCENT, DRED_MS = 32000, 20, 1040
HEARD, GAP = 25, 10  # packets of 20 ms before a gap, and in it
WHOLE_S, LOSS, SEED = 10, "gilbert:p=0.06,r=0.24", 1
EVERYTHING = 2 * CORE_RATE  # samples of the past that are asked for
NOTE = (
    f"at 16 kHz, {BITRATE // 1000} kb/s, {LOSS_PERCENT} % announced. DRED in the sender: ours "
    "analysis, RDO-VAE encoder and payload; of libopus its encoder with DRED less the one without "
    "at the same bitrate (medians). Parsing: less the same calls on a packet without payload. Gap: "
    "ours from features to audio (vocoder; predictor where it guesses; corrected: envelope and "
    "post-filter, which libopus has not); of libopus calls of its decoder, which keeps the state "
    "of SILK going as well. Whole: from audio to packets, and back; Python drives both, and our "
    "receiver is more than its concealer (docs/receiver.md)."
)
Calls = list[Callable[[], object]]


class Encoding:
    """libopus's encoder, which is given the signal over and over, with DRED or without."""

    def __init__(self, frames: list[Floats], dred_ms: int, bitrate: int) -> None:
        self._encoder, self._frames = DredEncoder(CORE_RATE), frames
        self._encoder.configure(
            bitrate=bitrate, vbr=True, complexity=10, lbrr=False, loss_percent=LOSS_PERCENT
        )
        self._encoder.set_dred_ms(dred_ms)
        self._sent = 0

    def packet(self) -> bytes:
        self._sent += 1
        return self._encoder.encode(self._frames[self._sent % len(self._frames)])


class Gap:
    """What both do in a gap of `GAP` packets behind the same audio, over and over."""

    def __init__(self, setting: Setting, packet: bytes) -> None:
        handles = [Handle("concealer", setting.models) for _ in range(2)]
        self._handles, self._before, self._concealer = handles, handles[0].raw, handles[1].raw
        heard = np.ascontiguousarray(setting.pcm[: HEARD * FRAME])
        check(lib.dred_concealer_good(self._before, ffi.from_buffer("float[]", heard), len(heard)))
        self._step = ffi.new("float[]", lib.DRED_STEP)
        rows = np.ascontiguousarray(setting.features)
        self._rows = [ffi.from_buffer("float[]", rows[i : i + 3]) for i in range(len(rows) - 3)]
        self._known, self._unknown = ffi.new("unsigned char[]", b"\1\1\1"), ffi.NULL
        self._decoder, self._parser = DredDecoder(CORE_RATE), DredParser(CORE_RATE)
        encoder = OpusEncoder(CORE_RATE)
        encoder.configure(bitrate=BITRATE)
        for frame in heard.reshape(-1, FRAME):
            self._decoder.decode(encoder.encode(frame), FRAME)
        self._state = self._decoder.save()
        self._parser.parse(packet, EVERYTHING)

    def ours(self, *, described: bool, corrected: bool) -> None:
        check(lib.dred_concealer_copy(self._concealer, self._before))
        for i in range(2 * GAP):
            rows = self._rows[2 * HEARD + i] if described else ffi.NULL
            known = self._known if described else ffi.NULL
            lib.dred_concealer_step(self._concealer, rows, known, self._step)
            if corrected:
                lib.dred_concealer_corrected(self._concealer, self._step)

    def theirs(self, *, described: bool) -> None:
        self._decoder.restore(self._state)
        for left in range(GAP, 0, -1):
            if described:
                self._decoder.decode_dred(self._parser, left * FRAME, FRAME)
            else:
                self._decoder.decode(None, FRAME)


def _row(stage: str, unit: str, ns: float, libopus_ns: float) -> dict[str, Any]:
    return {
        "stage": stage, "unit": unit, "ns": ns, "libopus_ns": libopus_ns, "ratio": libopus_ns / ns,
    }  # fmt: skip


def _by_packet(calls: Calls, count: int, seconds: float) -> list[float]:
    """ns of a packet, mean over the `count` of a pass, of each the median over passes in turns: the
    costs are to be subtracted, and the difference of two fastest is no fastest difference."""
    passes: list[list[list[float]]] = []
    end = time.perf_counter() + seconds * len(calls)
    while not passes or time.perf_counter() < end:
        passes.append([[fastest(call, 0) for _ in range(count)] for call in calls])
    return np.median(passes, axis=0).mean(axis=1).tolist()


def _sending(setting: Setting) -> Iterator[dict[str, Any]]:
    """What DRED adds to a packet: for libopus, the encoder with it less the encoder without."""
    frames = list(setting.pcm.reshape(-1, FRAME))
    with_dred = Encoding(frames, DRED_MS, BITRATE)
    packets = [Packet(with_dred.packet()) for _ in frames]
    carried = [packet.dred.chunks for packet in packets if packet.dred]
    plain = sum(len(packet.without_extensions()) for packet in packets)
    regular = round(8 * plain / (0.02 * len(packets)))
    chunks = round(float(np.mean(carried))) if carried else 1
    calls: Calls = [
        with_dred.packet,
        Encoding(frames, 0, BITRATE).packet,
        Encoding(frames, 0, regular).packet,
        Sending(setting, chunks).packet,
        Sending(setting, MAX_CHUNKS).packet,
    ]
    on, off, off_regular, ours, ours_full = _by_packet(calls, len(frames), setting.seconds)
    row = _row("DRED in the sender", f"20 ms, {chunks} chunks", ours, on - off)
    yield row | {
        "libopus_encoder_ns": {"with": on, "without": off, "without_at_regular": off_regular},
        "regular_bitrate": regular,
        "carriers": len(carried) / len(packets),
    }
    yield _row("the same", f"20 ms, ours {MAX_CHUNKS} chunks", ours_full, on - off)


def _payload(setting: Setting, bare: bytes, packet: bytes) -> Iterator[dict[str, Any]]:
    """bare: the packet without its payload."""
    theirs, target = DredParser(CORE_RATE), DredParser(CORE_RATE)
    decoder, parsed = Handle("decoder", setting.models), ffi.new("dred_payload *")
    offset, size, frame = (ffi.new("int *") for _ in range(3))
    version = OPUS.version
    payload = Packet(packet).dred_payload() or b""
    chunks = check(lib.dred_payload_decode(ffi.NULL, payload, len(payload), MAX_CHUNKS, parsed))
    features = ffi.new("float[]", chunks * lib.DRED_CHUNK_STEPS * lib.DRED_FEATURES)

    def parse(data: bytes) -> None:
        if lib.dred_packet_find(data, len(data), version, offset, size, frame) == lib.DRED_OK:
            lib.dred_decoder_parse(decoder.raw, payload, len(payload), frame[0], MAX_CHUNKS)

    calls: Calls = [
        partial(parse, packet),
        partial(parse, bare),
        partial(theirs.parse, bare, EVERYTHING, defer=True),
        partial(theirs.parse, packet, EVERYTHING, defer=True),
    ]
    ours, ours_bare, their_bare, their_parse = fastest_in_turns(calls, setting.seconds, 20)
    yield _row("payload parsing", f"{chunks} chunks", ours - ours_bare, their_parse - their_bare)
    models = setting.models.handle
    calls = [
        partial(lib.dred_rdovae_decode, models, parsed.state, parsed.latents, chunks, features),
        partial(target.process, theirs),
    ]
    yield _row("RDO-VAE decoder", f"{chunks} chunks", *fastest_in_turns(calls, setting.seconds, 5))


def _concealment(setting: Setting, packet: bytes) -> Iterator[dict[str, Any]]:
    gap = Gap(setting, packet)
    for name, described, corrected in (
        ("a gap from features", True, False),
        ("the same, corrected", True, True),
        ("a gap, guessed", False, False),
    ):
        calls: Calls = [
            partial(gap.ours, described=described, corrected=corrected),
            partial(gap.theirs, described=described),
        ]
        ours, theirs = (ns / GAP for ns in fastest_in_turns(calls, setting.seconds))
        yield _row(name, f"20 ms of {20 * GAP}", ours, theirs)


def _whole(setting: Setting) -> Iterator[dict[str, Any]]:
    """Sender and receiver on the same recording; of ours, with a payload in every packet."""
    pcm = np.resize(setting.pcm, WHOLE_S * CORE_RATE)
    count = WHOLE_S * 50
    lost = parse_model(LOSS).draw(count, np.random.default_rng(SEED), 20)

    def send(peer: bool) -> list[bytes]:
        if peer:
            return LibopusSender(CORE_RATE, 1, 20, BITRATE, DRED_MS, False, LOSS_PERCENT).push(pcm)
        return Sender(
            CORE_RATE, 1, 20, BITRATE, DRED_MS, False, loss_percent=LOSS_PERCENT,
            models=setting.models,
        ).push(pcm)  # fmt: skip

    def receive(peer: bool) -> None:
        if peer:
            play(sent[peer], lost, LibopusReceiver(CORE_RATE, 1, JITTER_MS))
        else:
            play(sent[peer], lost, Receiver(CORE_RATE, 1, setting.models, JITTER_MS))

    sent = {peer: send(peer) for peer in (False, True)}
    whole: dict[str, Callable[[bool], object]] = {"whole sender": send, "whole receiver": receive}
    for name, call in whole.items():
        calls: Calls = [partial(call, False), partial(call, True)]
        ours, theirs = fastest_in_turns(calls, setting.seconds)
        real = 1e9 * WHOLE_S
        yield _row(name, f"{WHOLE_S} s", ours, theirs) | {
            "times_real_time": real / ours, "libopus_times_real_time": real / theirs,
        }  # fmt: skip


def measure(setting: Setting) -> dict[str, Any]:
    reason = why_not()
    if reason:
        return {"skipped": reason}
    bare = OpusEncoder(CORE_RATE).encode(setting.pcm[:FRAME])
    packet = attach_payload(bare, setting.payload())
    theirs = libopus()
    return {
        "libopus": library_version(),
        "kernels": setting.models.cpu,
        "rows": [
            *_sending(setting),
            *_payload(setting, bare, packet),
            *_concealment(setting, packet),
            *_whole(setting),
        ],
        "handle_bytes": {
            "sender": lib.dred_encoder_size(),
            "receiver": lib.dred_decoder_size() + lib.dred_concealer_size(),
        },
        "libopus_handle_bytes": {
            "sender": theirs.encoder_get_size(1),
            "receiver": theirs.decoder_get_size(1)
            + theirs.dred_decoder_get_size()
            + theirs.dred_get_size(),
        },
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    if "skipped" in result:
        yield f"beside libopus: skipped: {result['skipped']}"
        return
    yield from table(
        [["us", "per", f"ours, {result['kernels']}", result["libopus"], "ratio"]]
        + [
            [
                row["stage"],
                row["unit"],
                f"{row['ns'] / 1000:.1f}",
                f"{row['libopus_ns'] / 1000:.1f}",
                f"{row['ratio']:.2f}",
            ]
            for row in result["rows"]
        ]
    )
    whole = [row for row in result["rows"] if "times_real_time" in row]
    yield ", ".join(
        f"{row['stage']}: {row['times_real_time']:.0f} x real time, libopus "
        f"{row['libopus_times_real_time']:.0f} x"
        for row in whole
    )
    for side, size in result["handle_bytes"].items():
        theirs = result["libopus_handle_bytes"][side]
        yield (
            f"{side}: {size / 1024:.0f} kB beside an Opus codec; libopus {theirs / 1024:.0f} kB "
            "with the codec"
        )
    yield NOTE
