# SPDX-License-Identifier: BSD-3-Clause
"""Conversions between milliseconds, samples and the 2.5 ms units of packets; knows nothing else.

Durations that must fall on a grid are checked: a conversion that would lose part of a unit is a
ValueError and is never rounded silently.
"""

# Sampling rates of the Opus API, in Hz.
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
# Rate of Ogg granule positions and of Opus durations, whatever the audio's own rate.
GRANULE_RATE = 48000
# Rate inside the codec: features, vocoder, PLC predictor.
CORE_RATE = 16000
# Positions inside packets count units of 2.5 ms.
UNITS_PER_SECOND = 400


def _exact(numerator: float, denominator: float, what: str) -> int:
    value = numerator / denominator
    nearest = round(value)
    if abs(value - nearest) > 1e-6:
        raise ValueError(f"{what} is not a whole number: {value:g}")
    return nearest


def ms_to_samples(ms: float, rate: int) -> int:
    """Samples in a duration, which must be a whole number of them."""
    return _exact(ms * rate, 1000, f"{ms:g} ms in samples at {rate} Hz")


def samples_to_ms(samples: int, rate: int) -> float:
    return samples * 1000 / rate


def ms_to_units(ms: float) -> int:
    """Units of 2.5 ms in a duration, which must be a multiple of 2.5 ms."""
    return _exact(ms * UNITS_PER_SECOND, 1000, f"{ms:g} ms in units of 2.5 ms")


def units_to_ms(units: int) -> float:
    return units * 1000 / UNITS_PER_SECOND


def units_to_samples(units: int, rate: int) -> int:
    return _exact(units * rate, UNITS_PER_SECOND, f"{units} units in samples at {rate} Hz")


def samples_to_units(samples: int, rate: int) -> int:
    """Units of 2.5 ms in a number of samples, which must be a multiple of 2.5 ms."""
    return _exact(samples * UNITS_PER_SECOND, rate, f"{samples} samples at {rate} Hz in units")


def opus_rate_for(rate: int) -> int:
    """The lowest rate of the Opus API that keeps the band of audio at `rate` (48 kHz at most)."""
    if rate <= 0:
        raise ValueError(f"sampling rate must be positive, not {rate}")
    return next((candidate for candidate in OPUS_RATES if candidate >= rate), OPUS_RATES[-1])
