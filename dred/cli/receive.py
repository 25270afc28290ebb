# SPDX-License-Identifier: BSD-3-Clause
"""`dred receive --listen HOST:PORT out.wav`: a live call to a sound file."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dred.cli.decode import add_receiver_options, outcome
from dred.cli.interrupt import asked_to_end
from dred.cli.options import add_json, integer, number, print_json
from dred.cli.send import add_rtp_options, address

if TYPE_CHECKING:
    from dred.net import LiveReceiver
    from dred.receiver import Playout

# An adaptive delay gets no longer than this beyond what was asked for.
LONGEST_MARGIN_MS = 1000.0


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("receive", help="RTP to a sound file")
    parser.add_argument("--listen", required=True, type=address, metavar="HOST:PORT")
    parser.add_argument("output", metavar="OUT.wav", help="- is stdout")
    parser.add_argument("--seconds", type=number(0), metavar="S", help="end after so much audio")
    parser.add_argument("--idle", type=number(0), default=5.0, metavar="S",
                        help="end so long after the last packet (default 5); the first is waited "
                        "for")  # fmt: skip
    parser.add_argument("--jitter-ms", type=number(0, 5000), default=60.0, metavar="MS",
                        help="play-out delay; bridges bursts up to it (default 60)")  # fmt: skip
    parser.add_argument("--adaptive", action="store_true",
                        help="add to the delay what the jitter measured asks for")  # fmt: skip
    parser.add_argument("--payload-type", type=integer(0, 127), metavar="PT",
                        help="of Opus (default: that of the first packet)")  # fmt: skip
    add_rtp_options(parser)
    parser.add_argument("--sdp", metavar="FILE", help="take the payload types from a description")
    parser.add_argument("--output-rate", type=int, choices=(8000, 12000, 16000, 24000, 48000),
                        default=48000, help="default 48000")  # fmt: skip
    parser.add_argument("--channels", type=int, choices=(1, 2), default=1, help="default 1")
    add_receiver_options(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from dred import Receiver, load_models
    from dred.errors import AudioError
    from dred.io.files import check_writable
    from dred.io.wav_writer import wav_writer
    from dred.net import LiveReceiver, format_address
    from dred.receiver import Playout

    check_writable(args.output, AudioError)
    payload_type, red_type = args.payload_type, args.red_type
    if args.sdp:
        payload_type, red_type = read_types(args.sdp)
    receiver = Receiver(
        args.output_rate, args.channels, load_models(args.models), args.jitter_ms,
        concealment=args.plc, use_lbrr=not args.no_lbrr, use_dred=not args.no_dred,
        high_band=not args.no_high_band,
    )  # fmt: skip
    playout = None
    longest_ms = args.jitter_ms
    if args.adaptive:
        longest_ms += LONGEST_MARGIN_MS
        playout = Playout(receiver, max_ms=longest_ms)
    with asked_to_end() as ended:
        live = LiveReceiver(
            args.listen, playout or receiver, payload_type, red_type,
            realtime=args.rate == "realtime",
            send_rtcp=not args.no_rtcp,
            seconds=args.seconds,
            idle_s=args.idle,
            jitter_ms=longest_ms,
            on_second=second_printer(playout) if args.stats else None,
            ended=ended,
        )  # fmt: skip
        print(f"listening on {format_address(live.address)}", file=sys.stderr, flush=True)
        with wav_writer(args.output, args.output_rate, args.channels) as out:
            for frame in live.heard():
                out.write(frame)
            if live.rtp.reception is None:
                raise AudioError(_nothing(live, payload_type))
    report = describe(live) | {"seconds": out.seconds}
    if playout is not None:
        report["playout"] = asdict(playout.playout)
    if args.json:
        print_json(report)
    elif args.output != "-":
        print(outcome(report))


def _nothing(live: "LiveReceiver", payload_type: int | None) -> str:
    """Why there is nothing to write."""
    others = live.rtp.stats.other_types
    if others:
        return (
            f"no packet of type {payload_type} came, but {others} of other types; "
            "name that of Opus with --payload-type"
        )
    return "no packet came, so nothing is written; see that the sender names this port"


def read_types(path: str) -> tuple[int, int | None]:
    """Payload types of Opus and RED from an SDP file."""
    from dred.io.files import read_bytes
    from dred.rtp.sdp import SdpError, parse

    try:
        session = parse(read_bytes(path, SdpError).decode("utf-8", "replace"))
    except SdpError as reason:
        raise SdpError(f"{path}: {str(reason).removeprefix(f'{path}: ')}") from None
    return session.format.payload_type, session.format.red_type


def describe(live: "LiveReceiver") -> dict[str, Any]:
    """What came, and what was made of it."""
    reception, stats = live.rtp.reception, live.rtp.stats
    found: dict[str, Any] = {
        "packets": stats.packets,
        "lost": live.rtp.lost,
        "malformed_rtp": stats.malformed,
        "other_types": stats.other_types,
        "sources": stats.sources,
        "copies": stats.copies,
        "copies_used": stats.copies_used,
    }
    if reception is not None:
        losses = reception.figures()
        found |= {
            "jitter_ms": reception.jitter_ms,
            "mean_burst": losses.mean_burst,
            "longest_burst": losses.longest_burst,
        }
    return found | live.receiver.stats.as_dict()


def second_printer(playout: "Playout | None") -> "Callable[[int, LiveReceiver], None]":
    """Prints a line for each second, with what happened in it."""
    before: Counter[str] = Counter()

    def show(second: int, live: "LiveReceiver") -> None:
        reception, stats = live.rtp.reception, live.receiver.stats
        now = Counter({
            # Not of the reception: that begins anew with each source.
            "received": live.rtp.stats.packets,
            "lost": live.rtp.lost,
            "late": stats.late,
            "copies used": live.rtp.stats.copies_used,
            **{f"frames {what}": count for what, count in stats.frames().items()},
        })  # fmt: skip
        if playout is not None:
            now |= Counter({"grown": playout.playout.grown, "shrunk": playout.playout.shrunk})
        parts = [f"{what} {now[what] - before[what]}" for what in now]
        jitter = reception.jitter_ms if reception else 0.0
        line = f"{second:5d} s  {'  '.join(parts)}  jitter {jitter:.1f} ms"
        if playout is not None:
            line += f"  delay {playout.playout.delay_ms:.0f} of {playout.playout.target_ms:.0f} ms"
        print(line, file=sys.stderr, flush=True)
        before.clear()
        before.update(now)

    return show
