# SPDX-License-Identifier: BSD-3-Clause
"""Where the bits went: regular frames, LBRR, copies, DRED, headers; makes no packets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dred.opus import OpusDecoder
from dred.packet import Packet, duration_ms, has_lbrr
from dred.traces.transit import HEADER_BYTES

SILK_RATE = 16000
# LBRR is measured in so many packets, evenly over the stream: it takes some decoding.
SAMPLED = 100


@dataclass(frozen=True)
class Split:
    """kb/s. The first four make what is sent; headers (RTP, UDP, IPv4) come on top of it, the same
    for all schemes. red: copies with their block headers. lbrr: to about a byte per packet."""

    regular: float = 0.0
    lbrr: float = 0.0
    red: float = 0.0
    dred: float = 0.0
    headers: float = 0.0

    @property
    def total(self) -> float:
        """Without headers."""
        return self.regular + self.lbrr + self.red + self.dred


def split_bitrate(packets: Sequence[bytes], payloads: Sequence[bytes]) -> Split:
    """packets: of Opus. payloads: of RTP, where copies of earlier packets may come before each."""
    milliseconds = sum(map(duration_ms, packets))
    if not milliseconds:
        return Split()
    plain = [len(Packet(packet).without_extensions()) for packet in packets]
    opus = sum(map(len, packets))
    in_band = lbrr_bytes(packets)
    per_byte = 8 / milliseconds
    return Split(
        regular=per_byte * (sum(plain) - in_band),
        lbrr=per_byte * in_band,
        red=per_byte * (sum(map(len, payloads)) - opus),
        dred=per_byte * (opus - sum(plain)),
        headers=per_byte * HEADER_BYTES * len(packets),
    )


def lbrr_bytes(packets: Sequence[bytes]) -> float:
    """Bytes of in-band FEC in all packets, estimated from some of them."""
    carriers = [packet for packet in packets if has_lbrr(packet)]
    if not carriers:
        return 0.0
    every = np.linspace(0, len(carriers) - 1, min(SAMPLED, len(carriers))).round().astype(int)
    decoder = OpusDecoder(SILK_RATE)
    fresh = decoder.save()
    return len(carriers) * float(np.mean([_in_band(carriers[i], decoder, fresh) for i in every]))


def _in_band(packet: bytes, decoder: OpusDecoder, fresh: bytes) -> int:
    """Bytes of in-band FEC in all frames of a packet."""
    # Each as a packet of its own, of code 0: a beginning of that is a packet as well.
    first = bytes([packet[0] & 0xFC])
    alone = [first + frame for frame in Packet(packet).frames]
    return sum(_of_frame(frame, decoder, fresh) for frame in alone if has_lbrr(frame))


def _of_frame(packet: bytes, decoder: OpusDecoder, fresh: bytes) -> int:
    """The bytes that decoding of the LBRR alone reads: the shortest beginning of the frame that
    gives the same sound as the whole. SILK writes LBRR in front of everything (RFC 6716 4.2.1)."""
    samples = round(duration_ms(packet) * SILK_RATE / 1000)

    def sound(length: int) -> bytes:
        decoder.restore(fresh)
        return decoder.decode(packet[:length], samples, fec=True).tobytes()

    whole = sound(len(packet))
    low, high = 1, len(packet)
    while low < high:
        middle = (low + high) // 2
        if sound(middle) == whole:
            high = middle
        else:
            low = middle + 1
    return low - 1  # without the first byte, which tells the kind of packet
