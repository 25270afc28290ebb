# SPDX-License-Identifier: BSD-3-Clause
"""Redundant audio payloads (RFC 2198): older packets ride along; knows no codec and no stream.

A payload is a 4-byte header for each redundant block, the oldest first (1 bit set, 7 bits payload
type, 14 bits timestamp offset, 10 bits length), one byte for the primary block (1 bit clear, 7 bits
payload type), then the blocks in the same order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from dred.errors import PacketError

MAX_OFFSET = (1 << 14) - 1  # timestamp units
MAX_LENGTH = (1 << 10) - 1  # bytes of a redundant block
MAX_COPIES = 4
HEADER_BYTES = 4
PRIMARY_BYTES = 1


@dataclass(frozen=True)
class Block:
    """One block. offset: by how much its timestamp lies before the RTP packet's."""

    payload_type: int
    offset: int
    data: bytes


def build(blocks: Sequence[Block]) -> bytes:
    """A payload from blocks, oldest first, the primary one (offset 0) last."""
    if not blocks:
        raise ValueError("blocks: expected at least the primary one")
    *redundant, primary = blocks
    if primary.offset:
        raise ValueError(f"the primary block is last and has offset 0, not {primary.offset}")
    headers = bytearray()
    for block in redundant:
        if not 0 < block.offset <= MAX_OFFSET:
            raise ValueError(f"offset: expected 1..{MAX_OFFSET}, got {block.offset}")
        if len(block.data) > MAX_LENGTH:
            raise ValueError(f"block: expected at most {MAX_LENGTH} bytes, got {len(block.data)}")
        fields = block.offset << 10 | len(block.data)
        headers += bytes([0x80 | block.payload_type]) + fields.to_bytes(3, "big")
    headers.append(primary.payload_type)
    return bytes(headers) + b"".join(block.data for block in blocks)


def parse(payload: bytes) -> list[Block]:
    """The blocks of a payload, oldest first, the primary one last; or PacketError."""
    headers: list[tuple[int, int, int]] = []
    at = 0
    while at < len(payload) and payload[at] & 0x80:
        if at + HEADER_BYTES > len(payload):
            raise PacketError("RED payload: cut off in a block header")
        fields = int.from_bytes(payload[at + 1 : at + HEADER_BYTES], "big")
        headers.append((payload[at] & 0x7F, fields >> 10, fields & MAX_LENGTH))
        at += HEADER_BYTES
    if at >= len(payload):
        raise PacketError("RED payload: has no primary block")
    primary = payload[at]
    at += PRIMARY_BYTES
    blocks = []
    for payload_type, offset, length in headers:
        if at + length > len(payload):
            raise PacketError(f"RED payload: a block of {length} bytes is cut off")
        blocks.append(Block(payload_type, offset, bytes(payload[at : at + length])))
        at += length
    blocks.append(Block(primary, 0, bytes(payload[at:])))
    return blocks


class RedEncoder:
    """Puts up to `copies` earlier packets into each payload.

    A copy that the format cannot carry (too long, too old) is left out; so are copies, the oldest
    first, where the payload would get larger than max_bytes. The primary block is always sent.
    """

    def __init__(self, payload_type: int, copies: int, max_bytes: int) -> None:
        self._payload_type, self._max_bytes = payload_type, max_bytes
        self._past: deque[tuple[int, bytes]] = deque()
        self.resize(copies)

    def resize(self, copies: int) -> None:
        """Another number of copies, of the packets that are remembered."""
        if not 1 <= copies <= MAX_COPIES:
            raise ValueError(f"copies: expected 1..{MAX_COPIES}, got {copies}")
        self._past = deque(self._past, maxlen=copies)

    def encode(self, data: bytes, timestamp: int, copy: bytes | None = None) -> bytes:
        """The payload for a packet. copy: what later payloads carry of it; None: itself, empty:
        nothing."""
        size = PRIMARY_BYTES + len(data)
        chosen: list[Block] = []
        for then, past in reversed(self._past):
            offset = (timestamp - then) & 0xFFFFFFFF
            size += HEADER_BYTES + len(past)
            if offset > MAX_OFFSET or size > self._max_bytes:
                break  # what is older still is dropped as well
            chosen.append(Block(self._payload_type, offset, past))
        kept = data if copy is None else copy
        if 0 < len(kept) <= MAX_LENGTH:
            self._past.append((timestamp, kept))
        return build([*reversed(chosen), Block(self._payload_type, 0, data)])
