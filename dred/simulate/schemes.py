# SPDX-License-Identifier: BSD-3-Clause
"""Schemes against loss, by name: what the sender adds and what the receiver does without it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dred.peer import require
from dred.rtp.red import MAX_COPIES


@dataclass(frozen=True)
class Scheme:
    """lbrr: None leaves it to the sender. red: copies of earlier packets in each (RFC 2198).
    concealment: of what nothing describes: "neural", "classic" (libopus's own) or "silence".
    peer: libopus sends and receives, with DRED and networks of its own."""

    lbrr: bool | None = False
    dred: bool = False
    red: int = 0
    concealment: str = "neural"
    lossless: bool = False
    peer: bool = False


# Those worth a comparison; find_scheme knows all sums of lbrr, dred and red:N.
SCHEMES = {
    "clean": Scheme(lossless=True, concealment="classic"),
    "none": Scheme(concealment="silence"),
    "plc": Scheme(concealment="classic"),
    "neural-plc": Scheme(),
    "lbrr": Scheme(lbrr=True),
    "red:1": Scheme(red=1),
    "red:2": Scheme(red=2),
    "dred": Scheme(dred=True),
    "dred+lbrr": Scheme(dred=True, lbrr=True),
    "dred+auto": Scheme(dred=True, lbrr=None),
    "dred+red:1": Scheme(dred=True, red=1),
}
# Those that need a libopus with DRED (see dred.peer).
PEER_SCHEMES = {
    f"libopus-{name}": replace(SCHEMES[name], peer=True)
    for name in ("neural-plc", "lbrr", "dred", "dred+lbrr")
}


def find_scheme(name: str) -> Scheme:
    """The scheme of this name, or a ValueError that lists them; DredError where it needs another
    libopus than the one at hand."""
    if name in PEER_SCHEMES:
        require()
        return PEER_SCHEMES[name]
    return SCHEMES[name] if name in SCHEMES else _sum(name)


def _sum(name: str) -> Scheme:
    parts = name.split("+")
    copies = {f"red:{count}": count for count in range(1, MAX_COPIES + 1)}
    kinds = ["copies" if part in copies else part for part in parts]
    if not set(kinds) <= {"lbrr", "dred", "copies"} or len(set(kinds)) < len(kinds):
        raise ValueError(
            f"unknown scheme {name!r}; there are {', '.join([*SCHEMES, *PEER_SCHEMES])}, and sums "
            f"of lbrr, dred and red:N with N from 1 to {MAX_COPIES}"
        )
    red = next((copies[part] for part in parts if part in copies), 0)
    return Scheme(lbrr="lbrr" in kinds, dred="dred" in kinds, red=red)
