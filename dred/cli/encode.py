# SPDX-License-Identifier: BSD-3-Clause
"""`dred encode in.wav out.opus`: speech to an Ogg Opus file whose packets carry redundancy."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dred.cli.options import (
    add_json,
    add_models,
    integer,
    number,
    print_json,
    progress,
    refuse_overwriting_input,
    warn,
)

if TYPE_CHECKING:
    from dred.profile import Profile
    from dred.sender import Sender

USUAL_BURST = 1.9
# Below this share of --dred-ms, whoever asked for that much should hear why there is less.
FAR_BELOW = 0.5


def add_sender_options(parser: argparse.ArgumentParser) -> None:
    """What a sender can be told; shared by encode and simulate."""
    parser.add_argument(
        "--bitrate", type=integer(6000, 510000), default=32000, metavar="BPS",
        help="bit/s of packets in all, redundancy included (default 32000)",
    )  # fmt: skip
    parser.add_argument(
        "--dred-ms", type=integer(0, 1040), default=1000, metavar="MS",
        help="past speech described in every packet at most, 0..1040 (default 1000)",
    )  # fmt: skip
    parser.add_argument(
        "--loss-percent", type=integer(0, 100), default=20, metavar="P",
        help="loss the sender expects; 0 turns redundancy off (default 20)",
    )  # fmt: skip
    parser.add_argument(
        "--loss-burst", type=number(1, 100), default=USUAL_BURST, metavar="N",
        help="packets that losses last on average; for more, descriptions reach further back, "
        "more coarsely (default 1.9, as in usual calls)",
    )  # fmt: skip
    parser.add_argument(
        "--frame-ms", type=int, choices=(10, 20, 40, 60), default=20, help="default 20"
    )
    add_models(parser)


def add_receiver_delay(parser: argparse.ArgumentParser) -> None:
    """What a sender can be told of the receiver; shared by encode and send."""
    parser.add_argument(
        "--jitter-ms", type=number(0, 5000), metavar="MS",
        help="play-out delay of the receiver: where it can wait, fewer and finer descriptions are "
        "sent (default: unknown, one in every packet)",
    )  # fmt: skip


def add_in_band(parser: argparse.ArgumentParser) -> None:
    """What Opus does by itself; shared by encode and send."""
    parser.add_argument(
        "--lbrr", action=argparse.BooleanOptionalAction,
        help="send in-band FEC, or none (default: beside DRED where it is worth its bits, and "
        "wherever there is no DRED)",
    )  # fmt: skip
    parser.add_argument("--dtx", action="store_true", help="send next to nothing in silence")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("encode", help="wav to Opus with deep redundancy")
    parser.add_argument("input", metavar="IN.wav", help="any sound file of libsndfile; - is stdin")
    parser.add_argument("output", metavar="OUT.opus", help="Ogg Opus; - is stdout")
    add_sender_options(parser)
    add_receiver_delay(parser)
    add_in_band(parser)
    parser.add_argument(
        "--application", choices=("voip", "audio", "restricted-lowdelay"), default="voip",
        help="what libopus tunes for (default voip)",
    )  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from dred import load_models
    from dred._version import __version__
    from dred.io.ogg import OpusHead, OpusTags, write_ogg
    from dred.io.wav import read_speech, to_opus_rate
    from dred.sender import Sender

    refuse_overwriting_input(args.input, args.output)
    pcm, original_rate = read_speech(args.input, warn)
    channels = 1 if pcm.ndim == 1 else 2
    wide, rate = to_opus_rate(pcm, original_rate)
    models = load_models(args.models)
    sender = Sender(
        rate, channels, args.frame_ms, args.bitrate, args.dred_ms, args.lbrr,
        loss_percent=args.loss_percent,
        loss_burst=args.loss_burst,
        jitter_ms=args.jitter_ms,
        models=models,
        application=args.application,
        dtx=args.dtx,
    )  # fmt: skip
    packets = []
    for start in progress(range(0, len(wide), rate), "encoding"):  # a second at a time
        packets += sender.push(wide[start : start + rate])
    packets += sender.flush()
    head = OpusHead(
        channels=channels,
        pre_skip=sender.lookahead * 48000 // rate,
        input_rate=original_rate,
    )
    settings = (
        f"bitrate={args.bitrate} dred_ms={args.dred_ms} "
        f"loss_percent={args.loss_percent} lbrr={'auto' if args.lbrr is None else int(args.lbrr)}"
        f"{'' if args.jitter_ms is None else f' jitter_ms={args.jitter_ms:.0f}'}"
    )
    tags = OpusTags(vendor=f"dred {__version__}", comments=(f"DRED_SENDER={settings}",))
    write_ogg(args.output, packets, head, tags, total_samples=len(wide) * 48000 // rate)
    seconds = len(packets) * args.frame_ms / 1000
    size = sum(map(len, packets))
    report = {
        "packets": len(packets),
        "seconds": len(pcm) / original_rate,
        "kbps": size * 8 / 1000 / seconds,
        "dred": dict(sender.stats),
        "mean_dred_ms": mean_described_ms(packets, models.profile),
    }
    if args.json:
        print_json(report)
    elif args.output != "-":
        line = f"{len(packets)} packets, {report['kbps']:.1f} kb/s"
        print(f"{line}; packets by content: {by_content(sender)}")
        if sender.stats["dred"]:
            print(_reach(args, report["mean_dred_ms"]))


def by_content(sender: "Sender") -> str:
    """Packets by what they carry, or why they carry no DRED; shared with send."""
    return ", ".join(f"{what} {count}" for what, count in sender.stats.most_common())


def mean_described_ms(packets: Sequence[bytes], profile: "Profile") -> float:
    """Past speech in the packets that describe any, as `dred inspect` counts it; 0 without one."""
    from dred.packet import Packet
    from dred.sender import CHUNK_MS

    found = (Packet.parse(packet).described(profile) for packet in packets)
    chunks = [payload.chunks for payload in found if payload is not None]
    return CHUNK_MS * sum(chunks) / max(1, len(chunks))


def _reach(args: argparse.Namespace, described_ms: float) -> str:
    """How far descriptions reach and, where that is far less than was asked for, what is unsaid."""
    line = f"describes {described_ms:.0f} ms on average"
    if described_ms >= FAR_BELOW * args.dred_ms:
        return line
    line += f", of {args.dred_ms} at most"
    unsaid = {"--loss-burst": args.loss_burst == USUAL_BURST, "--jitter-ms": args.jitter_ms is None}
    options = [option for option, is_unsaid in unsaid.items() if is_unsaid]
    if not options:
        return line
    return f"{line}; {' and '.join(options)} reach{'' if len(options) > 1 else 'es'} further"
