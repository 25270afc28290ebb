# SPDX-License-Identifier: BSD-3-Clause
"""Many calls in one process on one set of models: time and memory of each."""

from collections.abc import Iterator
from typing import Any

from dred._core import ffi, lib
from dred._native import Handle, check, pointer
from dred.cli.bench import table
from dred.cli.bench.machine import fastest, fastest_in_turns, peak_bytes, resident_bytes
from dred.cli.bench.redundancy import Sending
from dred.cli.bench.setting import MAX_CHUNKS, Setting

COUNTS = (1, 10, 100, 1000)
STEPS = 2  # of 10 ms in a packet


class Concealing:
    """Concealers in a long loss, moved by the batch call or one by one."""

    def __init__(self, setting: Setting, count: int) -> None:
        self._handles = [Handle("concealer", setting.models) for _ in range(count)]
        pcm = setting.pcm[: 15 * lib.DRED_STEP]
        for handle in self._handles:
            check(lib.dred_concealer_good(handle.raw, pointer(pcm), len(pcm)))
        self._raw = ffi.new("dred_concealer *[]", [handle.raw for handle in self._handles])
        self._buffers = [ffi.new("float[]", lib.DRED_STEP) for _ in range(count)]
        self._pcm = ffi.new("float *[]", self._buffers)

    def packet(self) -> None:
        count = len(self._handles)
        for _ in range(STEPS):
            check(
                lib.dred_concealer_step_many(
                    self._raw, count, ffi.NULL, ffi.NULL, self._pcm, ffi.NULL
                )
            )

    def one_by_one(self) -> None:
        for _ in range(STEPS):
            for handle, pcm in zip(self._handles, self._buffers, strict=True):
                check(lib.dred_concealer_step(handle.raw, ffi.NULL, ffi.NULL, pcm))


def _row(setting: Setting, count: int) -> dict[str, Any]:
    before = resident_bytes()
    senders = [Sending(setting, MAX_CHUNKS) for _ in range(count)]
    receivers = Concealing(setting, count)
    decoders = [Handle("decoder", setting.models) for _ in range(count)]
    for sender in senders:
        sender.packet()
    receivers.packet()
    data = setting.payload()
    features = ffi.new("float[]", lib.DRED_FEATURES)

    def send() -> None:
        for sender in senders:
            sender.packet()

    def decode() -> None:
        """A whole payload: what the first packet after a long burst costs."""
        for decoder in decoders:
            chunks = check(lib.dred_decoder_parse(decoder.raw, data, len(data), 0, MAX_CHUNKS))
            last = lib.DRED_CHUNK_STEPS * chunks - 1
            check(lib.dred_decoder_features(decoder.raw, last, features))

    row: dict[str, Any] = {"streams": count}
    for name, call in (("send", send), ("decode", decode)):
        row[f"{name}_ns"] = fastest(call, setting.seconds) / count
    together, alone = fastest_in_turns([receivers.packet, receivers.one_by_one], setting.seconds)
    row["conceal_ns"], row["conceal_alone_ns"] = together / count, alone / count
    if count == COUNTS[-1]:  # of a few, memory freed before hides what they take
        row["bytes_per_stream"] = (resident_bytes() - before) / count
    row["peak_bytes"] = peak_bytes()
    return row


def measure(setting: Setting) -> dict[str, Any]:
    return {
        "handle_bytes": {
            "sender": lib.dred_encoder_size(),
            "receiver": lib.dred_decoder_size() + lib.dred_concealer_size(),
        },
        "models_bytes": lib.dred_models_size(setting.models.handle),
        "counts": [_row(setting, count) for count in COUNTS],
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    head = ["streams", "send us", "decode us", "conceal us", "one by one", "gain", "memory each",
            "peak of process"]  # fmt: skip
    cells = [head]
    for row in result["counts"]:
        cells.append(
            [
                str(row["streams"]),
                *(
                    f"{row[name] / 1000:.1f}"
                    for name in ("send_ns", "decode_ns", "conceal_ns", "conceal_alone_ns")
                ),
                f"{row['conceal_alone_ns'] / row['conceal_ns']:.2f}",
                f"{row['bytes_per_stream'] / 1024:.0f} kB" if "bytes_per_stream" in row else "",
                f"{row['peak_bytes'] / 2**20:.0f} MB",
            ]
        )
    yield from table(cells)
    handles = result["handle_bytes"]
    yield (
        "per packet of 20 ms; decode: a whole payload; conceal: a packet of a long loss, all "
        "streams in one call, and in a call each. Handles: "
        f"sender {handles['sender'] / 1024:.0f} kB, receiver {handles['receiver'] / 1024:.0f} kB; "
        f"shared models {result['models_bytes'] / 2**20:.1f} MB"
    )
