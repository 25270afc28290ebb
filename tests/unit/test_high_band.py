# SPDX-License-Identifier: BSD-3-Clause
"""What gaps get above 8 kHz: as strong as it was in like sounds, in time, and nowhere else."""

import math
from itertools import pairwise

import numpy as np
import pytest
from signals import opus_packets, voice
from weights import embedded_models

from dred.evaluate.metrics import high_band_distance
from dred.receiver import Receiver
from dred.receiver.high_band import EDGES, MEMORY, HighBand
from dred.resample import Resampler

CORE, RATE = 16000, 48000
BANDS = list(pairwise(EDGES))


def band(pcm, low, high, rate=RATE):
    """Power between two frequencies, dB."""
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2 / len(pcm) ** 2
    frequencies = np.fft.rfftfreq(len(pcm), 1 / rate)
    return 10 * np.log10(power[(frequencies >= low) & (frequencies < high)].sum() + 1e-20)


def slope(seconds, seed, decibels_per_octave=0.0):
    """Noise up to 20 kHz that is flat up to 1 kHz."""
    random = np.random.default_rng(seed)
    frequencies = np.fft.rfftfreq(round(RATE * seconds), 1 / RATE)
    octaves = np.log2(np.maximum(frequencies, 1000) / 1000)
    tilt = 10 ** (decibels_per_octave / 20 * octaves) * (frequencies < 20000)
    spectrum = random.standard_normal((2, len(frequencies))) * tilt
    pcm = np.fft.irfft(spectrum[0] + 1j * spectrum[1])
    return (0.05 * pcm / pcm.std()).astype(np.float32)


def vowel(seconds, seed):
    return slope(seconds, seed, -12)


def fricative(seconds, seed):
    return slope(seconds, seed, 3)


def narrow(pcm, rate=RATE):
    """The same at 16 kHz, to be synthesised."""
    return Resampler(rate, CORE).process(np.append(pcm, np.zeros(480, np.float32)))


@pytest.fixture
def taught():
    """Half a second of each sound, in turn, in frames of 20 ms."""
    high = HighBand(RATE)
    for sound in (vowel, fricative):
        for frame in sound(0.5, 1).reshape(-1, 960):
            high.learn(frame, "fb")
    return high


def fill(high, synthesis):
    """The band above of a synthesis at 16 kHz that follows its own first 20 ms."""
    high.begin(synthesis[:320])
    steps = synthesis[320 : len(synthesis) // 160 * 160].reshape(-1, 160)
    return np.concatenate([high.above(step, 480) for step in steps])


@pytest.mark.parametrize("sound", [vowel, fricative])
def test_each_sound_gets_what_it_had(taught, sound):
    pcm = sound(0.5, 2)
    above = fill(taught, narrow(pcm))[4800:]  # where the last good frame was of another sound
    for low, high in BANDS:
        assert band(above, low, high) == pytest.approx(band(pcm[: len(above)], low, high), abs=2.5)
    assert band(above, 0, 7000) < band(pcm[: len(above)], 0, 7000) - 30


def test_never_louder_than_what_was_heard(taught):
    above = fill(taught, 10 * narrow(fricative(0.5, 2)))
    heard = fricative(0.5, 1)[: len(above)]
    for low, high in BANDS:
        assert band(above, low, high) < band(heard, low, high) + 6  # the loudest block of noise


def test_it_fades_as_the_synthesis_does(taught):
    synthesis = narrow(fricative(0.5, 2))
    fading = synthesis * np.linspace(1, 0, len(synthesis), dtype=np.float32) ** 2
    above = fill(taught, fading)
    assert band(above[-2400:], 8000, 20000) < band(above[:2400], 8000, 20000) - 30


def test_it_is_in_time(taught):
    """A burst of the synthesis has its high band at the same time, to a quarter of a millisecond,
    as it comes out of the up-sampler."""
    synthesis = 1e-3 * narrow(fricative(0.5, 2))
    synthesis[4000:4032] *= 1000
    up = Resampler(CORE, RATE)
    taught.begin(synthesis[:320])
    wide, above = [], []
    for step in synthesis[320:8000].reshape(-1, 160):
        wide.append(up.process(step.copy()))
        above.append(taught.above(step, len(wide[-1])))
    middles = [
        np.average(np.arange(len(pcm)), weights=pcm.astype(np.float64) ** 2)
        for pcm in map(np.concatenate, (wide, above))
    ]
    assert abs(middles[0] - middles[1]) < RATE * 0.25e-3


@pytest.mark.parametrize(
    ("rate", "bandwidth"), [(48000, "wb"), (48000, "nb"), (16000, "fb"), (8000, "fb")]
)
def test_nothing_where_there_was_nothing(rate, bandwidth):
    high = HighBand(rate)
    for frame in voice(rate, 1).reshape(-1, rate // 50):
        high.learn(frame, bandwidth)
    assert not fill(high, voice(CORE, 0.2)).any()


def test_nothing_before_enough_was_heard():
    high = HighBand(RATE)
    for frame in fricative(0.1, 1).reshape(-1, 960):
        high.learn(frame, "fb")
    assert not fill(high, narrow(fricative(0.2, 2))).any()


def test_a_call_without_highs_stays_without():
    high = HighBand(RATE)
    source = Resampler(CORE, RATE).process(narrow(fricative(1.1, 1)))[:RATE]
    for frame in source.reshape(-1, 960):
        high.learn(frame, "fb")
    synthesis = narrow(fricative(0.5, 2))
    assert band(fill(high, synthesis), 9600, 20000) < band(synthesis, 4000, 8000, CORE) - 45


def test_superwideband_ends_at_12_khz(taught):
    for frame in fricative(0.5, 1).reshape(-1, 960):
        taught.learn(frame, "swb")
    above = fill(taught, narrow(fricative(0.5, 2)))
    assert band(above, 12500, 24000) < band(above, 8000, 12000) - 30


@pytest.mark.parametrize("milliseconds", [2.5, 5, 10, 20, 60, 120])
def test_frames_of_any_length(milliseconds):
    high = HighBand(RATE)
    for frame in fricative(1.2, 1).reshape(-1, round(RATE * milliseconds / 1000)):
        high.learn(frame, "fb")
    above = fill(high, narrow(fricative(0.5, 2)))
    assert band(above, 8000, 20000) == pytest.approx(
        band(fricative(0.5, 2)[: len(above)], 8000, 20000), abs=2.5
    )


def test_silence_and_state_have_their_bounds():
    high = HighBand(RATE)
    for _ in range(12):
        for frame in np.zeros((50, 960), np.float32):
            high.learn(frame, "fb")
    assert len(high._shapes) == len(high._ratios) == MEMORY
    assert np.isfinite(fill(high, narrow(fricative(0.1, 1)))).all()
    assert np.abs(fill(high, np.zeros(3200, np.float32))).max() < 1e-4


def test_the_seed_decides():
    made = []
    for seed in (1, 1, 2):
        high = HighBand(RATE, seed)
        for frame in fricative(0.5, 1).reshape(-1, 960):
            high.learn(frame, "fb")
        made.append(fill(high, narrow(fricative(0.2, 2))))
    assert np.array_equal(made[0], made[1])
    assert not np.allclose(made[0], made[2], atol=1e-3)


def listen(rate, high_band):
    """A gap of 200 ms in hybrid packets after a second, and which samples are the gap's."""
    packets = opus_packets(48000, 70, mode="hybrid", bitrate=64000)
    receiver = Receiver(rate, 1, embedded_models(), 0, high_band=high_band)
    frames = []
    for number, packet in enumerate(packets):
        if not 50 <= number < 60:
            receiver.push(packet, number, 20 * number)
        frames.append(receiver.pull())
    return np.concatenate(frames), slice(50 * rate // 50, 60 * rate // 50)


def test_in_a_receiver():
    (without, gap), (with_it, _) = (listen(RATE, on) for on in (False, True))
    assert np.array_equal(without[: gap.start], with_it[: gap.start])
    difference = (with_it - without)[gap]
    # Above, not far below what was there before.
    assert band(difference, 8500, 20000) > band(without[: gap.start], 8500, 20000) - 12
    # Below, a gap is what it was.
    assert band(difference, 0, 7000) < band(without[gap], 0, 7000) - 40


def test_at_16_khz_there_is_no_difference():
    (without, _), (with_it, _) = (listen(CORE, on) for on in (False, True))
    assert np.array_equal(without, with_it)


def test_distance_of_high_bands():
    clean, other = fricative(1, 1), fricative(1, 2)
    assert high_band_distance(clean, clean, RATE) == 0
    assert high_band_distance(clean, other, RATE) < 4
    assert high_band_distance(clean, 2 * clean, RATE) == pytest.approx(6, abs=0.1)
    dull = Resampler(CORE, RATE).process(narrow(fricative(1.1, 1)))[:RATE]
    assert high_band_distance(clean, dull, RATE) > 20
    # Hiss where there was none counts as much.
    assert high_band_distance(dull, clean, RATE) > 20
    # It looks where it is told to.
    half = np.arange(RATE) < RATE // 2
    mixed = np.where(half, clean, dull)
    assert high_band_distance(clean, mixed, RATE, half) < 0.5
    assert high_band_distance(clean, mixed, RATE, ~half) > 20
    assert math.isnan(high_band_distance(clean, dull, CORE))


def test_the_bench_looks_where_recovered_audio_is(root, monkeypatch):
    """A frame begins a look-ahead before its place among the packets."""
    monkeypatch.syspath_prepend(str(root / "tools" / "bench"))
    from high_band import recovered

    import dred

    pcm, models = voice(RATE, 1), embedded_models()
    whole, gapped = (
        dred.simulate(pcm, RATE, lost, "dred", 48000, models=models)
        for lost in ([0], [0] * 30 + [1] * 5 + [0] * 200)
    )
    first = np.flatnonzero(np.abs(whole.pcm - gapped.pcm) > 1e-5)[0]
    gaps = np.flatnonzero(recovered(gapped, len(pcm)))
    assert len(gaps) == 5 * 960
    assert gaps[0] <= first < gaps[0] + 100
