# SPDX-License-Identifier: BSD-3-Clause
"""Rates, and the 2.5 ms units of packets; knows nothing else."""

import math

# Sampling rates of the Opus API, in Hz.
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
# Rate of Ogg granule positions and of Opus durations, whatever the audio's own rate.
GRANULE_RATE = 48000
# Rate inside the codec: features, vocoder, PLC predictor.
CORE_RATE = 16000
# RTP timestamps of Opus count so many units per ms, whatever the audio's rate (RFC 7587 4.1).
CLOCK = 48
# Packets up to this size only say that nothing is said (RFC 6716 section 2.1.9).
DTX_BYTES = 2
# Positions inside packets count units of 2.5 ms.
UNITS_PER_SECOND = 400


def units_to_ms(units: int) -> float:
    return units * 1000 / UNITS_PER_SECOND


def opus_rate_for(rate: int) -> int:
    """The lowest rate of the Opus API that keeps the band of audio at `rate` (48 kHz at most)."""
    if rate <= 0:
        raise ValueError(f"sampling rate must be positive, not {rate}")
    return next((candidate for candidate in OPUS_RATES if candidate >= rate), OPUS_RATES[-1])


def checked_delay(milliseconds: float) -> float:
    """A play-out delay that can be, or a ValueError."""
    if not 0 <= milliseconds < math.inf:
        raise ValueError(f"jitter_ms: expected 0 or more, got {milliseconds}")
    return milliseconds


def known_delay(milliseconds: float | None) -> float | None:
    """The same of one that may be unknown."""
    return None if milliseconds is None else checked_delay(milliseconds)
