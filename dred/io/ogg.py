# SPDX-License-Identifier: BSD-3-Clause
"""Ogg Opus files (RFC 7845): packets, header and exact length; knows no codec.

The first two packets are OpusHead and OpusTags, each on pages of its own; the others are Opus
packets. Granule positions count 48 kHz samples whatever the rate of the audio, pre-skip included:
the sound of a file is what its packets decode to, without the first `pre_skip` samples, and ends
where the granule position of the last page says.
"""

import io
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from dred.errors import AudioError
from dred.io.files import read_bytes, write_bytes
from dred.io.ogg_page import (
    CONTINUED,
    FIRST,
    LAST,
    MAX_SEGMENTS,
    NO_GRANULE,
    Damage,
    Page,
    lacing_values,
    paginate,
    read_pages,
)
from dred.units import GRANULE_RATE

HEAD = struct.Struct("<8sBBHIhB")
HEAD_MAGIC = b"OpusHead"
TAGS_MAGIC = b"OpusTags"
# Delay of libopus' encoder in its VoIP and audio applications, 6.5 ms.
DEFAULT_PRE_SKIP = 312
# Duration of the audio on a page, in granule units: half a second keeps seeking and streaming
# quick (RFC 7845 section 3 asks for at most one).
PAGE_DURATION = GRANULE_RATE // 2
# The longest hole in a damaged file that is told packet by packet, in granule units.
LONGEST_HOLE = 60 * GRANULE_RATE


@dataclass(frozen=True)
class OpusHead:
    """Identification header: how to start a decoder."""

    channels: int = 1
    pre_skip: int = DEFAULT_PRE_SKIP  # samples at 48 kHz
    input_rate: int = GRANULE_RATE  # of the original, for information
    gain_q8: int = 0  # dB * 256, to be applied to the output

    def __bytes__(self) -> bytes:
        if self.channels not in (1, 2):
            raise ValueError(f"channels must be 1 or 2, not {self.channels}")
        return HEAD.pack(
            HEAD_MAGIC, 1, self.channels, self.pre_skip, self.input_rate, self.gain_q8, 0
        )

    @classmethod
    def parse(cls, data: bytes) -> "OpusHead":
        """ValueError says what is unusual; RFC 7845 section 5.1."""
        if len(data) < HEAD.size or not data.startswith(HEAD_MAGIC):
            raise ValueError("no OpusHead packet")
        _, version, channels, pre_skip, input_rate, gain_q8, mapping = HEAD.unpack_from(data)
        if version >> 4 != 0:
            raise ValueError(f"OpusHead of the unknown version {version}")
        if mapping != 0 or channels not in (1, 2):
            raise ValueError(
                f"{channels} channels in mapping family {mapping}; only mono and stereo are read"
            )
        return cls(channels, pre_skip, input_rate, gain_q8)


@dataclass(frozen=True)
class OpusTags:
    """Comment header: who wrote the file, and `KEY=value` comments."""

    vendor: str = "dred"
    comments: tuple[str, ...] = ()

    def __bytes__(self) -> bytes:
        out = [TAGS_MAGIC, _text(self.vendor), struct.pack("<I", len(self.comments))]
        return b"".join(out + [_text(comment) for comment in self.comments])

    @classmethod
    def parse(cls, data: bytes) -> "OpusTags":
        """Lenient, as tags do not matter for the sound: what is cut off is left out."""
        if not data.startswith(TAGS_MAGIC):
            raise ValueError("no OpusTags packet")
        at = len(TAGS_MAGIC)
        texts: list[str] = []
        wanted = 1
        while len(texts) < wanted and at + 4 <= len(data):
            size = int.from_bytes(data[at : at + 4], "little")
            texts.append(data[at + 4 : at + 4 + size].decode("utf-8", "replace"))
            at += 4 + size
            if len(texts) == 1:
                wanted += int.from_bytes(data[at : at + 4], "little")
                at += 4
        return cls(texts[0] if texts else "", tuple(texts[1:]))


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<I", len(data)) + data


def packet_duration(packet: bytes) -> int:
    """Samples at 48 kHz in an Opus packet, from its first two bytes (RFC 6716 section 3.1); 0 for
    what is no Opus packet."""
    if not packet:
        return 0
    config = packet[0] >> 3
    if config < 12:  # SILK: 10, 20, 40, 60 ms
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:  # hybrid: 10, 20 ms
        frame = (480, 960)[config & 1]
    else:  # CELT: 2.5, 5, 10, 20 ms
        frame = 120 << (config & 3)
    code = packet[0] & 3
    if code == 3:
        return frame * (packet[1] & 63) if len(packet) > 1 else 0
    return frame * (1 if code == 0 else 2)


@dataclass
class OggOpus:
    """The content of an Ogg Opus file."""

    head: OpusHead
    tags: OpusTags
    # Empty where a page with a packet is missing.
    packets: list[bytes]
    # Samples at 48 kHz to play, after the pre-skip; None where the file does not say (cut off).
    total_samples: int | None = None
    # What was wrong with the file, one line each.
    warnings: list[str] = field(default_factory=list)

    @property
    def duration(self) -> int:
        """Samples at 48 kHz to play: as the file says, else as long as its packets last."""
        lasting = sum(map(packet_duration, self.packets)) - self.head.pre_skip
        return max(0, lasting if self.total_samples is None else self.total_samples)


class OggOpusWriter:
    """Writes packets one by one into a binary stream; `close` sets the exact length."""

    def __init__(
        self,
        stream: io.RawIOBase | io.BufferedIOBase,
        head: OpusHead,
        tags: OpusTags | None = None,
        serial: int = 0x64726564,
    ) -> None:
        self._stream = stream
        self._head = head
        self._serial = serial
        self._sequence = 0
        self._granule = 0  # after the packets written
        self._pending: list[bytes] = []
        self._pending_duration = 0
        self._write([bytes(head)], 0, FIRST)
        self._write([bytes(tags or OpusTags())], 0)

    def write(self, packet: bytes) -> None:
        """Append a packet (which must be a valid one: its duration is read from it)."""
        duration = packet_duration(packet)
        if duration == 0:
            raise ValueError("not an Opus packet: its duration cannot be told")
        self._pending.append(bytes(packet))
        self._pending_duration += duration
        # Half a second stays behind, so that the last page is long enough for end trimming.
        while self._pending_duration >= 2 * PAGE_DURATION:
            self._write_pending(self._page_of_pending())

    def close(self, total_samples: int | None = None) -> None:
        """Write the end. total_samples: length of the sound at 48 kHz without the pre-skip; at
        most half a second shorter than the packets last. Does not close the stream."""
        end = self._granule + self._pending_duration
        wanted = end if total_samples is None or end == 0 else self._head.pre_skip + total_samples
        if wanted > end:
            raise ValueError(f"{wanted} samples to play, but the packets last only {end}")
        if wanted < self._granule:
            raise ValueError("more to trim than is left to write")
        # Granule positions may not decrease: only the last page reaches beyond the end.
        while 0 < (count := self._page_of_pending(wanted)) < len(self._pending):
            self._write_pending(count)
        self._write(self._pending, wanted, LAST)
        self._pending = []

    def _page_of_pending(self, until: int | None = None) -> int:
        """How many of the pending packets go on the next page (and end at granule `until`)."""
        count = duration = segments = 0
        for packet in self._pending:
            segments += len(lacing_values(len(packet)))
            if count and (segments > MAX_SEGMENTS or duration >= PAGE_DURATION):
                break
            duration += packet_duration(packet)
            if until is not None and self._granule + duration > until:
                break
            count += 1
        return count

    def _write_pending(self, count: int) -> None:
        duration = sum(map(packet_duration, self._pending[:count]))
        self._granule += duration
        self._pending_duration -= duration
        self._write(self._pending[:count], self._granule)
        del self._pending[:count]

    def _write(self, packets: list[bytes], granule: int, flags: int = 0) -> None:
        pages = paginate(
            packets, granule=granule, serial=self._serial, sequence=self._sequence, flags=flags
        )
        self._sequence += len(pages)
        for page in pages:
            self._stream.write(bytes(page))


def write_ogg(
    path: str | os.PathLike[str],
    packets: Iterable[bytes],
    head: OpusHead,
    tags: OpusTags | None = None,
    total_samples: int | None = None,
) -> None:
    """Write a whole Ogg Opus file; `-` is standard output. See OggOpusWriter.close for
    total_samples."""
    memory = io.BytesIO()
    writer = OggOpusWriter(memory, head, tags)
    for packet in packets:
        writer.write(packet)
    writer.close(total_samples)
    write_bytes(path, memory.getvalue(), AudioError)


def read_ogg(path: str | os.PathLike[str]) -> OggOpus:
    """Read an Ogg Opus file; `-` is standard input. A damaged file gives the packets that are
    complete, and warnings."""
    return parse_ogg(read_bytes(path, AudioError), os.fspath(path))


def parse_ogg(data: bytes, name: str = "Ogg file") -> OggOpus:
    """As read_ogg, from memory; `name` is for messages."""
    reader = _Reader(name)
    for item in read_pages(data):
        if isinstance(item, Damage):
            reader.damage(item)
        else:
            reader.page(item)
    return reader.result()


class _Reader:
    """Takes pages in order, joins packets of the first Opus stream, keeps its granules."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._serial: int | None = None
        self._sequence: int | None = None
        self._partial: bytes | None = None  # start of a packet that continues on the next page
        self._packets: list[bytes] = []
        self._start: int | None = None  # granule position before the first audio packet
        self._end: int | None = None  # granule position of the last page, if it was there
        self._latest: int | None = None  # granule position of the latest page that has one
        self._is_over = False
        self._warnings: list[str] = []

    def damage(self, damage: Damage) -> None:
        if self._serial is not None:
            self._warn(f"{damage.what} at byte {damage.offset}")

    def page(self, page: Page) -> None:
        if self._serial is None and page.flags & FIRST and page.body.startswith(HEAD_MAGIC):
            self._serial = page.serial
        if page.serial != self._serial:
            return
        if self._is_over:
            self._warn("a second stream follows; only the first is read")
            return
        expected = page.sequence if self._sequence is None else (self._sequence + 1) % 2**32
        is_behind_hole = page.sequence != expected
        if is_behind_hole:
            self._warn(f"pages are missing before page {page.sequence}")
            self._partial = None
        self._sequence = page.sequence
        before = len(self._packets)
        self._join(page)
        self._place(page, before)
        if page.granule != NO_GRANULE and len(self._packets) > max(before, 2):
            if is_behind_hole:
                self._fill(page, max(before, 2))
            self._latest = page.granule

    def result(self) -> OggOpus:
        if self._serial is None:
            raise AudioError(
                f"{self._name}: is neither an Ogg Opus file (dred encode makes one) nor a capture "
                "(pcap, pcapng)"
            )
        try:
            head = OpusHead.parse(self._packets[0] if self._packets else b"")
            tags = OpusTags.parse(self._packets[1] if len(self._packets) > 1 else b"")
        except ValueError as reason:
            raise AudioError(f"{self._name}: cannot be decoded: {reason}") from None
        if not self._is_over and not self._warnings:  # one line is enough for a cut file
            self._warn("the end is missing")
        total = None
        if self._end is not None and self._start is not None:
            total = max(0, self._end - self._start - head.pre_skip)
        return OggOpus(head, tags, self._packets[2:], total, self._warnings)

    def _warn(self, text: str) -> None:
        line = f"{self._name}: {text}"
        if line not in self._warnings:
            self._warnings.append(line)

    def _join(self, page: Page) -> None:
        is_continued = bool(page.flags & CONTINUED)
        if not is_continued:
            self._partial = None
        for index, (piece, is_complete) in enumerate(page.pieces()):
            whole = piece
            if index == 0 and is_continued:
                if self._partial is None:
                    continue  # its start was on a page that is missing
                whole = self._partial + piece
            self._partial = None if is_complete else whole
            if is_complete:
                self._packets.append(whole)

    def _fill(self, page: Page, before: int) -> None:
        """Put an empty packet for each that the granule positions say is missing."""
        added = self._packets[before:]
        frame = packet_duration(added[0])
        if self._latest is None or frame == 0:
            return
        hole = page.granule - self._latest - sum(map(packet_duration, added))
        if 0 < hole <= LONGEST_HOLE:
            self._packets[before:before] = [b""] * round(hole / frame)

    def _place(self, page: Page, before: int) -> None:
        """Keep the granule positions at both ends of the audio."""
        added = self._packets[max(before, 2) :]
        if page.granule != NO_GRANULE and added and self._start is None:
            # A stream need not start at 0 (RFC 7845 section 4.3), but one whose first page is
            # also the last and trimmed does (section 4.4).
            lasting = sum(map(packet_duration, added))
            self._start = 0 if page.flags & LAST else max(0, page.granule - lasting)
        if page.flags & LAST:
            self._is_over = True
            if page.granule != NO_GRANULE:
                self._end = page.granule
                self._start = self._start or 0
