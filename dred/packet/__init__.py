# SPDX-License-Identifier: BSD-3-Clause
"""Opus packets and their padding extensions; imports no codec."""

from dred.packet._bindings import Extension
from dred.packet.packet import Packet, attach_payload, duration_ms, has_lbrr, why_no_dred
from dred.packet.toc import Toc

__all__ = [
    "Extension",
    "Packet",
    "Toc",
    "attach_payload",
    "duration_ms",
    "has_lbrr",
    "why_no_dred",
]
