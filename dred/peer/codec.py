# SPDX-License-Identifier: BSD-3-Clause
"""DRED of libopus: its encoder, its parser and its decoder; knows no network."""

from __future__ import annotations

import ctypes
import weakref
from functools import lru_cache

import numpy as np

from dred._libopus import libopus
from dred._native import Floats, address
from dred.errors import DredError
from dred.opus import OpusDecoder, OpusEncoder, library_version

# Of opus_defines.h. The duration counts steps of 10 ms.
_SET_COMPLEXITY, _SET_DRED_DURATION, _GET_DRED_DURATION = 4010, 4050, 4051
STEP_MS = 10
# From this complexity of its decoder on, libopus conceals with its networks.
NEURAL = 5


class DredEncoder(OpusEncoder):
    """An encoder that puts DRED into its packets by itself, where bitrate and announced loss allow
    it."""

    def set_dred_ms(self, milliseconds: int) -> None:
        """How much of the past to describe at most, 0 to 1040 ms."""
        self._set(_SET_DRED_DURATION, milliseconds // STEP_MS, "DRED duration")

    @property
    def dred_ms(self) -> int:
        """What is in force."""
        value = ctypes.c_int32()
        self._lib.checked(
            self._lib.encoder_ctl(self._state, _GET_DRED_DURATION, ctypes.byref(value)),
            "DRED duration",
        )
        return STEP_MS * value.value


@lru_cache(maxsize=1)
def why_not() -> str:
    """Why there is no DRED in the libopus at hand, in a line with the mend; empty where there
    is."""
    mend = "name one built with --enable-dred --enable-deep-plc in DRED_LIBOPUS"
    if not libopus().knows_dred:
        return f"{library_version()} has no DRED (1.5 and later can); {mend}"
    try:
        encoder = DredEncoder(48000)
        encoder.set_dred_ms(1000)
        if encoder.dred_ms == 1000:
            return ""
    except DredError:
        pass
    return f"{library_version()} was built without DRED; {mend}"


def require() -> None:
    """DredError where there is no DRED in the libopus at hand."""
    reason = why_not()
    if reason:
        raise DredError(reason)


class DredParser:
    """Finds the payload of a packet and decodes it to features. `state` is what a decoder reads."""

    def __init__(self, sample_rate: int) -> None:
        require()
        self._lib, self._rate = libopus(), sample_rate
        self._decoder = ctypes.create_string_buffer(self._lib.dred_decoder_get_size())
        self._lib.checked(self._lib.dred_decoder_init(self._decoder), "DRED decoder")
        error, self._end = ctypes.c_int(), ctypes.c_int()
        self.state = self._lib.dred_alloc(ctypes.byref(error))
        self._lib.checked(error.value, "DRED")
        weakref.finalize(self, self._lib.dred_free, self.state)

    def parse(self, packet: bytes, max_samples: int, *, defer: bool = False) -> tuple[int, int]:
        """(begin, end): the payload describes from `begin` to `end` samples before the packet's
        start; (0, 0) where there is none, DredError where the packet or its extensions are
        malformed. max_samples: how much of the past is wanted. defer: leave the network's work to
        `process`."""
        begin = self._lib.dred_parse(
            self._decoder, self.state, packet, len(packet), max_samples, self._rate,
            ctypes.byref(self._end), int(defer),
        )  # fmt: skip
        begin = self._lib.checked(begin, "DRED payload")
        return begin, self._end.value if begin else 0

    def process(self, source: DredParser) -> None:
        """What `source` has parsed and deferred, decoded into this one."""
        self._lib.checked(
            self._lib.dred_process(self._decoder, source.state, self.state), "DRED payload"
        )


class DredDecoder(OpusDecoder):
    """A decoder that speaks what was parsed. complexity: 0 to 10, from NEURAL on with neural
    concealment."""

    def __init__(self, sample_rate: int, channels: int = 1, complexity: int = NEURAL) -> None:
        super().__init__(sample_rate, channels)
        self._lib.checked(
            self._lib.decoder_ctl(self._state, _SET_COMPLEXITY, ctypes.c_int32(complexity)),
            "complexity of the decoder",
        )

    def decode_dred(self, parser: DredParser, offset: int, samples: int) -> Floats:
        """Samples [n, channels] from `offset` samples before the start of the packet on."""
        out = np.empty((samples, self.channels), np.float32)
        count = self._lib.decoder_dred_decode_float(
            self._state, parser.state, offset, address(out), samples
        )
        return out[: self._lib.checked(count, "decode of DRED")]
