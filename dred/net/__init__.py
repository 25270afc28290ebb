# SPDX-License-Identifier: BSD-3-Clause
"""Live calls over UDP: sender, receiver, and a relay that impairs. Knows no file formats; plain
sockets and one loop each, no threads."""

from dred.net.address import format_address, parse_address
from dred.net.receive import LiveReceiver
from dred.net.relay import Relay
from dred.net.send import LiveSender

__all__ = ["LiveReceiver", "LiveSender", "Relay", "format_address", "parse_address"]
