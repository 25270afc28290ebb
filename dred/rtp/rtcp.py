# SPDX-License-Identifier: BSD-3-Clause
"""RTCP packets (RFC 3550 section 6, loss runs of RFC 3611, play-out delays of RFC 7005) to bytes
and back; keeps no counts.

A datagram holds several: a report first, then the source's name (SDES CNAME), then the others.
Kinds that are not known here are skipped in reading, as section 6.1 asks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dred.errors import PacketError
from dred.rtp.packet import VERSION

SR, RR, SDES, BYE, XR = 200, 201, 202, 203, 207
CNAME = 1
LOSS_RLE, JITTER_BUFFER = 1, 23  # XR block types
MAX_REPORTS = 31
REPORT = struct.Struct(">IB3sIIII")
SENDER = struct.Struct(">QIII")
RLE_HEADER = struct.Struct(">IHH")
BUFFER = struct.Struct(">IHHHH")
SAMPLED, ADAPTIVE = 0x40, 0x20  # of a buffer's block: figures of a moment; a delay that follows
UNKNOWN_MS = 0xFFFF
LONGEST_MS = 0xFFFD
MAX_RUN = (1 << 14) - 1
# Seconds from the NTP epoch, 1900, to that of Unix.
NTP_UNIX = 2208988800


@dataclass(frozen=True)
class ReportBlock:
    """Reception of one source. fraction_lost: of 256, since the last report. jitter: timestamp
    units. last_sr: middle 32 bits of the NTP time of its last sender report. delay_since_sr:
    1/65536 s."""

    ssrc: int
    fraction_lost: int = 0
    cumulative_lost: int = 0
    highest_sequence: int = 0
    jitter: int = 0
    last_sr: int = 0
    delay_since_sr: int = 0

    def __bytes__(self) -> bytes:
        lost = max(-(1 << 23), min(self.cumulative_lost, (1 << 23) - 1))
        return REPORT.pack(
            self.ssrc, self.fraction_lost, lost.to_bytes(3, "big", signed=True),
            self.highest_sequence, self.jitter, self.last_sr, self.delay_since_sr,
        )  # fmt: skip

    @classmethod
    def parse(cls, data: bytes) -> ReportBlock:
        ssrc, fraction, lost, *others = REPORT.unpack(data)
        return cls(ssrc, fraction, int.from_bytes(lost, "big", signed=True), *others)

    def round_trip_ms(self, ntp: int) -> float | None:
        """Time for a packet and its report, or None where no sender report had arrived."""
        if not self.last_sr:
            return None
        taken = ((ntp >> 16) - self.last_sr - self.delay_since_sr) & 0xFFFFFFFF
        # A clock that was set back makes a huge number of it.
        return taken / 65.536 if taken < 1 << 31 else None


@dataclass(frozen=True)
class SenderReport:
    """What a source sent so far. ntp: 64 bits; timestamp: RTP time of the same instant."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()

    def __bytes__(self) -> bytes:
        own = SENDER.pack(
            self.ntp, self.timestamp & 0xFFFFFFFF, self.packets & 0xFFFFFFFF,
            self.octets & 0xFFFFFFFF,
        )  # fmt: skip
        return _packet(SR, len(self.reports), _word(self.ssrc), own, *map(bytes, self.reports))

    @property
    def middle(self) -> int:
        """The NTP time as reports quote it."""
        return self.ntp >> 16 & 0xFFFFFFFF


@dataclass(frozen=True)
class ReceiverReport:
    """Reception of sources by somebody who sends nothing."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()

    def __bytes__(self) -> bytes:
        return _packet(RR, len(self.reports), _word(self.ssrc), *map(bytes, self.reports))


@dataclass(frozen=True)
class SourceName:
    """SDES with the one item that every datagram must hold (section 6.5.1)."""

    ssrc: int
    cname: str

    def __bytes__(self) -> bytes:
        text = self.cname.encode("utf-8")[:255]
        chunk = _word(self.ssrc) + bytes([CNAME, len(text)]) + text
        # The list ends with one to four zeros, at a whole word.
        return _packet(SDES, 1, chunk + bytes(4 - len(chunk) % 4))


@dataclass(frozen=True)
class Bye:
    """Sources that leave."""

    ssrcs: tuple[int, ...]
    reason: str = ""

    def __bytes__(self) -> bytes:
        text = self.reason.encode("utf-8")[:255]
        tail = bytes([len(text)]) + text if text else b""
        words = b"".join(map(_word, self.ssrcs))
        return _packet(BYE, len(self.ssrcs), words, tail + bytes(-len(tail) % 4))


@dataclass(frozen=True)
class LossRuns:
    """Which packets of a source were lost, from begin on (RFC 3611 section 4.1): what a sender
    needs to know of bursts. flags: 0 received, 1 lost."""

    reporter: int
    ssrc: int
    begin: int
    flags: tuple[int, ...]

    def __bytes__(self) -> bytes:
        chunks = [chunk for flag, count in _runs(self.flags) for chunk in _chunks(flag, count)]
        chunks += [0] * (1 + (len(chunks) + 1) % 2)  # a null ends the list, at a whole word
        end = (self.begin + len(self.flags)) & 0xFFFF
        body = RLE_HEADER.pack(self.ssrc, self.begin, end)
        body += struct.pack(f">{len(chunks)}H", *chunks)
        head = struct.pack(">BBH", LOSS_RLE, 0, len(body) // 4)
        return _packet(XR, 0, _word(self.reporter), head, body)


@dataclass(frozen=True)
class PlayoutDelay:
    """How long a receiver lets packets of a source wait (RFC 7005), in ms: what a sender needs to
    know of descriptions that come later. nominal: those that come in time. maximum: the delay gets
    no longer. adaptive: it follows the network."""

    reporter: int
    ssrc: int
    nominal_ms: int
    maximum_ms: int
    adaptive: bool = False

    def __bytes__(self) -> bytes:
        delays = (min(ms, LONGEST_MS) for ms in (self.nominal_ms, self.maximum_ms))
        body = BUFFER.pack(self.ssrc, *delays, UNKNOWN_MS, UNKNOWN_MS)
        kind = SAMPLED | ADAPTIVE * self.adaptive
        head = struct.pack(">BBH", JITTER_BUFFER, kind, len(body) // 4)
        return _packet(XR, 0, _word(self.reporter), head, body)


Rtcp = SenderReport | ReceiverReport | SourceName | Bye | LossRuns | PlayoutDelay


def build(packets: Iterable[Rtcp]) -> bytes:
    """One datagram."""
    return b"".join(map(bytes, packets))


def parse(data: bytes) -> list[Rtcp]:
    """The packets of one datagram that are known here; PacketError where it is malformed."""
    found: list[Rtcp] = []
    at = 0
    while at < len(data):
        if at + 4 > len(data) or data[at] >> 6 != VERSION:
            raise PacketError("RTCP packet: has no valid header")
        count, kind = data[at] & 31, data[at + 1]
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            raise PacketError(f"RTCP packet: of type {kind} is cut off")
        body = data[at + 4 : end]
        if data[at] & 32:
            if not body or not 1 <= body[-1] <= len(body):
                raise PacketError("RTCP packet: its padding does not fit in")
            body = body[: -body[-1]]
        try:
            found += _known(kind, count, body)
        except (struct.error, IndexError) as reason:
            raise PacketError(f"RTCP packet: of type {kind} is too short") from reason
        at = end
    return found


def ntp_time(unix_s: float) -> int:
    """Seconds since 1970 as 64 bits of NTP time."""
    return int((unix_s + NTP_UNIX) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def _word(value: int) -> bytes:
    return struct.pack(">I", value)


def _packet(kind: int, count: int, *parts: bytes) -> bytes:
    if count > MAX_REPORTS:
        raise ValueError(f"an RTCP packet holds at most {MAX_REPORTS} of them, got {count}")
    body = b"".join(parts)
    return struct.pack(">BBH", VERSION << 6 | count, kind, len(body) // 4) + body


def _known(kind: int, count: int, body: bytes) -> list[Rtcp]:
    if kind == SR:
        ssrc = struct.unpack_from(">I", body)[0]
        ntp, timestamp, packets, octets = SENDER.unpack_from(body, 4)
        reports = _reports(body[4 + SENDER.size :], count)
        return [SenderReport(ssrc, ntp, timestamp, packets, octets, reports)]
    if kind == RR:
        return [ReceiverReport(struct.unpack_from(">I", body)[0], _reports(body[4:], count))]
    if kind == SDES:
        return _names(body, count)
    if kind == BYE:
        ssrcs = struct.unpack_from(f">{count}I", body)
        text = body[4 * count + 1 : 4 * count + 1 + body[4 * count]] if body[4 * count :] else b""
        return [Bye(ssrcs, text.decode("utf-8", "replace"))]
    return _extended(body) if kind == XR else []


def _reports(data: bytes, count: int) -> tuple[ReportBlock, ...]:
    size = REPORT.size
    return tuple(ReportBlock.parse(data[i * size : (i + 1) * size]) for i in range(count))


def _names(body: bytes, count: int) -> list[Rtcp]:
    names: list[Rtcp] = []
    at = 0
    for _ in range(count):
        (ssrc,) = struct.unpack_from(">I", body, at)
        at += 4
        while body[at]:
            item, length = body[at], body[at + 1]
            if item == CNAME:
                text = body[at + 2 : at + 2 + length]
                names.append(SourceName(ssrc, text.decode("utf-8", "replace")))
            at += 2 + length
        at += 4 - at % 4
    return names


def _extended(body: bytes) -> list[Rtcp]:
    (reporter,) = struct.unpack_from(">I", body)
    found: list[Rtcp] = []
    at = 4
    while at < len(body):
        kind, options, words = struct.unpack_from(">BBH", body, at)
        block = body[at + 4 : at + 4 + 4 * words]
        at += 4 + 4 * words
        if kind == LOSS_RLE and not options & 15:  # no thinning
            found.append(_loss_runs(reporter, block))
        elif kind == JITTER_BUFFER:
            ssrc, nominal, maximum, _, _ = BUFFER.unpack_from(block)
            if max(nominal, maximum) <= LONGEST_MS:
                found.append(
                    PlayoutDelay(reporter, ssrc, nominal, maximum, bool(options & ADAPTIVE))
                )
    return found


def _loss_runs(reporter: int, block: bytes) -> LossRuns:
    ssrc, begin, end = RLE_HEADER.unpack_from(block)
    count = (end - begin) & 0xFFFF
    flags: list[int] = []
    for (chunk,) in struct.iter_unpack(">H", block[RLE_HEADER.size :]):
        if chunk & 0x8000:  # a vector of 15 bits, 1 is received
            flags += [1 - (chunk >> bit & 1) for bit in range(14, -1, -1)]
        elif chunk:
            flags += [1 - (chunk >> 14)] * (chunk & MAX_RUN)
        else:
            break
        if len(flags) > count:
            break
    return LossRuns(reporter, ssrc, begin, tuple(flags[:count]))


def _runs(flags: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for flag in flags:
        if runs and runs[-1][0] == flag:
            runs[-1] = (flag, runs[-1][1] + 1)
        else:
            runs.append((flag, 1))
    return runs


def _chunks(flag: int, count: int) -> Iterable[int]:
    while count:
        run = min(count, MAX_RUN)
        yield (1 - flag) << 14 | run
        count -= run
