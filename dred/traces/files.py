# SPDX-License-Identifier: BSD-3-Clause
"""Trace files of every kind, told apart by content when read and by name when written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dred.errors import TraceError
from dred.io.files import read_bytes, write_bytes
from dred.io.pcap import is_capture
from dred.traces.formats import Trace, as_trace, format_trace, parse_trace
from dred.traces.models import DEFAULT_PACKET_MS
from dred.traces.times import format_times, has_times, parse_times
from dred.traces.transit import Transit

if TYPE_CHECKING:
    from dred.rtp.capture import CapturedStream

    Choose = Callable[[str, bytes], CapturedStream]

CAPTURES = (".pcap", ".pcapng")
SUFFIXES = (".txt", ".csv", ".rle", *CAPTURES)


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """The losses of a trace file of any kind; `-` is standard input."""
    found = _read(path)
    return found.lost if isinstance(found, Transit) else found


def read_transit(
    path: str | os.PathLike[str],
    packet_ms: float = DEFAULT_PACKET_MS,
    choose: Choose | None = None,
) -> tuple[Transit, bool]:
    """The same with all that the file knows, and whether it knows times. Where it does not, packets
    are sent every packet_ms and come at once. choose: the stream of a capture from its name and
    content, else the longest."""
    found = _read(path, choose)
    if isinstance(found, Transit):
        return found, True
    return Transit.undisturbed(np.zeros(len(found), np.int64), packet_ms).losing(found), False


def _read(path: str | os.PathLike[str], choose: Choose | None = None) -> Trace | Transit:
    data = read_bytes(path, TraceError)
    if is_capture(data):
        # A capture needs RTP and Opus; other traces need nothing.
        from dred.traces.capture import longest_stream, stream_transit

        return stream_transit((choose or longest_stream)(os.fspath(path), data))
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
