# SPDX-License-Identifier: BSD-3-Clause
"""`dred inspect in.opus`: what every packet carries, and where there is no DRED, why."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dred.cli.captures import add_stream, lost_before, open_stream, refuse_ssrc, title
from dred.cli.options import add_json, add_models, print_json, warn
from dred.digits import whole
from dred.units import DTX_BYTES

if TYPE_CHECKING:
    from dred.packet import Packet
    from dred.profile import Profile
    from dred.rtp.capture import CapturedStream

# The first packets cannot look back: two latents of 20 ms must exist.
HISTORY_PACKETS = 4
LARGEST_SETTING = 999_999_999


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("inspect", help="what every packet carries")
    parser.add_argument("input", metavar="IN", help="Ogg Opus, pcap or pcapng; - is stdin")
    add_models(parser)
    add_stream(parser)
    parser.add_argument("--summary", action="store_true", help="leave out the packets")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from dred.errors import AudioError
    from dred.io.files import read_bytes
    from dred.io.ogg import parse_ogg
    from dred.io.pcap import is_capture
    from dred.models import load_models
    from dred.profile import OPUS

    profile = load_models(args.models).profile if args.models else OPUS
    data = read_bytes(args.input, AudioError)
    settings: dict[str, int] = {}
    call = ""
    if is_capture(data):
        _, stream = open_stream(args.input, data, args.ssrc)
        rows, call = _captured(stream, profile), title(stream)
    else:
        refuse_ssrc(args.input, args.ssrc)
        file = parse_ogg(data, args.input)
        warn(file.warnings)
        settings = _settings(file.tags.comments)
        rows = [
            describe(packet, number, settings, profile)
            for number, packet in enumerate(file.packets)
        ]
    summary = summarise(rows) | ({"stream": call} if call else {})
    if args.json:
        print_json({"settings": settings, "packets": rows, "summary": summary})
        return
    if not args.summary:
        print(f"{'   RTP' if call else 'packet'}  bytes  ms  coding       LBRR  DRED")
        for row in rows:
            if row.get("lost_before", 0) > 0:
                print(f"     - {row['lost_before']:6d}  lost")
            print(_line(row))
    for name, value in summary.items():
        print(f"{name.replace('_', ' ')}: {_plain(value)}")


def _captured(stream: "CapturedStream", profile: "Profile") -> list[dict[str, Any]]:
    """The packets of a captured call, with what RTP and RED say of them."""
    rows = []
    lost = lost_before(packet.sequence for _, packet in stream.packets)
    before = 0
    for number, (arrival_ms, packet) in enumerate(stream.packets):
        before += next(lost)
        blocks = stream.blocks(packet)
        if blocks:
            row = describe(blocks[-1].data, number, {}, profile)
            red = [{"offset_ms": block.offset / 48, "bytes": len(block.data)}
                   for block in blocks[:-1]]  # fmt: skip
            rows.append({**row, "sequence": packet.sequence, "timestamp": packet.timestamp,
                         "arrival_ms": arrival_ms, "lost_before": before, "red": red})  # fmt: skip
            before = 0
    return rows


def _settings(comments: Sequence[str]) -> dict[str, int]:
    """What our sender noted of itself, or nothing."""
    for comment in comments:
        name, _, text = comment.partition("=")
        if name.upper() == "DRED_SENDER":
            pairs = (part.partition("=") for part in text.split())
            numbers = {key: whole(value, LARGEST_SETTING) for key, _, value in pairs}
            return {key: number for key, number in numbers.items() if number is not None}
    return {}


def describe(
    packet: bytes, number: int, settings: dict[str, int], profile: "Profile"
) -> dict[str, Any]:
    """Everything about one packet, as a flat record."""
    from dred.errors import PacketError
    from dred.packet import Packet

    row: dict[str, Any] = {"packet": number, "bytes": len(packet)}
    if not packet:
        return {**row, "missing": True}
    try:
        parsed = Packet.parse(packet)
    except PacketError as reason:
        return {**row, "malformed": str(reason)}
    toc = parsed.toc
    row |= {
        "ms": parsed.duration_ms,
        "mode": toc.mode,
        "bandwidth": toc.bandwidth,
        "stereo": toc.stereo,
        "frames": len(parsed.frames),
        "lbrr": parsed.has_lbrr,
        "extensions": [
            {"id": item.id, "frame": item.frame, "bytes": len(item.data)}
            for item in parsed.extensions
        ],
    }
    payload = parsed.described(profile)
    if payload is None:
        row["no_dred"] = _reason(parsed, number, settings, profile)
        return row
    row["dred"] = {
        "bytes": len(parsed.dred_payload(profile) or b""),
        "q0": payload.q0,
        "dq": payload.dq,
        "qmax": payload.qmax,
        "offset_ms": 2.5 * payload.offset,
        "chunks": payload.chunks,
        "ms": 40 * payload.chunks,
        "reach_ms": 40 * payload.chunks - 2.5 * payload.offset,
        "bits": {
            "header": payload.bits[0],
            "state": payload.bits[1],
            "latents": sum(payload.bits[2:]),
        },
    }
    return row


def _reason(packet: "Packet", number: int, settings: dict[str, int], profile: "Profile") -> str:
    """Why a packet carries no DRED: what it tells itself, then what its sender noted."""
    told = packet.why_no_dred(profile)
    if told != "none sent":
        return told
    if packet.padding:
        return "padding without DRED"
    if settings.get("dred_ms") == 0:
        return "no duration asked"
    if settings.get("loss_percent") == 0:
        return "no loss announced"
    if len(packet) <= DTX_BYTES or not packet.voice:
        return "silence"
    if number < HISTORY_PACKETS:
        return "no history yet"
    if not settings:
        return told
    # What the sender alone knows: whether there was speech to describe, and what room it saw.
    between = "between payloads, " if "jitter_ms" in settings else ""
    return f"{between}past silence, or too little bitrate"


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Totals of a stream."""
    from collections import Counter

    here = [row for row in rows if "missing" not in row]
    captured = any("lost_before" in row for row in rows)
    good = [row for row in here if "malformed" not in row]
    carrying = [row["dred"] for row in good if "dred" in row]
    seconds = sum(row["ms"] for row in good) / 1000
    size = sum(row["bytes"] for row in rows)
    count = max(1, len(carrying))
    return {
        "packets": len(rows),
        "malformed": len(here) - len(good),
        "missing": len(rows) - len(here),
        **({"lost": sum(row["lost_before"] for row in rows)} if captured else {}),
        "seconds": seconds,
        "kbps": size * 8 / 1000 / seconds if seconds else 0.0,
        "with_lbrr": sum(row["lbrr"] for row in good),
        "with_dred": len(carrying),
        "dred_kbps": sum(d["bytes"] for d in carrying) * 8 / 1000 / seconds if seconds else 0.0,
        "mean_dred_ms": sum(d["ms"] for d in carrying) / count,
        "mean_q0": sum(d["q0"] for d in carrying) / count,
        "mean_dred_bits": {
            part: sum(d["bits"][part] for d in carrying) / count
            for part in ("header", "state", "latents")
        },
        "no_dred": dict(Counter(row["no_dred"] for row in good if "no_dred" in row)),
    }


def _line(row: dict[str, Any]) -> str:
    start = f"{row.get('sequence', row['packet']):6d} {row['bytes']:6d}"
    if "missing" in row:
        return f"{start}  missing: with its page of the file"
    if "malformed" in row:
        return f"{start}  malformed: {row['malformed']}"
    coding = f"{row['mode']} {row['bandwidth']}{' stereo' if row['stereo'] else ''}"
    line = f"{start} {row['ms']:3g}  {coding:12s} {'yes ' if row['lbrr'] else '-   '}  "
    if "dred" not in row:
        return line + "none: " + row["no_dred"]
    d = row["dred"]
    if row.get("red"):
        line += f"RED x{len(row['red'])}, "
    return (
        f"{line}{d['ms']} ms until {d['offset_ms']:+g} ms, {d['bytes']} bytes, "
        f"q0 {d['q0']} dQ {d['dq']} qmax {d['qmax']}"
    )


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items()) or "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
