# SPDX-License-Identifier: BSD-3-Clause
"""The regular Opus codec in libopus; knows no DRED.

opuslib's classes are avoided on purpose: in 3.0.1 the `inband_fec` setter forgets its value, the
`dtx` setter calls the getter, and they decode to int16 alone. Only its loaded library is used.
"""

from __future__ import annotations

import ctypes
from functools import cached_property

import numpy as np

from dred._libopus import libopus
from dred._native import Floats, address

RATES = (8000, 12000, 16000, 24000, 48000)
APPLICATIONS = {"voip": 2048, "audio": 2049, "restricted-lowdelay": 2051}
MODES = {"silk": 1000, "hybrid": 1001, "celt": 1002}
BANDWIDTHS = {"nb": 1101, "mb": 1102, "wb": 1103, "swb": 1104, "fb": 1105}
MAX_PACKET = 1275 * 6 + 64  # a 120 ms packet of the largest frames

_AUTO = -1000
_SET_BITRATE, _SET_MAX_BANDWIDTH, _SET_VBR, _SET_BANDWIDTH = 4002, 4004, 4006, 4008
_SET_COMPLEXITY, _SET_INBAND_FEC, _SET_PACKET_LOSS, _SET_DTX = 4010, 4012, 4014, 4016
_SET_SIGNAL, _GET_LOOKAHEAD, _GET_FINAL_RANGE, _RESET, _SET_FORCE_MODE = (
    4024, 4027, 4031, 4028, 11002,
)  # fmt: skip


def library_version() -> str:
    """Version string of the libopus in use."""
    text: bytes = libopus().get_version_string()
    return text.decode()


def _require(name: str, value: int, allowed: tuple[int, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}: expected one of {allowed}, got {value}")


class OpusEncoder:
    """Regular frames, with LBRR where asked."""

    def __init__(self, sample_rate: int, channels: int = 1, application: str = "voip") -> None:
        _require("sample_rate", sample_rate, RATES)
        _require("channels", channels, (1, 2))
        if application not in APPLICATIONS:
            raise ValueError(f"application: expected one of {tuple(APPLICATIONS)}")
        self.sample_rate, self.channels = sample_rate, channels
        self._lib = libopus()
        self._state = ctypes.create_string_buffer(self._lib.encoder_get_size(channels))
        self._out = ctypes.create_string_buffer(MAX_PACKET)
        self._lib.checked(
            self._lib.encoder_init(self._state, sample_rate, channels, APPLICATIONS[application]),
            "encoder",
        )

    def _set(self, request: int, value: int, what: str) -> None:
        self._lib.checked(self._lib.encoder_ctl(self._state, request, ctypes.c_int32(value)), what)

    def reset(self) -> None:
        """Forget the past, keep the settings."""
        self._lib.checked(self._lib.encoder_ctl(self._state, _RESET), "reset")

    def configure(
        self,
        *,
        bitrate: int | None = None,
        vbr: bool | None = None,
        complexity: int | None = None,
        lbrr: bool | None = None,
        loss_percent: int | None = None,
        dtx: bool | None = None,
        mode: str | None = None,
        bandwidth: str | None = None,
        max_bandwidth: str | None = None,
    ) -> None:
        """Change settings; None leaves one as it is, mode and bandwidth "auto" free them."""
        plain = (
            (_SET_BITRATE, bitrate, "bitrate"),
            (_SET_VBR, vbr, "vbr"),
            (_SET_COMPLEXITY, complexity, "complexity"),
            (_SET_INBAND_FEC, lbrr, "LBRR"),
            (_SET_PACKET_LOSS, loss_percent, "loss percentage"),
            (_SET_DTX, dtx, "DTX"),
        )
        for request, value, what in plain:
            if value is not None:
                self._set(request, int(value), what)
        named = (
            (_SET_FORCE_MODE, mode, MODES, "mode"),
            (_SET_BANDWIDTH, bandwidth, BANDWIDTHS, "bandwidth"),
            (_SET_MAX_BANDWIDTH, max_bandwidth, BANDWIDTHS, "maximum bandwidth"),
        )
        for request, name, table, what in named:
            if name is not None:
                self._set(request, _AUTO if name == "auto" else table[name], what)

    @cached_property
    def lookahead(self) -> int:
        """Delay of encoder and decoder together, in samples at the encoder's rate."""
        value = ctypes.c_int32()
        self._lib.checked(
            self._lib.encoder_ctl(self._state, _GET_LOOKAHEAD, ctypes.byref(value)), "look-ahead"
        )
        return value.value

    def encode(self, pcm: Floats, max_bytes: int = MAX_PACKET) -> bytes:
        """One packet of pcm [n] or [n, channels], float32 in +-1."""
        samples = np.ascontiguousarray(pcm, np.float32)
        count = samples.size // self.channels
        length = self._lib.encode_float(
            self._state, address(samples), count, self._out, min(max_bytes, MAX_PACKET)
        )
        return ctypes.string_at(self._out, self._lib.checked(length, "encode"))


class OpusDecoder:
    """A stock decoder whose state can be saved and brought back."""

    def __init__(self, sample_rate: int, channels: int = 1) -> None:
        _require("sample_rate", sample_rate, RATES)
        _require("channels", channels, (1, 2))
        self.sample_rate, self.channels = sample_rate, channels
        self._lib = libopus()
        self._state = ctypes.create_string_buffer(self._lib.decoder_get_size(channels))
        self._lib.checked(self._lib.decoder_init(self._state, sample_rate, channels), "decoder")

    def reset(self) -> None:
        """Forget the past."""
        self._lib.checked(self._lib.decoder_ctl(self._state, _RESET), "reset")

    def save(self) -> bytes:
        """The state as bytes: libopus keeps it in one block without pointers into itself."""
        return self._state.raw

    def restore(self, state: bytes) -> None:
        """Go back to a saved state."""
        ctypes.memmove(self._state, state, len(state))

    def decode(self, packet: bytes | None, samples: int, *, fec: bool = False) -> Floats:
        """Samples [n, channels] of a packet, of the LBRR it carries (fec), or of a loss (None).

        samples: per channel; room for a packet, exact duration for LBRR and loss.
        """
        out = np.empty((samples, self.channels), np.float32)
        length = 0 if packet is None else len(packet)
        count = self._lib.decode_float(self._state, packet, length, address(out), samples, int(fec))
        return out[: self._lib.checked(count, "decode")]

    @property
    def final_range(self) -> int:
        """The range coder's final state: equal to the encoder's for a correct decoder."""
        value = ctypes.c_uint32()
        self._lib.checked(
            self._lib.decoder_ctl(self._state, _GET_FINAL_RANGE, ctypes.byref(value)), "final range"
        )
        return value.value
