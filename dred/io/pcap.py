# SPDX-License-Identifier: BSD-3-Clause
"""Capture files, pcap and pcapng: link-layer frames with their times; knows no protocol.

pcap is read in both byte orders and with micro- and nanoseconds, pcapng with any number of
sections and interfaces. A file that is cut off gives what is whole, and a warning.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dred.errors import PacketError
from dred.io.files import read_bytes, write_bytes

MICRO, NANO = 0xA1B2C3D4, 0xA1B23C4D
SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET = 0x0A0D0D0A, 1, 2, 3, 6
BYTE_ORDER = 0x1A2B3C4D
OPTION_RESOLUTION, OPTION_OFFSET = 9, 14
ETHERNET = 1
SNAP_LENGTH = 262144
# A second in nanoseconds: times are whole numbers of these, since 1970.
SECOND = 10**9


@dataclass(frozen=True)
class Frame:
    """What one interface saw. link: its LINKTYPE; original: bytes on the wire."""

    time_ns: int
    link: int
    data: bytes
    original: int = 0


@dataclass
class CaptureFile:
    """The frames of a file in its order, and what was wrong with it."""

    frames: list[Frame] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def is_capture(data: bytes) -> bool:
    """Whether a file begins as a capture file does."""
    if len(data) < 4:
        return False
    magics = {int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big")}
    return bool(magics & {MICRO, NANO, SECTION})


def read_pcap(path: str | os.PathLike[str]) -> CaptureFile:
    """All frames of a pcap or pcapng file; `-` is standard input."""
    return parse_pcap(read_bytes(path, PacketError), os.fspath(path))


def parse_pcap(data: bytes, name: str = "capture") -> CaptureFile:
    """As read_pcap, from memory; `name` is for messages."""
    if not is_capture(data):
        raise PacketError(f"{name}: is no capture file; give a pcap or pcapng file")
    capture = CaptureFile()
    read = _read_pcapng if int.from_bytes(data[:4], "little") == SECTION else _read_pcap
    try:
        capture.frames.extend(read(data))
    except _CutOff as reason:
        capture.frames.extend(reason.frames)
        capture.warnings.append(f"{reason}; {len(capture.frames)} frames are whole")
    return capture


def write_pcap(path: str | os.PathLike[str], frames: Iterable[Frame]) -> None:
    """Write frames, which must be of one link type for pcap; a name in .pcapng gives that."""
    listed = list(frames)
    data = _pcapng(listed) if Path(path).suffix == ".pcapng" else _pcap(listed)
    write_bytes(path, data, PacketError)


class _CutOff(Exception):
    """The end of a file came too soon, or a length in it is none."""

    def __init__(self, message: str, frames: list[Frame]) -> None:
        super().__init__(message)
        self.frames = frames


def _pcap(frames: list[Frame]) -> bytes:
    links = {frame.link for frame in frames} or {ETHERNET}
    if len(links) > 1:
        raise ValueError("pcap: holds one link type only; name the file .pcapng")
    parts = [struct.pack("<IHHiIII", NANO, 2, 4, 0, 0, SNAP_LENGTH, links.pop())]
    for frame in frames:
        seconds, rest = divmod(frame.time_ns, SECOND)
        size = len(frame.data)
        parts.append(struct.pack("<IIII", seconds, rest, size, frame.original or size))
        parts.append(frame.data)
    return b"".join(parts)


def _read_pcap(data: bytes) -> list[Frame]:
    order = "<" if int.from_bytes(data[:4], "little") in (MICRO, NANO) else ">"
    frames: list[Frame] = []
    if len(data) < 24:
        raise _CutOff("cut off in the file header", frames)
    magic, link = struct.unpack_from(f"{order}I16xI", data)
    unit = 1 if magic == NANO else 1000
    at = 24
    while at < len(data):
        if at + 16 > len(data):
            raise _CutOff("cut off in a frame header", frames)
        seconds, rest, size, original = struct.unpack_from(f"{order}IIII", data, at)
        if at + 16 + size > len(data):
            raise _CutOff("cut off in a frame", frames)
        # The upper bits of the link type tell the length of a frame check sequence.
        frames.append(
            Frame(seconds * SECOND + rest * unit, link & 0xFFFF,
                  data[at + 16 : at + 16 + size], original)
        )  # fmt: skip
        at += 16 + size
    return frames


def _block(kind: int, body: bytes) -> bytes:
    padded = body + bytes(-len(body) % 4)
    size = struct.pack("<I", len(padded) + 12)
    return struct.pack("<I", kind) + size + padded + size


def _pcapng(frames: list[Frame]) -> bytes:
    parts = [_block(SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1))]
    links = sorted({frame.link for frame in frames} or {ETHERNET})
    nanoseconds = struct.pack("<HHB3xHH", OPTION_RESOLUTION, 1, 9, 0, 0)
    for link in links:
        parts.append(_block(INTERFACE, struct.pack("<HHI", link, 0, SNAP_LENGTH) + nanoseconds))
    for frame in frames:
        size = len(frame.data)
        head = struct.pack(
            "<IIIII", links.index(frame.link), frame.time_ns >> 32,
            frame.time_ns & 0xFFFFFFFF, size, frame.original or size,
        )  # fmt: skip
        parts.append(_block(PACKET, head + frame.data))
    return b"".join(parts)


@dataclass
class _Interface:
    link: int
    snap: int
    unit: float | None = None  # ticks in a second; None: microseconds
    offset_s: int = 0

    def time_ns(self, ticks: int) -> int:
        per_second = int(self.unit or 10**6)
        return self.offset_s * SECOND + ticks * SECOND // per_second


def _read_pcapng(data: bytes) -> list[Frame]:
    frames: list[Frame] = []
    interfaces: list[_Interface] = []
    order = "<"
    at = 0
    while at < len(data):
        if at + 12 > len(data):
            raise _CutOff("cut off in a block header", frames)
        if data[at : at + 4] == SECTION.to_bytes(4, "little"):
            little = int.from_bytes(data[at + 8 : at + 12], "little") == BYTE_ORDER
            order, interfaces = "<" if little else ">", []
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if size < 12 or size % 4 or at + size > len(data):
            raise _CutOff("cut off in a block, or its length is wrong", frames)
        body = data[at + 8 : at + size - 4]
        at += size
        try:
            if kind == INTERFACE:
                interfaces.append(_interface(order, body))
            elif kind in (PACKET, OLD_PACKET, SIMPLE_PACKET):
                frames.append(_packet(order, kind, body, interfaces))
        except (struct.error, IndexError):
            raise _CutOff("a block is too short, or of no interface", frames) from None
    return frames


def _interface(order: str, body: bytes) -> _Interface:
    link, snap = struct.unpack_from(f"{order}H2xI", body)
    found = _Interface(link, snap)
    for code, value in _options(order, body[8:]):
        if code == OPTION_RESOLUTION and value:
            power = value[0] & 0x7F
            found.unit = 2.0**power if value[0] & 0x80 else 10**power
        elif code == OPTION_OFFSET and len(value) == 8:
            found.offset_s = struct.unpack(f"{order}q", value)[0]
    return found


def _options(order: str, data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        code, size = struct.unpack_from(f"{order}HH", data, at)
        if code == 0:
            return
        yield code, data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4


def _packet(order: str, kind: int, body: bytes, interfaces: list[_Interface]) -> Frame:
    if kind == SIMPLE_PACKET:
        (original,) = struct.unpack_from(f"{order}I", body)
        snap = interfaces[0].snap or original
        return Frame(0, interfaces[0].link, body[4 : 4 + min(original, snap)], original)
    form = "IIIII" if kind == PACKET else "HxxIIII"
    number, high, low, size, original = struct.unpack_from(order + form, body)
    interface = interfaces[number]
    if 20 + size > len(body):
        raise IndexError
    return Frame(interface.time_ns(high << 32 | low), interface.link,
                 body[20 : 20 + size], original)  # fmt: skip
