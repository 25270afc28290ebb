# SPDX-License-Identifier: BSD-3-Clause
"""Compares every stage with the vectors of the reference; knows no test runner and prints nothing.

Every function takes what it compares and returns figures; a figure knows its limit. The limits
are those of the vectors' README, which derives them from what variants of the reference differ by
among themselves; where it gives none, a comment here says what the limit comes from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dred._core import ffi, lib

import dred
from dred.opus import OpusDecoder
from dred.packet import Packet
from dred.payload import MAX_CHUNKS, decode_payload, encode_payload

ROOT = Path(__file__).resolve().parents[2]
Data = dict[str, np.ndarray]


@dataclass(frozen=True)
class Figure:
    """One compared quantity; `least`: the limit is a minimum."""

    quantity: str
    value: float
    limit: float
    least: bool = False

    @property
    def ok(self) -> bool:
        return self.value >= self.limit if self.least else self.value <= self.limit


def folder() -> Path:
    """Where the vectors are if they are anywhere."""
    shared = Path(os.environ.get("DRED_SHARED", ROOT.parent / "shared"))
    return shared / "reference" / "opus-1.6.1"


def modules() -> list[Path]:
    return sorted((folder() / "modules").glob("*.npz"))


def streams() -> list[Path]:
    """Packet streams, and the hand-made packets of edge_cases."""
    return sorted(p for p in (folder() / "streams").glob("*.npz") if p.stem != "inputs")


def load(path: Path, *prefixes: str) -> Data:
    with np.load(path) as archive:
        return {key: archive[key] for key in archive if key.startswith(prefixes)}


def ragged(data: Data, name: str, offsets: str) -> list[np.ndarray]:
    bounds = data[offsets]
    return [data[name][bounds[i] : bounds[i + 1]] for i in range(len(bounds) - 1)]


def rms(difference: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


def highest(difference: np.ndarray) -> float:
    return float(np.max(np.abs(difference)))


def quantile(difference: np.ndarray, share: float) -> float:
    return float(np.quantile(np.abs(difference), share))


def as_float(pcm: np.ndarray) -> np.ndarray:
    return pcm.astype(np.float32) / np.float32(32768)


# ---- networks and analysis -----------------------------------------------------------------------


def check_features(paths: Iterable[Path], models: dred.Models) -> list[Figure]:
    """Analysis of pcm: cepstrum, LPC, pitch, voicing, Burg cepstra."""
    ours, theirs, scalar, burg = [], [], [], []
    for path in paths:
        data = load(path, "pcm", "feat_features", "feat_burg")
        ours.append(dred.stages.analyse(data["pcm"], models))
        theirs.append(data["feat_features"])
        scalar.append(data["feat_features_generic"])
        burg.append(dred.burg_features(data["pcm"]) - data["feat_burg"])
    expected = np.concatenate(theirs)
    difference = np.concatenate(ours) - expected
    near = np.abs(difference[:, 18]) < 0.01
    variant = np.abs((np.concatenate(scalar) - expected[:, :20])[:, 18]) < 0.01
    voiced = expected[:, 19] > 0
    return [
        Figure("features: cepstrum, worst", highest(difference[:, :18]), 1e-3),
        Figure("features: LPC, worst", highest(difference[:, 20:]), 1e-2),
        Figure("features: pitch within .01, voiced frames", near[voiced].mean(), 0.99, least=True),
        # The README asks for 99 % of all frames; the reference's own scalar code does not reach
        # that on these signals, and what it reaches is the limit.
        Figure("features: pitch within .01, all frames", near.mean(), variant.mean(), least=True),
        Figure("features: voicing, 95 %", quantile(difference[:, 19], 0.95), 1e-3),
        # Cepstra of a Burg spectrum: the limit of the other cepstra.
        Figure("features: Burg cepstra, worst", highest(np.concatenate(burg)), 1e-3),
    ]


def check_encoder(paths: Iterable[Path], models: dred.Models) -> list[Figure]:
    """RDO-VAE encoder on the reference's own features."""
    latents, states = [], []
    for path in paths:
        data = load(path, "feat_features", "enc_latents", "enc_state")
        rows = len(data["enc_latents"])
        z, s0 = dred.rdovae_encode(data["feat_features"][: 2 * rows, :20], models)
        latents.append(z - data["enc_latents"])
        states.append(s0 - data["enc_state"])
    z, s0 = np.concatenate(latents), np.concatenate(states)
    return [
        Figure("latents, rms", rms(z), 0.2),
        Figure("latents, 99 %", quantile(z, 0.99), 0.7),
        Figure("initial states, rms", rms(s0), 0.3),
    ]


def _decoder_figures(name: str, difference: np.ndarray) -> list[Figure]:
    cepstrum = difference[:, :18]
    return [
        Figure(f"{name}: cepstrum, rms", rms(cepstrum), 0.03),
        Figure(f"{name}: cepstrum, 99 %", quantile(cepstrum, 0.99), 0.1),
        Figure(f"{name}: pitch, rms", rms(difference[:, 18]), 0.008),
        Figure(f"{name}: voicing, rms", rms(difference[:, 19]), 0.012),
    ]


def check_decoder(paths: Iterable[Path], models: dred.Models) -> list[Figure]:
    """RDO-VAE decoder on the reference's own states and latents."""
    found = []
    for path in paths:
        data = load(path, "dec_")
        pairs = zip(
            ragged(data, "dec_latents", "dec_chunk_offsets"),
            ragged(data, "dec_features", "dec_chunk_offsets"),
            strict=True,
        )
        for state, (latents, features) in zip(data["dec_state"], pairs, strict=True):
            if len(latents):
                ours = dred.rdovae_decode(state, latents, models)
                found.append(ours - features.reshape(-1, 20))
    return _decoder_figures("decoded", np.concatenate(found))


def check_predictor(paths: Iterable[Path], models: dred.Models) -> list[Figure]:
    """PLC feature predictor: received, lost and described steps in turn."""
    found = []
    for path in paths:
        data = load(path, "plc_in", "plc_out")
        predictor = dred.FeaturePredictor(models)
        ours = [predictor.step(row) for row in data["plc_in"]]
        found.append(np.array(ours) - data["plc_out"])
    return [Figure("PLC predictor, rms", rms(np.concatenate(found)), 0.015)]


# Edges of bands about as wide as those of the cepstrum, up to 7.6 kHz.
BAND_EDGES_HZ = (0, 200, 400, 600, 800, 1000, 1200, 1400, 1600, 2000, 2400, 2800, 3200, 4000,
                 4800, 5600, 6800, 7600)  # fmt: skip


def band_levels(pcm: np.ndarray) -> np.ndarray:
    """Levels in dB per band of a whole signal at 16 kHz."""
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    edges = np.array(BAND_EDGES_HZ) * len(pcm) // 16000
    return 10 * np.log10(np.add.reduceat(power, edges)[:-1] + 1e-4)


def check_vocoder(paths: Iterable[Path], models: dred.Models) -> list[Figure]:
    """Continuation of real audio. Long output is chaotic: only its levels are compared."""
    start, levels, variants = [], [], []
    for path in paths:
        data = load(path, "fargan_")
        for i in range(len(data["fargan_start"])):
            vocoder = dred.Vocoder(models)
            vocoder.resume(data["fargan_in_pcm"][i], data["fargan_in_features"][i])
            pcm = vocoder.synthesize(data["fargan_features"][i])
            expected = data["fargan_out"][i]
            start.append(pcm[:320] - expected[:320])
            levels.append(band_levels(pcm) - band_levels(expected))
            variants.append(band_levels(data["fargan_out_generic"][i]) - band_levels(expected))
    return [
        # Variants of the reference differ by .0065; three times that is an error.
        Figure("vocoder: first 20 ms, rms", rms(np.concatenate(start)), 0.013),
        # As much as the reference's own variant on the same signals, and half as much again.
        Figure("vocoder: levels of 500 ms, rms dB", rms(np.array(levels)),
               1.5 * rms(np.array(variants))),
    ]  # fmt: skip


def conceal(data: Data, models: dred.Models) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Our run of the vectors conceal_*: pcm [frames, 160], vectors [frames, 20], first frames of
    gaps."""
    flags, features = data["conceal_flag"], data["feat_features"][:, :20]
    pcm = as_float(data["pcm"])
    concealer = dred.Concealer(models)
    out = np.zeros((len(flags), 160), np.float32)
    used = np.zeros((len(flags), 20), np.float32)
    first = np.zeros(len(flags), bool)
    for i, flag in enumerate(flags):
        if flag == 0:
            out[i] = pcm[160 * i : 160 * (i + 1)]
            concealer.good(out[i])
            continue
        wanted = concealer.wants()
        first[i] = wanted == 3
        places = i + 3 - wanted + np.arange(wanted)
        known = (flag >= 2) & (places < len(features))
        if flag == 3:
            known[:2] = False
        rows = features[np.minimum(places, len(features) - 1)] * known[:, None]
        out[i] = concealer.step(rows, known.astype(np.uint8))
        lib.dred_concealer_features(concealer._handle.raw, ffi.from_buffer("float[]", used[i]))
    return out, used, first


def check_concealer(paths: Iterable[Path], models: dred.Models) -> list[Figure]:
    """Losses in 10 ms frames: which vector is used when, and the audio made of it."""
    described, predicted, first_gaps, beginnings, levels = [], [], [], [], []
    for path in paths:
        data = load(path, "pcm", "feat_features", "conceal_")
        out, used, first = conceal(data, models)
        expected = as_float(data["conceal_out"])
        difference = used - data["conceal_features"]
        flags = data["conceal_flag"]
        known = (flags == 2) | (first & (flags == 3))
        known[len(data["feat_features"]) - 2 :] = False
        described.append(difference[known])
        predicted.append(difference[flags == 1])
        begin = int(np.argmax(first))
        first_gaps.append(difference[begin : begin + int(np.argmax(flags[begin:] != flags[begin]))])
        beginnings.append((out - expected)[begin])
        lost = flags > 0
        levels.append(band_levels(out[lost].ravel()) - band_levels(expected[lost].ravel()))
    return [
        Figure("concealer: described vectors, worst", highest(np.concatenate(described)), 1e-6),
        # Later gaps follow audio that was itself made, and so is another in every variant: there
        # only the median can be compared. The predictor's own limit, once for its error and once
        # for that of the features it starts from.
        Figure("concealer: predicted, first gap, rms", rms(np.concatenate(first_gaps)), 0.03),
        Figure("concealer: predicted, all gaps, median",
               quantile(np.concatenate(predicted), 0.5), 0.01),
        Figure("concealer: first 10 ms of first gap, rms", rms(np.concatenate(beginnings)), 0.013),
        # What variants of the reference differ by over lost packets of streams: .6 to 1.1 dB.
        Figure("concealer: levels of lost frames, rms dB", rms(np.array(levels)), 1.1),
    ]  # fmt: skip


# ---- payloads and packets ------------------------------------------------------------------------


def check_payloads(paths: Iterable[Path]) -> list[Figure]:
    """Entropy coding both ways, from the reference's bytes and from its latents."""
    misread = symbols_made = differ = recoded = 0
    worst = 0.0
    for path in paths:
        data = load(path, "pay_", "dec_", "dred_")
        payloads = ragged(data, "pay_bytes", "pay_offsets")
        symbols = ragged(data, "pay_q", "pay_q_offsets")
        for i, content in enumerate(payloads):
            if not content.size:
                continue
            payload = content.tobytes()
            decoded = decode_payload(payload)
            misread += (
                decoded.chunks != data["pay_dec_nb_latents"][i]
                or decoded.offset != data["pay_dec_dred_offset"][i]
                or not np.array_equal(decoded.symbols, symbols[i][: decoded.symbols.size])
            )
            again = _encode_like(data, i)
            made = decode_payload(again).symbols if again else symbols[i][:0]
            count = min(len(made), len(symbols[i]))
            wrong = int(np.count_nonzero(made[:count] != symbols[i][:count]))
            symbols_made, differ = symbols_made + count, differ + wrong
            hidden = decoded.chunks < data["pay_nb_chunks"][i]
            recoded += not wrong and not hidden and again != payload
        bounds = data["dec_chunk_offsets"]
        for row, i in enumerate(data["dec_payload_index"]):
            decoded = decode_payload(payloads[i].tobytes())
            latents = data["dec_latents"][bounds[row] : bounds[row + 1]]
            worst = max(worst, relative(decoded.state, data["dec_state"][row]),
                        relative(decoded.latents, latents))  # fmt: skip
    return [
        Figure("payloads: read wrongly", misread, 0),
        # Values that lie on the border of two symbols within the error of the reference's tanh.
        Figure("payloads: share of symbols that differ", differ / max(symbols_made, 1), 2e-5),
        Figure("payloads: same symbols, other bytes", recoded, 0),
        Figure("payloads: dequantised, worst relative", worst, 1e-6),
    ]


def _encode_like(data: Data, i: int) -> bytes:
    """Our payload of the same latents with the same settings."""
    q0, dq, qmax, _, max_bytes = (int(x) for x in data["pay_settings"][data["pay_setting"][i]])
    return encode_payload(
        data["dred_latents"], data["dred_state"],
        newest=int(data["pay_packet"][i]) - int(data["pay_latent_offset"][i]),
        q0=q0, dq=dq, qmax=qmax,
        max_chunks=int(data["pay_nb_chunks"][i]),
        offset=16 - int(data["pay_total_offset"][i]),
        max_bytes=max_bytes,
    )  # fmt: skip


def relative(value: np.ndarray, expected: np.ndarray) -> float:
    if not expected.size:
        return 0.0
    return float(np.max(np.abs(value - expected) / np.maximum(np.abs(expected), 1e-9)))


def check_packets(paths: Iterable[Path]) -> list[Figure]:
    """Every packet of every stream: what its DRED says, and that libopus is not disturbed."""
    wrong: dict[str, int] = dict.fromkeys(PACKET_CHECKS, 0)
    packets = carriers = out_of_range = 0
    for path in paths:
        data = load(path, "packet_", "parse_", "dred_", "case_", "final_range")
        contents = [item.tobytes() for item in ragged(data, "packet_bytes", "packet_offsets")]
        packets += len(contents)
        symbols = ragged(data, "dred_q", "dred_q_offsets")
        for i, content in enumerate(contents):
            packet = Packet.parse(content)
            carriers += packet.dred is not None
            for name, same in PACKET_CHECKS.items():
                wrong[name] += not same(packet, data, symbols, i)
        if "final_range" in data:
            out_of_range += _range_mismatches(contents, data["final_range"])
    return [
        Figure("streams: packets compared", packets, 1, least=True),
        Figure("streams: packets with DRED", carriers, 1, least=True),
        *(Figure(f"streams: packets with other {n}", count, 0) for n, count in wrong.items()),
        Figure("streams: packets libopus decodes otherwise", out_of_range, 0),
    ]


def check_stream_features(paths: Iterable[Path], models: dred.Models) -> list[Figure]:
    """Decoded features of packets, from their bytes."""
    found: list[np.ndarray] = []
    for path in paths:
        data = load(path, "packet_", "full_", "case_")
        contents = [item.tobytes() for item in ragged(data, "packet_bytes", "packet_offsets")]
        found += _full_features(contents, data, models)
    return _decoder_figures("streams", np.concatenate(found))


def _chunks_asked(data: Data, i: int) -> int:
    """How many chunks the parser was asked for: one second for streams."""
    if "case_max_samples" not in data:
        return MAX_CHUNKS
    steps = min(104, 2 + 100 * int(data["case_max_samples"][i]) // 16000)
    return -(-min(52, (steps + 1) >> 1) // 2)


def _same_presence(packet: Packet, data: Data, _: list[np.ndarray], i: int) -> bool:
    return (packet.dred is not None) == (data["parse_process_stage"][i] >= 0)


def _same_header(packet: Packet, data: Data, _: list[np.ndarray], i: int) -> bool:
    found = packet.dred
    return found is None or (found.q0, found.dq, found.qmax) == tuple(
        data[key][i] for key in ("dred_q0", "dred_dQ", "dred_qmax")
    )


def _same_offset(packet: Packet, data: Data, _: list[np.ndarray], i: int) -> bool:
    return packet.dred is None or packet.dred.offset == data["parse_dred_offset"][i]


def _limited(packet: Packet, data: Data, i: int) -> dred.Payload:
    assert packet.dred_payload() is not None
    return decode_payload(packet.dred_payload(), _chunks_asked(data, i))


def _same_chunks(packet: Packet, data: Data, _: list[np.ndarray], i: int) -> bool:
    return packet.dred is None or (_limited(packet, data, i).chunks == data["parse_nb_latents"][i])


def _same_symbols(packet: Packet, data: Data, symbols: list[np.ndarray], i: int) -> bool:
    if packet.dred is None:
        return not symbols[i].size
    return np.array_equal(_limited(packet, data, i).symbols, symbols[i])


PACKET_CHECKS: dict[str, Callable[[Packet, Data, list[np.ndarray], int], bool]] = {
    "presence of DRED": _same_presence,
    "header": _same_header,
    "offset": _same_offset,
    "number of chunks": _same_chunks,
    "symbols": _same_symbols,
}


def _range_mismatches(contents: list[bytes], expected: np.ndarray) -> int:
    """Packets after which the installed libopus has another state of its range coder."""
    decoder = OpusDecoder(48000, 1)
    count = 0
    for content, value in zip(contents, expected, strict=True):
        decoder.decode(content, 5760)
        count += len(content) > 1 and decoder.final_range != value
    return count


def _full_features(contents: list[bytes], data: Data, models: dred.Models) -> Iterator[np.ndarray]:
    if not len(data.get("full_packet", ())):
        return
    for i, features in zip(
        data["full_packet"], ragged(data, "full_features", "full_chunk_offsets"), strict=True
    ):
        packet = Packet.parse(contents[i])
        payload = _limited(packet, data, i)
        ours = dred.rdovae_decode(payload.state, payload.latents, models)
        yield ours - features.reshape(-1, 20)


STAGES: dict[str, Callable[[Iterable[Path], dred.Models], list[Figure]]] = {
    "features": check_features,
    "encoder": check_encoder,
    "decoder": check_decoder,
    "predictor": check_predictor,
    "vocoder": check_vocoder,
    "concealer": check_concealer,
}
