# SPDX-License-Identifier: BSD-3-Clause
"""`dred send in.wav --to HOST:PORT`: a sound file as a live call."""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dred.cli.encode import add_in_band, add_receiver_delay, add_sender_options, by_content
from dred.cli.interrupt import asked_to_end
from dred.cli.options import add_json, integer, print_json, warn

if TYPE_CHECKING:
    from dred import Sender
    from dred.controller import Setting
    from dred.net.send import SendStats


def address(text: str) -> tuple[str, int]:
    """An argparse type: HOST:PORT."""
    from dred.net.address import parse_address

    try:
        return parse_address(text)
    except ValueError as reason:
        raise argparse.ArgumentTypeError(str(reason)) from None


def add_rtp_options(parser: argparse.ArgumentParser) -> None:
    """How packets are marked and paced; shared by send and receive."""
    parser.add_argument(
        "--rate", choices=("realtime", "fast"), default="realtime",
        help="as time passes, or as fast as possible (default realtime)",
    )  # fmt: skip
    parser.add_argument("--red-type", type=integer(0, 127), default=63, metavar="PT",
                        help="payload type of RED (default 63)")  # fmt: skip
    parser.add_argument("--no-rtcp", action="store_true", help="send no reports")
    parser.add_argument("--stats", action="store_true", help="say each second what happens")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("send", help="a sound file as RTP")
    parser.add_argument("input", metavar="IN.wav", help="any sound file of libsndfile; - is stdin")
    parser.add_argument("--to", required=True, type=address, metavar="HOST:PORT")
    add_sender_options(parser)
    add_receiver_delay(parser)
    add_in_band(parser)
    parser.add_argument("--red", type=integer(0, 4), default=0, metavar="N",
                        help="copies of earlier packets in each, 0..4 (default 0)")  # fmt: skip
    parser.add_argument("--adapt", action="store_true",
                        help="choose LBRR, RED, DRED and the loss expected as the receiver's "
                        "reports ask for; --bitrate is the budget")  # fmt: skip
    parser.add_argument("--mtu", type=integer(200, 65000), default=1200, metavar="BYTES",
                        help="RTP packets with copies get no larger (default 1200)")  # fmt: skip
    parser.add_argument("--payload-type", type=integer(0, 127), default=111, metavar="PT",
                        help="of Opus (default 111)")  # fmt: skip
    add_rtp_options(parser)
    parser.add_argument("--sdp", metavar="FILE", help="write a description of the call, then send")
    parser.add_argument("--pcap", metavar="FILE", help="write what was sent (.pcap or .pcapng)")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from dred import Sender, load_models
    from dred.controller import Controller, Setting
    from dred.errors import DredError
    from dred.io.files import check_writable
    from dred.io.wav import read_speech, to_opus_rate
    from dred.net import LiveSender
    from dred.net.adapt import Adaptation
    from dred.net.address import resolve
    from dred.rtp import RtpSender
    from dred.rtp.capture import write_capture

    for output in filter(None, (args.sdp, args.pcap)):
        check_writable(output, DredError)
    pcm, original_rate = read_speech(args.input, warn)
    channels = 1 if pcm.ndim == 1 else 2
    wide, rate = to_opus_rate(pcm, original_rate)
    models = load_models(args.models)
    if args.adapt:
        sender = Sender(
            rate, channels, args.frame_ms, args.bitrate,
            models=models, dtx=args.dtx, jitter_ms=args.jitter_ms,
        )  # fmt: skip
    else:
        setting = Setting(
            args.bitrate, args.lbrr, args.red, args.dred_ms, args.loss_percent, args.frame_ms
        )
        sender = Sender(
            rate, channels, args.frame_ms,
            **setting.sender_options(), models=models, dtx=args.dtx, loss_burst=args.loss_burst,
            jitter_ms=args.jitter_ms,
        )  # fmt: skip
    rtp = RtpSender(None, args.payload_type, args.red, args.red_type, args.mtu, skip_dtx=args.dtx)
    if args.sdp:
        write_sdp(args, channels)
    changes: list[tuple[float, Setting]] = []
    adaptation = None
    if args.adapt:
        controller = Controller(args.bitrate)
        adaptation = Adaptation(controller, sender, rtp, lambda *change: changes.append(change))
    sent: list[tuple[float, Any]] = []
    with asked_to_end() as ended:
        live = LiveSender(
            args.to, rtp,
            realtime=args.rate == "realtime",
            send_rtcp=not args.no_rtcp,
            on_second=second_printer(changes) if args.stats else None,
            on_report=adaptation,
            on_delay=expect_delay(sender) if args.jitter_ms is None else None,
            on_packet=(lambda packet, ms: sent.append((ms, packet))) if args.pcap else None,
            ended=ended,
        )  # fmt: skip
        source = live.address
        stats = live.run(frames(sender, wide))
    if args.pcap:
        write_capture(args.pcap, sent, source, resolve(args.to))
    seconds = rtp_seconds(stats, args.frame_ms)
    report = {
        "packets": stats.packets,
        "unsent": stats.unsent,
        "seconds": seconds,
        "kbps": stats.octets * 8 / 1000 / seconds if seconds else 0.0,
        "refused": stats.refused,
        "reports": stats.reports,
        "reported": reported(stats),
        "dred": dict(sender.stats),
    }
    if args.adapt:
        report["settings"] = [{"ms": ms, **asdict(setting)} for ms, setting in changes]
    if args.json:
        print_json(report)
    else:
        print(
            f"{stats.packets} packets, {report['kbps']:.1f} kb/s with RTP headers; "
            f"packets by content: {by_content(sender)}"
        )


def expect_delay(sender: "Sender") -> "Callable[[float], None]":
    """Tells the sender the delay that the other end reports."""

    def expect(milliseconds: float) -> None:
        sender.jitter_ms = milliseconds

    return expect


def rtp_seconds(stats: "SendStats", frame_ms: int) -> float:
    """Length of the call."""
    return (stats.packets + stats.unsent) * frame_ms / 1000


def frames(sender: "Sender", pcm: Any) -> Iterator[bytes]:
    """Packets, each encoded when it is asked for."""
    step = sender.sample_rate * sender.frame_ms // 1000
    for begin in range(0, len(pcm), step):
        yield from sender.push(pcm[begin : begin + step])
    yield from sender.flush()


def write_sdp(args: argparse.Namespace, channels: int) -> None:
    """The description of this call, for players and for `dred receive`."""
    from dred.errors import AudioError
    from dred.io.files import write_bytes
    from dred.net.address import resolve
    from dred.rtp.sdp import OpusFormat, Session

    address, port = resolve(args.to)
    offered = OpusFormat(
        payload_type=args.payload_type,
        red_type=args.red_type if args.red or args.adapt else None,
        red_copies=max(1, args.red),
        inband_fec=args.lbrr is not False,
        dtx=args.dtx,
        sends_stereo=channels == 2,
        ptime=args.frame_ms,
        dred_ms=args.dred_ms or None,
        sends_dred_ms=args.dred_ms or None,
    )
    write_bytes(args.sdp, str(Session(address, port, offered)).encode(), AudioError)


def reported(stats: "SendStats") -> dict[str, float | None]:
    """What the other end said."""
    losses = stats.losses()
    return {
        "loss": stats.reported_loss,
        "jitter_ms": stats.reported_jitter_ms,
        "round_trip_ms": stats.round_trip_ms,
        "playout_ms": stats.reported_delay_ms,
        "mean_burst": losses.mean_burst,
        "longest_burst": losses.longest_burst,
    }


def second_printer(
    changes: "list[tuple[float, Setting]]",
) -> "Callable[[int, SendStats], None]":
    """Prints a line for each second, with the setting chosen last where one is."""

    def show(second: int, stats: "SendStats") -> None:
        line = f"{second:5d} s  sent {stats.packets}  {stats.octets} bytes"
        if stats.reported_loss is not None:
            losses = stats.losses()
            line += (
                f"  reported: loss {100 * stats.reported_loss:.1f} %"
                f"  bursts {losses.mean_burst:.1f} (longest {losses.longest_burst})"
                f"  jitter {stats.reported_jitter_ms:.1f} ms"
            )
            if stats.round_trip_ms is not None:
                line += f"  round trip {stats.round_trip_ms:.1f} ms"
            if stats.reported_delay_ms is not None:
                line += f"  play-out {stats.reported_delay_ms:.0f} ms"
        if changes:
            chosen = changes[-1][1]
            line += (
                f"  sends: regular {chosen.regular_bitrate}  LBRR {int(bool(chosen.lbrr))}"
                f"  RED {chosen.red}  DRED {chosen.dred_ms} ms for {chosen.loss_percent} %"
            )
        print(line, file=sys.stderr, flush=True)

    return show
