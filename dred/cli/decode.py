# SPDX-License-Identifier: BSD-3-Clause
"""`dred decode in.opus out.wav`: an Ogg Opus file to speech, losing packets on the way if asked."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from dred.cli.captures import add_stream, open_stream, refuse_ssrc
from dred.cli.options import (
    add_json,
    add_models,
    add_waiting,
    integer,
    print_json,
    progress,
    refuse_overwriting_input,
    warn,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dred.receiver import Receiver

    Floats = npt.NDArray[np.float32]


NOTHING_CAME = "before the first packet"


class Decoding(NamedTuple):
    """What an input decodes to, as it is asked for. rate: of the audio; wanted: of the file to
    write. report: what became of the packets, once all frames were taken. table: of `--frames`."""

    frames: "Iterable[Floats]"
    packets: int
    channels: int
    rate: int
    wanted: int
    report: Callable[[], dict[str, Any]]
    table: "FrameTable"


class FrameTable:
    """What each frame was made from, as CSV: when it is heard in the output, its source and, where
    it was guessed, why. asked: else nothing is kept, as calls may be long. skipped: samples in
    front that the output leaves out."""

    def __init__(self, receiver: "Receiver", asked: bool, skipped: int = 0) -> None:
        self._asked = asked
        self._stats, self._rate = receiver.stats, receiver.sample_rate
        self._at = -skipped
        self._rows: list[tuple[int, str]] = []

    def note(self, frame: "Floats") -> "Floats":
        """The frame pulled last, passed on."""
        if not self._asked:
            return frame
        stats = self._stats
        # Frames lost before the first packet came never were the receiver's.
        source, why = (stats.last.value, stats.why) if stats.last else ("plc", NOTHING_CAME)
        when = max(0, round(1000 * self._at / self._rate))
        self._rows.append((when, f"{len(self._rows)},{when},{source},{why}"))
        self._at += len(frame)
        return frame

    def write(self, path: str, seconds: float) -> None:
        """seconds: of the output; what was pulled beyond is not in it."""
        from dred.errors import AudioError
        from dred.io.files import write_bytes

        heard = [line for when, line in self._rows if when < 1000 * seconds]
        write_bytes(path, "\n".join(["frame,ms,source,why", *heard, ""]).encode(), AudioError)


def add_loss_options(parser: argparse.ArgumentParser, *, required: bool, delays: str) -> None:
    """Which packets to lose; shared by decode and simulate. delays: what becomes of those of a
    trace."""
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument(
        "--trace", metavar="FILE",
        help="what a trace lost: text with 0 (received) or 1 (lost) per packet, .rle, .csv, .pcap, "
        f".pcapng; {delays}",
    )  # fmt: skip
    group.add_argument(
        "--loss", metavar="MODEL",
        help="bernoulli:p=0.2 | gilbert:p=0.06,r=0.25 | burst:every=2s,length=300ms | trace:FILE",
    )  # fmt: skip
    parser.add_argument("--seed", type=integer(0), default=1, help="of the loss model (default 1)")


def add_receiver_options(parser: argparse.ArgumentParser) -> None:
    """What a receiver uses; shared by decode and receive."""
    parser.add_argument("--no-dred", action="store_true", help="leave the redundancy unused")
    parser.add_argument("--no-lbrr", action="store_true", help="leave in-band FEC unused")
    parser.add_argument("--no-high-band", action="store_true",
                        help="leave recovered audio without anything above 8 kHz")  # fmt: skip
    parser.add_argument("--plc", choices=("neural", "classic"), default="neural",
                        help="concealment of what nothing describes (default neural)")  # fmt: skip
    add_models(parser)


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
    parser.add_argument("input", metavar="IN", help="Ogg Opus, pcap or pcapng; - is stdin")
    parser.add_argument("output", metavar="OUT.wav", help="- is stdout")
    add_loss_options(parser, required=False, delays="not its delays")
    parser.add_argument(
        "--rate",
        type=integer(1000, 384000),
        metavar="HZ",
        help="of the output (default: the input's)",
    )
    add_waiting(parser)
    add_stream(parser)
    parser.add_argument("--frames", metavar="FILE.csv",
                        help="write when each frame is heard, what it was made from, and why it "
                        "was guessed")  # fmt: skip
    add_receiver_options(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Exit code 1 where the file is damaged: what could be read has been written all the same."""
    from dred.errors import AudioError
    from dred.io.files import check_writable, read_bytes
    from dred.io.pcap import is_capture
    from dred.io.wav_writer import wav_writer

    refuse_overwriting_input(args.input, args.output)
    if args.frames:
        refuse_overwriting_input(args.input, args.frames)
        check_writable(args.frames, AudioError)
    data = read_bytes(args.input, AudioError)
    decode = _capture if is_capture(data) else _file
    found = decode(args, data)
    with wav_writer(args.output, found.rate, found.channels, found.wanted) as out:
        for frame in progress(found.frames, "decoding", found.packets):
            out.write(frame)
    report = found.report() | {"seconds": out.seconds}
    if args.frames:
        found.table.write(args.frames, out.seconds)
    if args.json:
        print_json(report)
    elif args.output != "-":
        print(outcome(report))
    return int(report["damaged"])


def outcome(report: dict[str, Any]) -> str:
    """What became of packets and frames, in a line, and why frames were guessed in a second one;
    shared by decode and receive."""

    def listed(counts: dict[str, int]) -> str:
        return ", ".join(f"{what} {count}" for what, count in counts.items())

    late = f", {report['late']} late" if report["late"] else ""
    line = f"{report['packets']} packets, {report['lost']} lost{late}; "
    line += f"frames made from: {listed(report['frames'])}"
    return f"{line}\nguessed: {listed(report['guessed'])}" if report["guessed"] else line


def _receiver(args: argparse.Namespace, rate: int, channels: int, frame_ms: float) -> "Receiver":
    from dred import Receiver, load_models

    return Receiver(
        rate, channels, load_models(args.models), args.jitter_ms,
        concealment=args.plc, frame_ms=frame_ms,
        use_lbrr=not args.no_lbrr, use_dred=not args.no_dred, high_band=not args.no_high_band,
    )  # fmt: skip


def _rates(asked: int | None, noted: int) -> tuple[int, int]:
    """Rate to decode at and rate to write."""
    from dred.units import OPUS_RATES

    wanted = asked or noted or 48000
    return (wanted if wanted in OPUS_RATES else 48000), wanted


def _file(args: argparse.Namespace, data: bytes) -> Decoding:
    """An Ogg Opus file, with the losses asked for."""
    import numpy as np

    from dred.errors import AudioError
    from dred.io.ogg import packet_duration, parse_ogg
    from dred.pcm import cut
    from dred.simulate import playing

    refuse_ssrc(args.input, args.ssrc)
    stream = parse_ogg(data, args.input)
    warn(stream.warnings)
    if not stream.packets:
        raise AudioError(f"{args.input}: holds no audio packets; give a complete Ogg Opus file")
    any_packet = next(filter(None, stream.packets))
    frame_ms = packet_duration(any_packet) / 48
    rate, wanted = _rates(args.rate, stream.head.input_rate)
    lost = np.array(loss_flags(args, len(stream.packets), frame_ms), np.uint8)
    lost |= np.array([not packet for packet in stream.packets], np.uint8)
    receiver = _receiver(args, rate, stream.head.channels, frame_ms)
    gain = 10 ** (stream.head.gain_q8 / (20 * 256))  # RFC 7845 section 5.1
    # A missing packet is lost; what stands for it only tells how long it was.
    packets = [packet or any_packet for packet in stream.packets]
    skipped = stream.head.pre_skip * rate // 48000
    table = FrameTable(receiver, bool(args.frames), skipped)
    audio = (gain * table.note(frame) for frame, _ in playing(packets, lost, receiver))
    return Decoding(
        cut(audio, skipped, stream.duration * rate // 48000),
        len(packets), stream.head.channels, rate, wanted,
        lambda: _report(len(packets), int(lost.sum()), stream.warnings, receiver), table,
    )  # fmt: skip


def _capture(args: argparse.Namespace, data: bytes) -> Decoding:
    """A call of a capture, with the losses that it had."""
    from dred.net.heard import Heard
    from dred.rtp.capture import arrivals

    if args.trace or args.loss:
        raise ValueError("a capture has losses of its own; leave out --trace and --loss")
    capture, stream = open_stream(args.input, data, args.ssrc)
    frame_ms = stream.frame_ms
    rate, wanted = _rates(args.rate, 0)
    receiver = _receiver(args, rate, 1, frame_ms)
    rtp, heard = stream.receiver(receiver), Heard(receiver)
    table = FrameTable(receiver, bool(args.frames))

    def listened() -> "Iterator[Floats]":
        frame = heard.pull()
        if frame is not None:
            yield table.note(frame)

    def frames() -> "Iterator[Floats]":
        for packet, time_ms in arrivals(stream, frame_ms):
            if packet is None:
                yield from listened()
            else:
                rtp.push_packet(packet, time_ms)
        while heard.waits(rtp.newest):
            yield from listened()

    return Decoding(
        heard.sent_only(frames()), len(stream.packets), 1, rate, wanted,
        lambda: _report(len(stream.packets), rtp.lost, capture.warnings, receiver), table,
    )  # fmt: skip


def _report(packets: int, lost: int, warnings: list[str], receiver: "Receiver") -> dict[str, Any]:
    return {
        "packets": packets, "lost": lost, "damaged": bool(warnings), **receiver.stats.as_dict(),
    }  # fmt: skip
