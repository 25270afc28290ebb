# SPDX-License-Identifier: BSD-3-Clause
"""Opus over RTP (RFC 7587): packets, redundancy, descriptions, reports. Opens no socket and reads
no clock; makes no audio."""

from dred.rtp.packet import HeaderExtension, RtpPacket, is_rtcp
from dred.rtp.sdp import OpusFormat, SdpError
from dred.rtp.session import RtpReceiver, RtpSender

__all__ = [
    "HeaderExtension",
    "OpusFormat",
    "RtpPacket",
    "RtpReceiver",
    "RtpSender",
    "SdpError",
    "is_rtcp",
]
