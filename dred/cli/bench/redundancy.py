# SPDX-License-Identifier: BSD-3-Clause
"""What a sender pays per packet, by the length of its redundancy: nearly the same, as only one
latent is new."""

from collections.abc import Iterator
from typing import Any

from dred._core import ffi, lib
from dred._native import Handle, check
from dred.cli.bench import table
from dred.cli.bench.machine import fastest_in_turns
from dred.cli.bench.setting import CAPACITY, LEVELS, Setting

FRAME = 2 * lib.DRED_STEP
CHUNKS = {0.1: 3, 0.5: 13, 1.04: 26}  # by seconds


class Sending:
    """One DRED encoder, which is given the signal over and over, and makes a payload of each
    packet."""

    def __init__(self, setting: Setting, chunks: int) -> None:
        self.handle = Handle("encoder", setting.models)
        self._frames = setting.frames
        self._request = ffi.new("dred_encode_request *")
        header = self._request.header
        header.q0, header.dq, header.qmax = LEVELS
        self._request.max_chunks, self._request.capacity = chunks, CAPACITY
        self._out = ffi.new("unsigned char[]", CAPACITY)
        self._result = ffi.new("dred_encode_result *")
        self._sent = 0

    def push(self) -> None:
        frame = self._frames[self._sent % len(self._frames)]
        check(lib.dred_encoder_push(self.handle.raw, frame, FRAME))
        self._sent += 1

    def payload(self) -> bytes:
        """The payload of the packet that was pushed last; nothing at the start."""
        self._request.packet_start = (self._sent - 1) * FRAME
        size = lib.dred_encoder_payload(self.handle.raw, self._request, self._out, self._result)
        return bytes(ffi.buffer(self._out, size)) if size > 0 else b""

    def packet(self) -> None:
        self.push()
        self.payload()


def measure(setting: Setting) -> list[dict[str, Any]]:
    senders = [Sending(setting, chunks) for chunks in CHUNKS.values()]
    for sending in senders:
        for _ in range(100):
            sending.packet()
    best = fastest_in_turns([sending.packet for sending in senders], setting.seconds, 10)
    return [
        {
            "redundancy_s": seconds,
            "chunks": chunks,
            "bytes": len(sending.payload()),
            "ns": ns,
            "relative": ns / best[0],
        }
        for (seconds, chunks), sending, ns in zip(CHUNKS.items(), senders, best, strict=True)
    ]


def lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    head = ["sender, per packet of 20 ms", "chunks", "bytes", "us", "relative"]
    yield from table(
        [head]
        + [
            [
                f"{row['redundancy_s']:.2f} s of redundancy",
                str(row["chunks"]),
                str(row["bytes"]),
                f"{row['ns'] / 1000:.1f}",
                f"{row['relative']:.2f}",
            ]
            for row in rows
        ]
    )
