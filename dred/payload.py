# SPDX-License-Identifier: BSD-3-Clause
"""Latents and initial states to and from the bytes of a DRED payload; knows no packets and no
networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dred._core import ffi, lib
from dred._native import Floats, check, floats, pointer
from dred.profile import LATENT_DIM, OPUS, STATE_DIM, Profile

MAX_CHUNKS: int = lib.DRED_MAX_CHUNKS
MAX_BYTES = 4096


@dataclass(frozen=True, eq=False)
class Payload:
    """A decoded payload. Chunks are 40 ms each, newest first.

    offset: end of the newest coded 10 ms step relative to the packet's first decoded sample, in
    2.5 ms units. latents [chunks, 26]: 25 dequantised values and level / 8 - 1. symbols: state,
    then chunk by chunk, as coded. bits: header, state, each chunk.
    """

    q0: int
    dq: int
    qmax: int
    offset: int
    levels: tuple[int, ...]
    state: Floats
    latents: Floats
    symbols: npt.NDArray[np.int32]
    bits: tuple[int, ...]

    @property
    def chunks(self) -> int:
        return len(self.levels)


def _integer(value: int, low: int, high: int, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be {low} to {high}, not {value}")
    return int(value)


def quantizer_levels(q0: int, dq: int, qmax: int, chunks: int = MAX_CHUNKS) -> list[int]:
    """Quantiser level of each chunk, newest first."""
    header = ffi.new("dred_payload_header *", {"q0": q0, "dq": dq, "qmax": qmax})
    return [check(lib.dred_quantizer_level(header, i), "levels") for i in range(chunks)]


def encode_payload(
    z: npt.ArrayLike,
    s0: npt.ArrayLike,
    newest: int,
    q0: int = 6,
    dq: int = 3,
    qmax: int = 15,
    max_chunks: int = MAX_CHUNKS,
    offset: int = 10,
    max_bytes: int = 1000,
    profile: Profile = OPUS,
) -> bytes:
    """Code row `newest` of the initial states s0 [n, 50] and rows newest, newest - 2, ... of the
    latents z [n, 25], as many as fit. Empty where not even one chunk fits. profile: that of the
    models whose encoder made them."""
    latents = floats(z, (-1, LATENT_DIM), "latents")
    states = floats(s0, (-1, STATE_DIM), "initial states")
    if len(latents) != len(states):
        raise ValueError(f"{len(latents)} latents but {len(states)} initial states")
    if len(latents) == 0:
        raise ValueError("no latents")
    newest = _integer(newest, 0, len(latents) - 1, "newest")
    q0, dq = _integer(q0, 0, 15, "q0"), _integer(dq, 0, 7, "dq")
    qmax = _integer(qmax, q0 if dq == 0 or q0 == 15 else q0 + 1, 15, "qmax")
    max_chunks = _integer(max_chunks, 1, MAX_CHUNKS, "max_chunks")
    offset = _integer(offset, -8175, 16, "offset")
    max_bytes = _integer(max_bytes, 0, MAX_BYTES, "max_bytes")

    rows = np.ascontiguousarray(latents[newest::-2][:max_chunks])
    state = np.ascontiguousarray(states[newest])
    header = ffi.new("dred_payload_header *", {"q0": q0, "dq": dq, "qmax": qmax, "offset": offset})
    out = ffi.new("unsigned char[]", max(1, max_bytes))
    size = lib.dred_payload_encode(
        profile.raw, header, pointer(rows), pointer(state), len(rows), out, max_bytes, ffi.NULL
    )
    if size == lib.DRED_ERR_NODATA:
        return b""
    return bytes(ffi.buffer(out, check(size, "DRED payload")))


def decode_payload(data: bytes, max_chunks: int = MAX_CHUNKS, profile: Profile = OPUS) -> Payload:
    """Entropy-decode a payload (without the two prefix bytes) of a profile, at most max_chunks
    chunks. Any bytes give a result: what is cut off reads as zeros, as in the reference."""
    data = bytes(data)
    max_chunks = _integer(max_chunks, 0, MAX_CHUNKS, "max_chunks")
    raw = ffi.new("dred_payload *")
    size = len(data)
    chunks = check(
        lib.dred_payload_decode(profile.raw, data, size, max_chunks, raw), "DRED payload"
    )
    header = raw.header

    def copied(field: str, count: int) -> Floats:
        return np.frombuffer(ffi.buffer(getattr(raw, field)), np.float32, count).copy()

    symbols = STATE_DIM + chunks * LATENT_DIM
    return Payload(
        q0=header.q0,
        dq=header.dq,
        qmax=header.qmax,
        offset=header.offset,
        levels=tuple(raw.level[0:chunks]),
        state=copied("state", STATE_DIM),
        latents=copied("latents", chunks * (LATENT_DIM + 1)).reshape(chunks, LATENT_DIM + 1),
        symbols=np.frombuffer(ffi.buffer(raw.symbols), np.int32, symbols).copy(),
        bits=tuple(raw.bits[0 : 2 + chunks]),
    )
