# SPDX-License-Identifier: BSD-3-Clause
"""Addresses and UDP sockets; knows nothing of what is sent."""

from __future__ import annotations

import ipaddress
import socket

from dred.digits import whole

Address = tuple[str, int]

# A receiver that synthesises speech may be away for some tens of ms; the kernel may give less.
RECEIVE_BUFFER = 1 << 20
MAX_DATAGRAM = 65535
LARGEST_PORT = 65535
# Taken at once: who sends faster than they are taken must not stop the clock of the rest.
MOST_AT_ONCE = 1000


def parse_address(text: str) -> Address:
    """An address from its text: 127.0.0.1:5004, [::1]:5004, name:5004 or :5004 (any interface)."""
    host, colon, digits = text.rpartition(":")
    port = whole(digits, LARGEST_PORT)
    if not colon or port is None:
        raise ValueError(f"{text!r} is no address; write HOST:PORT, such as 127.0.0.1:5004")
    host = host.removeprefix("[").removesuffix("]")
    return host or "0.0.0.0", port


def format_address(address: Address) -> str:
    """The text that parse_address takes."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolve(address: Address) -> Address:
    """The same with a numeric host. An OSError names the address."""
    try:
        found = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)
    except OSError as reason:
        raise _named(address, reason) from None
    host, port = found[0][4][:2]
    return str(host), int(port)


def open_socket(bind: Address | None = None, connect: Address | None = None) -> socket.socket:
    """A UDP socket that never blocks, bound or connected as asked."""
    numeric = resolve(bind or connect or ("127.0.0.1", 0))
    version = ipaddress.ip_address(numeric[0].partition("%")[0]).version
    made = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        made.setblocking(False)
        if bind is not None:
            _bind(made, numeric)
        if connect is not None:
            made.connect(resolve(connect))
    except BaseException:
        made.close()
        raise
    return made


def _bind(made: socket.socket, address: Address) -> None:
    try:
        made.bind(address)
    except OSError as reason:
        raise _named(address, reason) from None


def _named(address: Address, reason: OSError) -> OSError:
    return OSError(f"{format_address(address)}: {reason.strerror}; give an address of this network")


def drain(source: socket.socket) -> list[tuple[bytes, Address]]:
    """The datagrams that wait, no more than MOST_AT_ONCE, with where they came from. Errors of the
    network end it, and are not raised: it may come back."""
    found: list[tuple[bytes, Address]] = []
    while len(found) < MOST_AT_ONCE:
        try:
            data, peer = source.recvfrom(MAX_DATAGRAM)
        except ConnectionRefusedError:
            # Nobody listened when we sent; that says nothing of what comes.
            continue
        except OSError:  # nothing waits, or the network is away
            break
        found.append((data, (peer[0], peer[1])))
    return found


def never() -> bool:
    """Whether to end, where nobody asks for it."""
    return False
