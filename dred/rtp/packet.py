# SPDX-License-Identifier: BSD-3-Clause
"""RTP packets (RFC 3550 section 5.1) to bytes and back; knows no payload format and no stream."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from dred.errors import PacketError

VERSION = 2
HEADER = struct.Struct(">BBHII")
EXTENSION = struct.Struct(">HH")
MAX_CSRCS = 15
# RFC 5761 section 4: second bytes that mean RTCP where both share a port.
RTCP_TYPES = range(192, 224)


@dataclass(frozen=True)
class HeaderExtension:
    """What RFC 3550 section 5.3.1 leaves to profiles: 16 bits of their own and whole words."""

    profile: int
    data: bytes


@dataclass(frozen=True)
class RtpPacket:
    """A packet, never changed. padding: bytes after the payload, their count included."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension: HeaderExtension | None = None
    padding: int = 0

    def __bytes__(self) -> bytes:
        if not 0 <= self.payload_type < 128:
            raise ValueError(f"payload_type: expected 0..127, got {self.payload_type}")
        if len(self.csrcs) > MAX_CSRCS:
            raise ValueError(f"csrcs: expected at most {MAX_CSRCS}, got {len(self.csrcs)}")
        if not 0 <= self.padding < 256:
            raise ValueError(f"padding: expected 0..255 bytes, got {self.padding}")
        first = VERSION << 6 | (self.padding > 0) << 5 | len(self.csrcs)
        first |= (self.extension is not None) << 4
        parts = [
            HEADER.pack(
                first,
                self.marker << 7 | self.payload_type,
                self.sequence & 0xFFFF,
                self.timestamp & 0xFFFFFFFF,
                self.ssrc & 0xFFFFFFFF,
            ),
            struct.pack(f">{len(self.csrcs)}I", *self.csrcs),
        ]
        if self.extension is not None:
            data = self.extension.data
            if len(data) % 4 or len(data) // 4 > 0xFFFF:
                raise ValueError(f"extension: expected whole 32-bit words, got {len(data)} bytes")
            parts += [EXTENSION.pack(self.extension.profile, len(data) // 4), data]
        parts.append(self.payload)
        if self.padding:
            parts.append(bytes(self.padding - 1) + bytes([self.padding]))
        return b"".join(parts)

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """From a datagram, or PacketError."""
        if len(data) < HEADER.size:
            raise PacketError(f"RTP packet: {len(data)} bytes are less than its header")
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        if first >> 6 != VERSION:
            raise PacketError(f"RTP packet: version {first >> 6} instead of {VERSION}")
        if second in RTCP_TYPES:
            raise PacketError(f"RTP packet: is an RTCP packet of type {second}")
        count = first & 15
        at = HEADER.size + 4 * count
        if at > len(data):
            raise PacketError(f"RTP packet: cut off in its list of {count} sources")
        csrcs = struct.unpack_from(f">{count}I", data, HEADER.size)
        extension = None
        if first & 16:
            if at + EXTENSION.size > len(data):
                raise PacketError("RTP packet: cut off in its header extension")
            profile, words = EXTENSION.unpack_from(data, at)
            at += EXTENSION.size
            if at + 4 * words > len(data):
                raise PacketError(f"RTP packet: header extension of {words} words is cut off")
            extension = HeaderExtension(profile, bytes(data[at : at + 4 * words]))
            at += 4 * words
        padding = 0
        if first & 32:
            padding = data[-1]
            if not 1 <= padding <= len(data) - at:
                raise PacketError(f"RTP packet: {padding} bytes of padding do not fit in")
        return cls(
            second & 127, sequence, timestamp, ssrc, bytes(data[at : len(data) - padding]),
            bool(second & 128), csrcs, extension, padding,
        )  # fmt: skip


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram of a port that RTP and RTCP share is an RTCP packet (RFC 5761)."""
    return len(data) >= 2 and data[0] >> 6 == VERSION and data[1] in RTCP_TYPES
