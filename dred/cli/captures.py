# SPDX-License-Identifier: BSD-3-Clause
"""The call of a capture that a command is about, and which packets of it are missing; makes no
audio."""

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dred.cli.options import warn

if TYPE_CHECKING:
    from dred.rtp.capture import Capture, CapturedStream


def _ssrc(text: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; give it as 0x1234abcd") from None
    if not 0 <= value < 1 << 32:
        raise argparse.ArgumentTypeError(f"{text} has more than 32 bits")
    return value


def add_stream(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ssrc", type=_ssrc, metavar="SSRC",
        help="of a capture, the stream of this source (default: the longest)",
    )  # fmt: skip


def refuse_ssrc(path: str, ssrc: int | None) -> None:
    """For files that are no capture: a stream cannot be chosen there."""
    if ssrc is not None:
        raise ValueError(f"--ssrc chooses a stream of a capture, and {path} is none; leave it out")


def open_stream(path: str, data: bytes, ssrc: int | None) -> "tuple[Capture, CapturedStream]":
    """A capture and the stream asked for. Where nothing was asked for and there are several, a
    remark names them all."""
    from dred.errors import AudioError
    from dred.rtp.capture import open_capture

    capture = open_capture(path, data=data)
    warn(capture.warnings)
    if not capture.streams:
        raise AudioError(
            f"{path}: holds no RTP stream with Opus; capture the media of a call, decrypted"
        )
    streams = capture.streams
    if ssrc is not None:
        streams = [stream for stream in streams if stream.ssrc == ssrc]
        if not streams:
            there = "; ".join(map(title, capture.streams))
            raise AudioError(f"{path}: holds no stream of SSRC 0x{ssrc:08x}; there are {there}")
    elif len(streams) > 1:
        others = "; ".join(map(title, streams[1:]))
        warn([f"{path}: this is {title(streams[0])}; --ssrc takes another: {others}"])
    return capture, streams[0]


def title(stream: "CapturedStream") -> str:
    """A stream in a few words, with the name that analysers of captures give it."""
    (source, source_port), (target, target_port) = stream.source, stream.destination
    return (
        f"0x{stream.ssrc:08x} from {source} port {source_port} to {target} port {target_port}, "
        f"{len(stream.packets)} packets"
    )


def lost_before(sequences: Iterable[int]) -> Iterator[int]:
    """For each packet in order of arrival, how many in front of it did not come by then; -1 for one
    that was counted so and comes after all. Numbers that begin anew are no loss."""
    from dred.rtp.serial import Unwrapper, far_off

    numbers = Unwrapper(16)
    absent: set[int] = set()
    for sequence in sequences:
        newest = numbers.newest
        if newest is None or far_off(sequence, newest & 0xFFFF):
            numbers, absent = Unwrapper(16), set()
            numbers.push(sequence)
            yield 0
            continue
        number = numbers.push(sequence)
        if number <= newest:
            yield -1 if number in absent else 0
            absent.discard(number)
            continue
        skipped = range(newest + 1, number)
        absent.update(skipped)
        yield len(skipped)
