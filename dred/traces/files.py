# SPDX-License-Identifier: BSD-3-Clause
"""Trace files of every kind, told apart by content when read and by name when written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dred.errors import TraceError
from dred.io.files import STANDARD_STREAM, read_bytes, write_bytes
from dred.io.pcap import is_capture
from dred.traces.formats import Trace, as_trace, format_trace, parse_trace
from dred.traces.models import DEFAULT_PACKET_MS
from dred.traces.times import format_times, has_times, parse_times
from dred.traces.transit import Transit

CAPTURES = (".pcap", ".pcapng")
SUFFIXES = (".txt", ".csv", ".rle", *CAPTURES)


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """The losses of a trace file of any kind; `-` is standard input."""
    found = _read(path)
    return found.lost if isinstance(found, Transit) else found


def read_transit(
    path: str | os.PathLike[str], packet_ms: float = DEFAULT_PACKET_MS
) -> tuple[Transit, bool]:
    """The same with all that the file knows, and whether it knows times. Where it does not, packets
    are sent every packet_ms and come at once."""
    found = _read(path)
    if isinstance(found, Transit):
        return found, True
    return Transit.undisturbed(np.zeros(len(found), np.int64), packet_ms).losing(found), False


def _read(path: str | os.PathLike[str]) -> Trace | Transit:
    data = read_bytes(path, TraceError)
    if is_capture(data):
        if os.fspath(path) == STANDARD_STREAM:
            raise TraceError("-: a capture cannot be read from standard input; name the file")
        # A capture needs RTP and Opus; other traces need nothing.
        from dred.traces.capture import read_capture_transit

        return read_capture_transit(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TraceError(f"{path}: is not text, so no loss trace") from None
    name = os.fspath(path)
    return parse_times(text, name) if has_times(text) else parse_trace(text, name)


def write_trace(path: str | os.PathLike[str], trace: Iterable[int] | Trace) -> None:
    """Write losses in the format of the name's suffix (.csv, .rle, else text)."""
    suffix = Path(path).suffix.lower()
    if suffix in CAPTURES:
        flags = as_trace(trace)
        sizes = np.zeros(len(flags), np.int64)
        write_transit(path, Transit.undisturbed(sizes, DEFAULT_PACKET_MS).losing(flags))
        return
    write_bytes(path, format_trace(trace, suffix).encode("ascii"), TraceError)


def write_transit(path: str | os.PathLike[str], transit: Transit) -> None:
    """Write times where the format has them (.csv, .pcap, .pcapng), else the losses alone."""
    suffix = Path(path).suffix.lower()
    if suffix in CAPTURES:
        from dred.traces.capture import write_capture_transit

        write_capture_transit(path, transit)
    elif suffix == ".csv":
        write_bytes(path, format_times(transit).encode("ascii"), TraceError)
    else:
        write_trace(path, transit.lost)
