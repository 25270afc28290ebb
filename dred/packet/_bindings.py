# SPDX-License-Identifier: BSD-3-Clause
"""The packet functions of the C core on bytes; knows no payload content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dred._core import ffi, lib
from dred._native import check

# Enough for all but hostile packets; those are asked a second time.
_USUAL_EXTENSIONS = 16


@dataclass(frozen=True)
class Extension:
    """A padding extension: id 3 to 127 (up to 31 with at most one byte of data) of one frame."""

    id: int
    frame: int
    data: bytes


@dataclass(frozen=True)
class PacketInfo:
    """What RFC 6716 section 3 says of a packet: the first byte, the frames, the padding."""

    toc: int
    frame_units: int
    frames: tuple[bytes, ...]
    padding: bytes


def packet_parse(data: bytes) -> PacketInfo:
    """Frames and padding, or PacketError."""
    info = ffi.new("dred_packet_info *")
    check(lib.dred_packet_parse(data, len(data), info), "Opus packet")
    frames = tuple(
        data[info.frame_offset[i] : info.frame_offset[i] + info.frame_size[i]]
        for i in range(info.frame_count)
    )
    padding = data[info.padding_offset : info.padding_offset + info.padding_size]
    return PacketInfo(info.toc, info.frame_units, frames, padding)


def packet_units(data: bytes) -> int:
    """Duration of all frames in units of 2.5 ms, or PacketError."""
    return check(lib.dred_packet_units(data, len(data)), "Opus packet")


def packet_extensions(data: bytes) -> tuple[list[Extension], bool]:
    """The extensions in the order of the bitstream, and whether the area is well formed (what was
    found before an error stays valid)."""
    valid = ffi.new("int *")
    capacity = _USUAL_EXTENSIONS
    while True:
        found = ffi.new("dred_extension[]", capacity)
        count = lib.dred_packet_extensions(data, len(data), found, capacity, valid)
        check(count, "Opus packet")
        if count <= capacity:
            break
        capacity = count
    extensions = [
        Extension(e.id, e.frame, data[e.offset : e.offset + e.size]) for e in found[0:count]
    ]
    return extensions, bool(valid[0])


def packet_build(data: bytes, extensions: Sequence[Extension], pad_to: int = 0) -> bytes:
    """The packet with these extensions instead of its own, of exactly pad_to bytes unless 0."""
    if pad_to < 0:
        raise ValueError(f"pad_to must not be negative, not {pad_to}")
    # At most: code 3 with a length for each frame; per extension separator, id and lengths.
    bound = len(data) + 128 + sum(len(e.data) + len(e.data) // 127 + 8 for e in extensions)
    out = ffi.new("unsigned char[]", max(bound, pad_to))
    listed = ffi.new("dred_extension[]", max(1, len(extensions)))
    keep_alive: list[Any] = []
    for entry, extension in zip(listed, extensions, strict=False):
        keep_alive.append(ffi.from_buffer("unsigned char[]", extension.data))
        entry.id, entry.frame = extension.id, extension.frame
        entry.data, entry.size = keep_alive[-1], len(extension.data)
    size = lib.dred_packet_build(data, len(data), listed, len(extensions), out, len(out), pad_to)
    return bytes(ffi.buffer(out, check(size, "Opus packet")))


def packet_cost(data: bytes, version: int, extension_bytes: int) -> int:
    """Bytes that a DRED payload of this version and size, prefix included, adds to a packet."""
    return check(lib.dred_packet_cost(data, len(data), version, extension_bytes), "Opus packet")


def packet_attach(data: bytes, version: int, payload: bytes) -> bytes:
    """The packet with a DRED payload (without prefix) of this version in frame 0, instead of any
    that it has, and its other extensions."""
    # The extensions kept may be written longer than they were: repeats are expanded.
    out = ffi.new("unsigned char[]", 2 * (len(data) + len(payload)) + 8192)
    size = lib.dred_packet_attach(data, len(data), version, payload, len(payload), out, len(out))
    return bytes(ffi.buffer(out, check(size, "DRED payload")))


def packet_find(data: bytes, version: int) -> tuple[int, int, int] | None:
    """Offset and size of the DRED payload of this version in the packet and the position of its
    frame in 2.5 ms units, or None where the packet carries none."""
    offset, size, frame = ffi.new("int *"), ffi.new("int *"), ffi.new("int *")
    code = lib.dred_packet_find(data, len(data), version, offset, size, frame)
    if code == lib.DRED_ERR_NODATA:
        return None
    check(code, "Opus packet")
    return offset[0], size[0], frame[0]


def packet_has_lbrr(data: bytes) -> bool:
    """Whether the packet carries in-band FEC of the packet before it."""
    return bool(check(lib.dred_packet_has_lbrr(data, len(data)), "Opus packet"))
