# SPDX-License-Identifier: BSD-3-Clause
"""Opus packets with their extensions; knows no audio and no networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from dred.errors import PacketError
from dred.packet import _bindings
from dred.packet._bindings import Extension
from dred.packet.toc import Toc
from dred.payload import Payload, decode_payload
from dred.profile import OPUS, Profile
from dred.units import units_to_ms

DRED_ID = 126
DRED_TAG = b"D"
PREFIX_BYTES = 2  # tag and version
_MAX_PAYLOAD = 4096


@dataclass(frozen=True)
class Packet:
    """An Opus packet, never changed: the methods return new ones."""

    data: bytes

    @classmethod
    def parse(cls, data: bytes) -> Packet:
        """Check and take a packet, or PacketError."""
        packet = cls(bytes(data))
        packet._info  # noqa: B018 - raises for a malformed packet
        return packet

    def __bytes__(self) -> bytes:
        return self.data

    def __len__(self) -> int:
        return len(self.data)

    @cached_property
    def _info(self) -> _bindings.PacketInfo:
        return _bindings.packet_parse(self.data)

    @cached_property
    def toc(self) -> Toc:
        return Toc.parse(self._info.toc)

    @property
    def frames(self) -> tuple[bytes, ...]:
        """The coded frames; an empty one was not transmitted."""
        return self._info.frames

    @property
    def padding(self) -> bytes:
        """The extension area as it lies in the packet."""
        return self._info.padding

    @property
    def duration_ms(self) -> float:
        return units_to_ms(self._info.frame_units * len(self.frames))

    @cached_property
    def _extensions(self) -> tuple[list[Extension], bool]:
        return _bindings.packet_extensions(self.data)

    @property
    def extensions(self) -> list[Extension]:
        """In the order of the bitstream; those before an error where the area is malformed."""
        return list(self._extensions[0])

    @property
    def extensions_valid(self) -> bool:
        return self._extensions[1]

    def dred_payload(self, profile: Profile = OPUS) -> bytes | None:
        """The bytes of the DRED payload of a profile, prefix excluded."""
        found = _bindings.packet_find(self.data, profile.version)
        return None if found is None else self.data[found[0] : found[0] + found[1]]

    @cached_property
    def dred(self) -> Payload | None:
        """The decoded DRED payload, of the profile of libopus."""
        return self.described(OPUS)

    def described(self, profile: Profile) -> Payload | None:
        """The decoded DRED payload of a profile; its offset includes the position of the frame that
        carries it."""
        found = _bindings.packet_find(self.data, profile.version)
        if found is None:
            return None
        start, size, frame_offset = found
        payload = decode_payload(self.data[start : start + size], profile=profile)
        return replace(payload, offset=payload.offset + frame_offset)

    @property
    def has_lbrr(self) -> bool:
        """Whether in-band FEC of the packet before is inside."""
        return _bindings.packet_has_lbrr(self.data)

    @property
    def voice(self) -> bool:
        """Whether the SILK encoder judged the first frame to hold voice (its first VAD flag, RFC
        6716 section 4.2.3); CELT packets do not say and count as voice."""
        first = self.frames[0]
        return self.toc.mode == "celt" or (len(first) > 0 and bool(first[0] & 0x80))

    def why_no_dred(self, profile: Profile = OPUS) -> str:
        """Why there is no DRED of a profile, as far as the packet itself tells; empty where there
        is."""
        if _bindings.packet_find(self.data, profile.version) is not None:
            return ""
        if self.data[0] & 3 != 3:
            return "none sent"  # only packets of code 3 have padding (RFC 6716 section 3.2.5)
        if not self.extensions_valid:
            return "malformed extensions"
        ours = [e.data for e in self.extensions if e.id == DRED_ID]
        if not ours:
            return "none sent"
        if ours[0][:1] != DRED_TAG or len(ours[0]) < PREFIX_BYTES:
            return "other experiment"
        return "empty payload" if ours[0][1] == profile.version else "other version"

    def with_dred(self, payload: bytes, profile: Profile = OPUS) -> Packet:
        """With this payload (without prefix) of a profile in frame 0 instead of any present; the
        other extensions stay, payloads of other profiles as well."""
        if not 1 <= len(payload) <= _MAX_PAYLOAD:
            raise ValueError(f"a payload has 1 to {_MAX_PAYLOAD} bytes, not {len(payload)}")
        return Packet(_bindings.packet_attach(self.data, profile.version, bytes(payload)))

    def with_extensions(self, extensions: Sequence[Extension], pad_to: int = 0) -> Packet:
        """With these extensions only, padded to pad_to bytes unless that is 0."""
        return Packet(_bindings.packet_build(self.data, extensions, pad_to))

    def without_extensions(self) -> Packet:
        """Without any padding: the same frames in the smallest form."""
        return self.with_extensions([])

    def cost_of(self, payload_bytes: int, profile: Profile = OPUS) -> int:
        """Bytes by which a DRED payload of this size makes the packet larger."""
        return _bindings.packet_cost(self.data, profile.version, payload_bytes + PREFIX_BYTES)


def attach_payload(data: bytes, payload: bytes, version: int = OPUS.version) -> bytes:
    """The packet with this DRED payload (without prefix), of the profile with this version."""
    return _bindings.packet_attach(data, version, payload)


def duration_ms(data: bytes) -> float:
    """Duration of all frames of a packet, or PacketError."""
    return units_to_ms(_bindings.packet_units(data))


def has_lbrr(data: bytes) -> bool:
    """Whether a packet carries in-band FEC of the one before; False where it is malformed."""
    try:
        return _bindings.packet_has_lbrr(data)
    except PacketError:
        return False


def why_no_dred(data: bytes, profile: Profile = OPUS) -> str:
    """Why a packet carries no DRED of a profile; empty where it does."""
    try:
        return Packet(bytes(data)).why_no_dred(profile)
    except PacketError:
        return "malformed packet"
