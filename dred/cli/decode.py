# SPDX-License-Identifier: BSD-3-Clause
"""`dred decode in.opus out.wav`: an Ogg Opus file to speech, losing packets on the way if asked."""

import argparse

from dred.cli.options import add_json, add_models, integer, print_json, warn


def add_loss_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Which packets to lose; shared by decode and simulate."""
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--trace", metavar="FILE", help="one 0 (received) or 1 (lost) per packet")
    group.add_argument(
        "--loss", metavar="MODEL",
        help="bernoulli:p=0.2 | gilbert:p=0.06,r=0.25 | burst:every=2s,length=300ms | trace:FILE",
    )  # fmt: skip
    parser.add_argument("--seed", type=integer(0), default=1, help="of the loss model (default 1)")


def loss_flags(args: argparse.Namespace, packets: int, frame_ms: float) -> list[int]:
    """Flags for this many packets from the options; none lost where none were given."""
    import numpy as np

    from dred.simulate import fit_trace
    from dred.traces import parse_model, read_trace

    if args.trace is not None:
        return fit_trace(read_trace(args.trace), packets).tolist()
    if args.loss is not None:
        rng = np.random.default_rng(args.seed)
        return parse_model(args.loss).draw(packets, rng, frame_ms).tolist()
    return [0] * packets


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("decode", help="Opus to wav, under loss if asked")
    parser.add_argument("input", metavar="IN.opus", help="Ogg Opus; - is stdin")
    parser.add_argument("output", metavar="OUT.wav", help="- is stdout")
    add_loss_options(parser, required=False)
    parser.add_argument(
        "--rate",
        type=integer(1000, 384000),
        metavar="HZ",
        help="of the output (default: the input's)",
    )
    parser.add_argument("--no-dred", action="store_true", help="leave the redundancy unused")
    parser.add_argument("--no-lbrr", action="store_true", help="leave in-band FEC unused")
    parser.add_argument("--plc", choices=("neural", "classic"), default="neural",
                        help="concealment of what nothing describes (default neural)")  # fmt: skip
    add_models(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    import numpy as np

    from dred import Receiver, load_models
    from dred.errors import AudioError
    from dred.io.ogg import packet_duration, read_ogg
    from dred.io.wav import resample, write_wav
    from dred.simulate import JITTER_MS, play
    from dred.units import OPUS_RATES

    stream = read_ogg(args.input)
    warn(f"{args.input}: {line}" for line in stream.warnings)
    if not stream.packets:
        raise AudioError(f"{args.input}: holds no audio packets; give a complete Ogg Opus file")
    frame_ms = packet_duration(stream.packets[0]) / 48
    wanted = args.rate or stream.head.input_rate or 48000
    rate = wanted if wanted in OPUS_RATES else 48000
    lost = np.array(loss_flags(args, len(stream.packets), frame_ms), np.uint8)
    receiver = Receiver(
        rate, stream.head.channels, load_models(args.models), JITTER_MS,
        concealment=args.plc, frame_ms=frame_ms,
        use_lbrr=not args.no_lbrr, use_dred=not args.no_dred,
    )  # fmt: skip
    audio, _ = play(stream.packets, lost, receiver)
    first = stream.head.pre_skip * rate // 48000
    audio = audio[first : first + stream.duration * rate // 48000]
    audio = audio[:, 0] if stream.head.channels == 1 else audio
    write_wav(args.output, resample(audio, rate, wanted), wanted)
    report = {
        "packets": len(lost),
        "lost": int(lost.sum()),
        "seconds": len(audio) / rate,
        **receiver.stats.as_dict(),
    }
    if args.json:
        print_json(report)
    elif args.output != "-":
        made = ", ".join(f"{what} {count}" for what, count in receiver.stats.frames().items())
        print(f"{len(lost)} packets, {int(lost.sum())} lost; frames made from: {made}")
