# SPDX-License-Identifier: BSD-3-Clause
"""Ogg pages (RFC 3533): packets to pages and back; knows nothing of what the packets mean.

    "OggS" 0 flags  granule(8)  serial(4)  sequence(4)  crc(4)  n  n lacing values  body

A packet is cut into segments of 255 bytes and one shorter last segment (possibly empty); a page
holds at most 255 segments, and a longer packet continues on the next page.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

CAPTURE = b"OggS"
CONTINUED, FIRST, LAST = 1, 2, 4  # flags
MAX_SEGMENTS = 255
# Granule position of a page on which no packet ends.
NO_GRANULE = -1
HEADER = struct.Struct("<4sBBqIIIB")


# Bytes with their bits in reverse order.
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def crc(data: bytes) -> int:
    """Checksum of a page whose own checksum field is zero: polynomial 0x04c11db7, most significant
    bit first, initial value 0, no inversion (RFC 3533 section 6).

    zlib computes the same polynomial with all bits mirrored and both ends inverted."""
    mirrored = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")


@dataclass(frozen=True)
class Page:
    """One page: the lacing values and the bytes they cut up."""

    flags: int
    granule: int
    serial: int
    sequence: int
    lacing: bytes
    body: bytes

    def __bytes__(self) -> bytes:
        def header(checksum: int) -> bytes:
            return HEADER.pack(
                CAPTURE, 0, self.flags, self.granule, self.serial, self.sequence, checksum,
                len(self.lacing),
            )  # fmt: skip

        rest = self.lacing + self.body
        return header(crc(header(0) + rest)) + rest

    def pieces(self) -> Iterator[tuple[bytes, bool]]:
        """Bytes of each packet on this page, and whether the packet ends here. Of a page that was
        cut off, only the segments that are complete."""
        start = end = 0
        for value in self.lacing:
            if end + value > len(self.body):
                return
            end += value
            if value < 255:
                yield self.body[start:end], True
                start = end
        if self.lacing and self.lacing[-1] == 255:
            yield self.body[start:end], False


def lacing_values(size: int) -> bytes:
    """Segment lengths of a packet of this many bytes."""
    return b"\xff" * (size // 255) + bytes([size % 255])


def paginate(
    packets: list[bytes], *, granule: int, serial: int, sequence: int, flags: int = 0
) -> list[Page]:
    """One page with these packets, or as many pages as a single long packet needs. The last page
    carries `granule` and, of `flags`, LAST; the first page carries FIRST."""
    lacing = b"".join(lacing_values(len(packet)) for packet in packets)
    if len(packets) > 1 and len(lacing) > MAX_SEGMENTS:
        raise ValueError("several packets must fit one page")
    body = b"".join(packets)
    pages = []
    continued = False
    for first in range(0, max(1, len(lacing)), MAX_SEGMENTS):
        part = lacing[first : first + MAX_SEGMENTS]
        size = sum(part)
        is_end = first + MAX_SEGMENTS >= len(lacing)
        page_flags = (
            (CONTINUED if continued else 0)
            | (flags & FIRST if first == 0 else 0)
            | (flags & LAST if is_end else 0)
        )
        position = granule if is_end else NO_GRANULE
        pages.append(Page(page_flags, position, serial, sequence, part, body[:size]))
        body = body[size:]
        continued = part[-1:] == b"\xff"
        sequence += 1
    return pages


@dataclass(frozen=True)
class Damage:
    """What a reader met instead of a page."""

    offset: int
    what: str


def read_pages(data: bytes) -> Iterator[Page | Damage]:
    """Pages of a file in order; damaged places are reported and skipped. The last page may be cut
    off: it comes, after a Damage, with the part of its body that is there."""
    at = 0
    while at < len(data):
        start = data.find(CAPTURE, at)
        if start != at:
            yield Damage(at, "bytes that are no Ogg page")
        if start < 0:
            return
        if start + HEADER.size > len(data):
            yield Damage(start, "the file ends inside a page header")
            return
        _, version, flags, granule, serial, sequence, checksum, count = HEADER.unpack_from(
            data, start
        )
        body = start + HEADER.size + count
        lacing = data[start + HEADER.size : body]
        end = body + sum(lacing)
        page = Page(flags, granule, serial, sequence, lacing, data[body:end])
        following = data.find(CAPTURE, start + len(CAPTURE))
        if end > len(data) and following < 0:
            yield Damage(start, "the file ends inside a page")
            # Its granule position counts packets that are not there.
            yield replace(page, flags=flags & ~LAST, granule=NO_GRANULE)
            return
        if version == 0 and end <= len(data) and _is_sound(data[start:end], checksum):
            yield page
            at = end
        else:
            yield Damage(start, "a page with a wrong checksum")
            at = following if following >= 0 else len(data)


def _is_sound(raw: bytes, checksum: int) -> bool:
    return crc(raw[:22] + bytes(4) + raw[26:]) == checksum
