# SPDX-License-Identifier: BSD-3-Clause
"""UDP datagrams out of captured frames and into them: Ethernet, Linux cooked and raw links, IPv4
and IPv6; knows nothing of what a datagram holds, and puts no fragments together."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from dred.io.pcap import ETHERNET, Frame

# LINKTYPE values, tcpdump.org/linktypes.html.
NULL, RAW, LOOP, COOKED, COOKED2, IPV4_LINK, IPV6_LINK = 0, 101, 108, 113, 276, 228, 229
# DLT_RAW, as some systems write it unmapped.
RAW_LINKS = (RAW, IPV4_LINK, IPV6_LINK, 12, 14)
IPV4, IPV6 = 0x0800, 0x86DD
VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
UDP = 17
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
# Local addresses (second bit of the first byte), so that no maker's device is claimed.
MACS = bytes.fromhex("020000000002020000000001")

Endpoint = tuple[str, int]


@dataclass(frozen=True)
class Datagram:
    """One datagram and when it was seen."""

    time_ns: int
    source: Endpoint
    destination: Endpoint
    payload: bytes


def read_datagrams(frames: Iterable[Frame]) -> list[Datagram]:
    """The UDP datagrams among frames; others, fragments and cut-off ones are passed over."""
    found = []
    for frame in frames:
        try:
            datagram = _datagram(frame)
        except (struct.error, IndexError):
            continue
        if datagram is not None:
            found.append(datagram)
    return found


def write_datagrams(datagrams: Iterable[Datagram]) -> list[Frame]:
    """Ethernet frames that hold these datagrams, with right checksums."""
    return [Frame(datagram.time_ns, ETHERNET, _ethernet(datagram)) for datagram in datagrams]


def _datagram(frame: Frame) -> Datagram | None:
    packet = _network_layer(frame)
    if not packet:
        return None
    version = packet[0] >> 4
    found = _ipv4(packet) if version == 4 else _ipv6(packet) if version == 6 else None
    if found is None:
        return None
    source, destination, segment = found
    from_port, to_port, length = struct.unpack_from(">HHH", segment)
    # Length 0 is that of a jumbogram, which no voice packet is.
    if length < 8 or length > len(segment):
        return None
    return Datagram(frame.time_ns, (source, from_port), (destination, to_port), segment[8:length])


def _network_layer(frame: Frame) -> bytes:
    """The IP packet of a frame, empty where there is none."""
    data = frame.data
    if frame.link in RAW_LINKS:
        return data
    if frame.link in (NULL, LOOP):
        return data[4:]
    if frame.link == ETHERNET:
        at = 12
        (kind,) = struct.unpack_from(">H", data, at)
        while kind in VLAN_TAGS:
            at += 4
            (kind,) = struct.unpack_from(">H", data, at)
        return data[at + 2 :] if kind in (IPV4, IPV6) else b""
    if frame.link == COOKED:
        return data[16:] if struct.unpack_from(">H", data, 14)[0] in (IPV4, IPV6) else b""
    if frame.link == COOKED2:
        return data[20:] if struct.unpack_from(">H", data)[0] in (IPV4, IPV6) else b""
    return b""


def _ipv4(packet: bytes) -> tuple[str, str, bytes] | None:
    header = 4 * (packet[0] & 15)
    length, _, fragment = struct.unpack_from(">HHH", packet, 2)
    # Offload leaves the length of what is sent from here at 0.
    end = length or len(packet)
    if packet[9] != UDP or fragment & 0x3FFF or header < 20 or end > len(packet):
        return None
    source, destination = (str(ipaddress.IPv4Address(packet[i : i + 4])) for i in (12, 16))
    return source, destination, packet[header:end]


def _ipv6(packet: bytes) -> tuple[str, str, bytes] | None:
    length, following = struct.unpack_from(">HB", packet, 4)
    at, end = 40, 40 + length if length else len(packet)
    if end > len(packet):
        return None
    while following in (HOP_BY_HOP, ROUTING, DESTINATION, FRAGMENT):
        if following == FRAGMENT:
            if struct.unpack_from(">H", packet, at + 2)[0] & 0xFFF9:
                return None
            following, at = packet[at], at + 8
        else:
            following, at = packet[at], at + 8 * (packet[at + 1] + 1)
    if following != UDP:
        return None
    source, destination = (str(ipaddress.IPv6Address(packet[i : i + 16])) for i in (8, 24))
    return source, destination, packet[at:end]


def _ethernet(datagram: Datagram) -> bytes:
    source = ipaddress.ip_address(datagram.source[0])
    destination = ipaddress.ip_address(datagram.destination[0])
    if source.version != destination.version:
        raise ValueError(f"one of {source} and {destination} is IPv6, the other is not")
    size = 8 + len(datagram.payload)
    addresses = source.packed + destination.packed
    ports = struct.pack(">HHH", datagram.source[1], datagram.destination[1], size)
    pseudo = addresses + struct.pack(">HH", UDP, size)
    # 0 would say that there is none (RFC 768).
    checksum = _checksum(pseudo + ports + b"\0\0" + datagram.payload) or 0xFFFF
    segment = ports + struct.pack(">H", checksum) + datagram.payload
    if source.version == 6:
        head = struct.pack(">IHBB", 6 << 28, size, UDP, 64) + addresses
        return MACS + struct.pack(">H", IPV6) + head + segment
    # Do not fragment; no options; time to live 64.
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, 64, UDP, 0) + addresses
    head = head[:10] + struct.pack(">H", _checksum(head)) + head[12:]
    return MACS + struct.pack(">H", IPV4) + head + segment


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
