# SPDX-License-Identifier: BSD-3-Clause
"""Any latents: what is coded is decoded, within the size allowed; any bytes decode to something."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dred.payload import MAX_CHUNKS, decode_payload, encode_payload, quantizer_levels


@st.composite
def settings(draw: st.DrawFn) -> dict[str, int]:
    q0, dq = draw(st.integers(0, 15)), draw(st.integers(0, 7))
    lowest = q0 if dq == 0 or q0 == 15 else q0 + 1
    return {
        "q0": q0,
        "dq": dq,
        "qmax": draw(st.integers(lowest, 15)),
        "offset": draw(st.integers(-8175, 16)),
        "max_bytes": draw(st.integers(0, 1500)),
        "max_chunks": draw(st.integers(1, MAX_CHUNKS)),
    }


@given(settings(), st.integers(0, 2**32 - 1), st.floats(0, 300), st.integers(1, 60))
def test_round_trip(chosen, seed, amplitude, rows):
    rng = np.random.default_rng(seed)
    z = amplitude * rng.standard_normal((rows, 25))
    s0 = amplitude * rng.standard_normal((rows, 50))
    data = encode_payload(z, s0, rows - 1, **chosen)
    assert len(data) <= chosen["max_bytes"]
    if not data:
        return
    payload = decode_payload(data)
    assert 1 <= payload.chunks <= min(chosen["max_chunks"], (rows + 1) // 2)
    assert (payload.q0, payload.dq, payload.offset) == (
        chosen["q0"],
        chosen["dq"],
        chosen["offset"],
    )
    levels = quantizer_levels(chosen["q0"], chosen["dq"], chosen["qmax"], payload.chunks)
    assert list(payload.levels) == levels
    assert (sum(payload.bits) + 7) // 8 == len(data)
    # The same vectors again, each at its level: the symbols are a function of the input alone.
    again = encode_payload(z, s0, rows - 1, **(chosen | {"max_chunks": payload.chunks}))
    assert (decode_payload(again).symbols == payload.symbols).all()


@given(st.binary(max_size=300), st.integers(0, MAX_CHUNKS))
def test_any_bytes_decode(data, max_chunks):
    payload = decode_payload(data, max_chunks)
    assert payload.chunks <= max_chunks
    assert payload.state.shape == (50,)
    assert payload.latents.shape == (payload.chunks, 26)
    assert np.isfinite(payload.latents).all()
    assert np.isfinite(payload.state).all()
    assert np.abs(payload.symbols).max() <= 32767


@given(st.binary(min_size=1, max_size=120), st.data())
def test_a_cut_payload_is_a_prefix_or_shorter(data, draw):
    cut = data[: draw.draw(st.integers(0, len(data)))]
    assert decode_payload(cut).chunks <= decode_payload(data).chunks + MAX_CHUNKS
    # What follows a cut reads as zeros.
    longer = decode_payload(cut + bytes(300))
    shorter = decode_payload(cut)
    count = shorter.symbols.size
    assert (longer.symbols[:count] == shorter.symbols).all()
