# SPDX-License-Identifier: BSD-3-Clause
"""Session descriptions (RFC 8866) of an Opus stream: what a call offers; negotiates nothing.

The parameters of Opus are those of RFC 7587, RED is announced as in RFC 2198 section 5, and DRED as
in draft-ietf-mlcodec-opus-dred (-01, "Opus Media Type Update") by `ext32-dred-duration`: the
milliseconds of past speech that a receiver can make use of, and `sprop-ext32-dred-duration`: those
that a sender sends. 32 is the extension number that the draft wants; until it is assigned, packets
carry the experimental 126, so that other numbers are understood as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from dred.digits import whole
from dred.errors import DredError
from dred.rtp.red import MAX_COPIES

CLOCK_RATE = 48000
DRED_ID = 32
LARGEST_TYPE, LARGEST_PORT = 127, 65535
_DRED = re.compile(r"(sprop-)?ext-?([0-9]{1,3})-dred-duration")
# fmtp parameter: (field, type).
_PARAMETERS: dict[str, tuple[str, type]] = {
    "maxplaybackrate": ("max_playback_rate", int),
    "sprop-maxcapturerate": ("max_capture_rate", int),
    "maxaveragebitrate": ("max_average_bitrate", int),
    "stereo": ("stereo", bool),
    "sprop-stereo": ("sends_stereo", bool),
    "cbr": ("cbr", bool),
    "useinbandfec": ("inband_fec", bool),
    "usedtx": ("dtx", bool),
}


class SdpError(DredError, ValueError):
    """A session description is malformed, or holds no Opus."""

    code = -104


@dataclass(frozen=True)
class OpusFormat:
    """An Opus stream as SDP describes it. None or False: not said.

    dred_ms: DRED the receiver can use; sends_dred_ms: what the sender sends. red_copies: copies
    that RED payloads hold at most, where red_type is given.
    """

    payload_type: int = 111
    red_type: int | None = None
    red_copies: int = 1
    inband_fec: bool = False
    dtx: bool = False
    stereo: bool = False
    sends_stereo: bool = False
    cbr: bool = False
    max_playback_rate: int | None = None
    max_capture_rate: int | None = None
    max_average_bitrate: int | None = None
    ptime: int | None = None
    maxptime: int | None = None
    dred_ms: int | None = None
    sends_dred_ms: int | None = None
    dred_id: int = DRED_ID

    @property
    def types(self) -> list[int]:
        """Payload types, the one that is sent first."""
        return [t for t in (self.red_type, self.payload_type) if t is not None]

    def attributes(self) -> list[str]:
        """The `a=` lines of the media section."""
        lines = []
        if self.red_type is not None:
            levels = "/".join([str(self.payload_type)] * (self.red_copies + 1))
            lines += [
                f"a=rtpmap:{self.red_type} red/{CLOCK_RATE}/2",
                f"a=fmtp:{self.red_type} {levels}",
            ]
        # Always two channels: RFC 7587 section 7.
        lines.append(f"a=rtpmap:{self.payload_type} opus/{CLOCK_RATE}/2")
        parameters = self.parameters()
        if parameters:
            lines.append(f"a=fmtp:{self.payload_type} {parameters}")
        for name, value in (("ptime", self.ptime), ("maxptime", self.maxptime)):
            if value is not None:
                lines.append(f"a={name}:{value}")
        return lines

    def parameters(self) -> str:
        """The format parameters of Opus, as in its fmtp line."""
        said = [(name, getattr(self, field)) for name, (field, _) in _PARAMETERS.items()]
        said += [
            (f"ext{self.dred_id}-dred-duration", self.dred_ms),
            (f"sprop-ext{self.dred_id}-dred-duration", self.sends_dred_ms),
        ]
        return ";".join(
            f"{name}={int(value)}"
            for name, value in said
            if value is not None and value is not False
        )


@dataclass(frozen=True)
class Session:
    """Where an Opus stream goes, and what it is."""

    address: str
    port: int
    format: OpusFormat
    rtcp_mux: bool = True
    name: str = "dred"

    def __str__(self) -> str:
        """The text of an SDP file, as players take it."""
        version = "IP6" if ":" in self.address else "IP4"
        types = " ".join(map(str, self.format.types))
        lines = [
            "v=0",
            f"o=- 0 0 IN {version} {self.address}",
            f"s={self.name}",
            f"c=IN {version} {self.address}",
            "t=0 0",
            f"m=audio {self.port} RTP/AVP {types}",
            *self.format.attributes(),
            *(["a=rtcp-mux"] if self.rtcp_mux else []),
        ]
        return "\r\n".join(lines) + "\r\n"


def parse(text: str) -> Session:
    """The first media section with Opus of a description, or SdpError."""
    address, name = "", ""
    sections: list[list[str]] = [[]]
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("m="):
            sections.append([])
        if line:
            sections[-1].append(line)
    for line in sections[0]:
        if line.startswith("s="):
            name = line[2:]
        address = _connection(line) or address
    for section in sections[1:]:
        opus = _opus_type(section)
        if opus is not None:
            here = next(filter(None, map(_connection, section)), address)
            return Session(here, _port(section[0]), _format(section, opus),
                           "a=rtcp-mux" in section, name)  # fmt: skip
    raise SdpError("SDP: no audio section with an rtpmap of opus/48000/2")


def _connection(line: str) -> str:
    words = line[2:].split()
    # Multicast addresses may carry a time to live after a slash.
    return words[2].split("/")[0] if line.startswith("c=") and len(words) == 3 else ""


def _port(media: str) -> int:
    words = media.split()
    port = whole(words[1].split("/")[0], LARGEST_PORT) if len(words) >= 4 else None
    if port is None:
        raise SdpError(f"SDP: {media[:80]!r} is no media line")
    return port


def _attributes(section: list[str], name: str) -> list[tuple[int, str]]:
    """(payload type, value) of rtpmap or fmtp lines."""
    found = []
    for line in section:
        head, _, value = line.partition(" ")
        kind, _, number = head.partition(":")
        payload_type = whole(number, LARGEST_TYPE)
        if kind == f"a={name}" and payload_type is not None:
            found.append((payload_type, value.strip()))
    return found


def _opus_type(section: list[str]) -> int | None:
    if not section[0].startswith("m=audio "):
        return None
    wanted = f"opus/{CLOCK_RATE}/2"
    maps = _attributes(section, "rtpmap")
    return next((number for number, value in maps if value.lower() == wanted), None)


def _format(section: list[str], opus: int) -> OpusFormat:
    fields: dict[str, Any] = {"payload_type": opus}
    for number, value in _attributes(section, "rtpmap"):
        if value.lower() in (f"red/{CLOCK_RATE}/2", f"red/{CLOCK_RATE}"):
            fields["red_type"] = number
    for number, value in _attributes(section, "fmtp"):
        if number == opus:
            fields |= _parameters(value)
        elif number == fields.get("red_type"):
            levels = value.split(";")[0].split("/")
            fields["red_copies"] = max(1, min(len(levels) - 1, MAX_COPIES))
    for line in section:
        kind, _, value = line.partition(":")
        if kind in ("a=ptime", "a=maxptime"):
            fields[kind[2:]] = _whole(kind[2:], value)
    return OpusFormat(**fields)


def _parameters(text: str) -> dict[str, Any]:
    """Fields out of an fmtp line; parameters that are not known are left out (RFC 7587 7)."""
    fields: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        name, _, value = (word.strip() for word in part.partition("="))
        name = name.lower()
        dred = _DRED.fullmatch(name)
        if dred:
            fields["sends_dred_ms" if dred[1] else "dred_ms"] = _whole(name, value)
            fields["dred_id"] = int(dred[2])
        elif name in _PARAMETERS:
            field, kind = _PARAMETERS[name]
            fields[field] = kind(_whole(name, value))
    return fields


def _whole(name: str, text: str) -> int:
    # "20.0" is seen for ptime.
    try:
        value = float(text)
    except ValueError:
        raise SdpError(f"SDP: {name} is {text!r}, which is no number") from None
    if not 0 <= value < 1 << 31:
        raise SdpError(f"SDP: {name} is {text}, which is out of range")
    return int(value)
