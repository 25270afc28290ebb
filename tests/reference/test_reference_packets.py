# SPDX-License-Identifier: BSD-3-Clause
"""Every payload, packet and extension of the reference data, symbol for symbol and byte for byte.

Needs the optional data in $DRED_SHARED (default ../shared beside the repository). The figures of
each test are printed: `pytest -s`.
"""

import math
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from dred.packet import Packet
from dred.payload import MAX_CHUNKS, decode_payload, encode_payload, quantizer_levels
from dred.profile import OPUS, TABLES

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = Path(os.environ.get("DRED_SHARED", ROOT.parent / "shared")) / "reference/opus-1.6.1"
MODULES = sorted((REFERENCE / "modules").glob("*.npz"))
STREAMS = sorted(p for p in (REFERENCE / "streams").glob("*.npz") if p.stem != "inputs")

pytestmark = pytest.mark.skipif(
    not MODULES, reason="no reference data: set DRED_SHARED to the folder that has them"
)


def load(path: Path, *prefixes: str) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        return {key: archive[key] for key in archive if key.startswith(prefixes)}


def items(data: dict[str, np.ndarray], key: str, offsets: str) -> list[np.ndarray]:
    if key not in data:
        return []
    bounds = data[offsets]
    return [data[key][bounds[i] : bounds[i + 1]] for i in range(len(bounds) - 1)]


def worst_relative(value: np.ndarray, expected: np.ndarray) -> float:
    if not expected.size:
        return 0.0
    return float(np.max(np.abs(value - expected) / np.maximum(np.abs(expected), 1e-9)))


def table(which: int, state: int, level: int) -> np.ndarray:
    tables = OPUS.tables("state" if state else "latent")
    return tables[TABLES[which]][level].astype(np.float64)


def distance_to_tie(values: np.ndarray, state: int, level: int) -> np.ndarray:
    """How near a value before rounding is to the next symbol, in parts of the dead zone: the
    reference's tanh is wrong by up to 3e-4 of it."""
    y = values * table(0, state, level) / 256
    zone = table(1, state, level) / 256
    shrunk = y - zone * np.tanh(y / (zone + 0.1))
    tie = np.abs(shrunk + 0.5 - np.round(shrunk + 0.5))
    return tie / np.maximum(zone, 1e-9)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_payloads_of_modules(path):
    data = load(path, "pay_", "dec_", "dred_")
    payloads = items(data, "pay_bytes", "pay_offsets")
    symbols = items(data, "pay_q", "pay_q_offsets")
    counted = defaultdict(int)
    for i, expected in enumerate(payloads):
        if not expected.size:
            continue
        expected = expected.tobytes()
        chunks = int(data["pay_nb_chunks"][i])
        q0, dq, qmax, _, max_bytes = (int(x) for x in data["pay_settings"][data["pay_setting"][i]])
        offset = 16 - int(data["pay_total_offset"][i])
        newest = int(data["pay_packet"][i]) - int(data["pay_latent_offset"][i])
        rows = newest - 2 * np.arange(chunks)
        levels = quantizer_levels(q0, dq, qmax, chunks)

        # Decoding: the reference's bytes to the reference's symbols.
        decoded = decode_payload(expected)
        found = decoded.chunks
        assert found == data["pay_dec_nb_latents"][i]
        assert decoded.offset == data["pay_dec_dred_offset"][i] == offset
        assert (decoded.symbols == symbols[i][: 50 + 25 * found]).all()
        counted["payloads"] += 1
        counted["hidden chunks"] += chunks - found

        # Quantising and coding: our bytes from the reference's latents.
        values = np.concatenate([data["dred_state"][newest], data["dred_latents"][rows].ravel()])
        ours = encode_payload(
            data["dred_latents"],
            data["dred_state"],
            newest,
            q0=q0,
            dq=dq,
            qmax=qmax,
            max_chunks=chunks,
            offset=offset,
            max_bytes=max_bytes,
        )
        if found == 0:
            assert ours == b""
            continue
        again = decode_payload(ours)
        counted["symbols"] += again.symbols.size
        differ = np.flatnonzero(again.symbols != symbols[i][: again.symbols.size])
        # A differing symbol may cost other bits, and so show or hide the last chunk.
        assert again.chunks == found or (differ.size and abs(again.chunks - found) == 1)
        for k in differ:
            state, level = (1, q0) if k < 50 else (0, levels[(k - 50) // 25])
            column = k if k < 50 else (k - 50) % 25
            vector = values[:50] if k < 50 else values[50:].reshape(-1, 25)[(k - 50) // 25]
            assert distance_to_tie(vector, state, level)[column] < 3e-4
        counted["symbols at a tie"] += differ.size
        if found == chunks and not differ.size:
            assert ours == expected
            counted["identical bytes"] += 1
    print(path.stem, dict(counted))
    assert counted["symbols at a tie"] <= 2e-5 * counted["symbols"]

    worst = 0.0
    bounds = data["dec_chunk_offsets"]
    for row, i in enumerate(data["dec_payload_index"]):
        decoded = decode_payload(payloads[i].tobytes())
        latents = data["dec_latents"][bounds[row] : bounds[row + 1]]
        assert decoded.chunks == data["dec_nb_latents"][row]
        worst = max(worst, worst_relative(decoded.state, data["dec_state"][row]))
        worst = max(worst, worst_relative(decoded.latents, latents))
    print(path.stem, f"worst relative deviation {worst:.1e}")
    assert worst <= 1e-6


def check_packet(data, i, packet, extensions, symbols, max_chunks):
    """Everything that the reference's parser says of one packet."""
    assert len(packet.frames) == data["parse_nb_frames"][i]
    assert packet.toc.frame_units * 120 == data["parse_frame_samples_48k"][i]
    assert packet.toc.byte == data["parse_toc"][i]
    assert len(packet.padding) == data["parse_padding_len"][i]
    assert packet.has_lbrr == data["parse_has_lbrr"][i]
    assert [(e.id, e.frame, e.data) for e in packet.extensions] == extensions
    payload = packet.dred
    assert (payload is not None) == (data["parse_process_stage"][i] >= 0)
    if payload is None:
        assert packet.why_no_dred
        return None
    assert (payload.q0, payload.dq, payload.qmax) == tuple(
        data[key][i] for key in ("dred_q0", "dred_dQ", "dred_qmax")
    )
    frame_offset = data["parse_dred_frame"][i] * packet.toc.frame_units
    assert payload.offset == data["parse_dred_offset"][i]
    assert payload.offset == 16 - data["dred_total_offset"][i] + frame_offset
    limited = decode_payload(packet.dred_payload(), max_chunks)
    assert limited.chunks == data["parse_nb_latents"][i]
    assert (limited.symbols == symbols).all()
    return limited


def check_rewriting(packet, extensions):
    """Other extensions survive a rewrite byte for byte, the frames always do."""
    others = [e for e in extensions if e[0] != 126 or e[2][:2] != b"D\x0c" or len(e[2]) <= 2]
    attached = Packet.parse(bytes(packet.with_dred(b"redundancy")))
    assert attached.frames == packet.frames
    assert attached.dred_payload() == b"redundancy"
    kept = [(e.id, e.frame, e.data) for e in attached.extensions]
    kept.remove((126, 0, b"D\x0credundancy"))
    assert kept == others
    bare = Packet.parse(bytes(packet.without_extensions()))
    assert bare.frames == packet.frames
    assert bare.toc.byte & ~3 == packet.toc.byte & ~3
    assert bare.padding == b""


@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_packets_of_streams(path):
    data = load(path, "packet_", "parse_", "dred_", "ext_", "full_", "case_")
    symbols = items(data, "dred_q", "dred_q_offsets")
    extensions = defaultdict(list)
    for row, content in enumerate(items(data, "ext_bytes", "ext_offsets")):
        extensions[int(data["ext_packet"][row])].append(
            (int(data["ext_id"][row]), int(data["ext_frame"][row]), content.tobytes())
        )
    full = {int(packet): row for row, packet in enumerate(data.get("full_packet", []))}
    worst, carried = 0.0, 0
    for i, content in enumerate(items(data, "packet_bytes", "packet_offsets")):
        max_chunks = MAX_CHUNKS
        if "case_max_samples" in data:  # edge cases: the amount asked for limits the chunks
            steps = min(104, 2 + 100 * int(data["case_max_samples"][i]) // 16000)
            max_chunks = math.ceil(min(52, (steps + 1) >> 1) / 2)
        packet = Packet.parse(content.tobytes())
        payload = check_packet(data, i, packet, extensions[i], symbols[i], max_chunks)
        check_rewriting(packet, extensions[i])
        carried += payload is not None
        if i in full:
            bounds = data["full_chunk_offsets"]
            latents = data["full_latents"][bounds[full[i]] : bounds[full[i] + 1]]
            worst = max(worst, worst_relative(payload.state, data["full_state"][full[i]]))
            worst = max(worst, worst_relative(payload.latents, latents))
    print(f"{path.stem}: {i + 1} packets, {carried} with DRED, worst deviation {worst:.1e}")
    assert worst <= 1e-6
