# SPDX-License-Identifier: BSD-3-Clause
"""The clips of samples/ through sender, losses and receiver, with the networks of the package."""

import numpy as np
import pytest
from signals import delay
from weights import embedded_models

import dred
from dred.io.wav import read_wav
from dred.packet import Packet


@pytest.fixture(scope="module")
def models():
    return embedded_models()


def test_what_the_demo_shows(samples, models):
    """Redundancy is worth more than in-band FEC, and that more than guessing."""
    pytest.importorskip("pesq")
    pytest.importorskip("pystoi")
    from dred.evaluate.metrics import pesq_wb, stoi

    pcm, rate = read_wav(samples / "slt_16k.wav")
    pcm = pcm[: 6 * rate]
    quality = {}
    for scheme in ("neural-plc", "lbrr", "dred"):
        result = dred.simulate(pcm, rate, samples / "bursty_20.txt", scheme, models=models)
        assert result.kbps <= 1.05 * 32
        quality[scheme] = pesq_wb(pcm, result.pcm, rate), stoi(pcm, result.pcm, rate)
    for measure in (0, 1):
        assert quality["dred"][measure] > quality["lbrr"][measure] > quality["neural-plc"][measure]
    # The first networks reached .64 and .12 on the whole clip, .06 in STOI on this part; much less
    # is an error.
    assert quality["dred"][0] > quality["neural-plc"][0] + 0.3
    assert quality["dred"][1] > quality["neural-plc"][1] + 0.04


@pytest.mark.parametrize("clip", ["rms_16k", "awb_48k"])
def test_a_long_burst_keeps_its_level(samples, models, clip):
    """600 ms are lost: what is heard then is about as loud as what was said."""
    pcm, rate = read_wav(samples / f"{clip}.wav")
    pcm = pcm[: 4 * rate]
    trace = [0] * 80 + [1] * 30 + [0] * 200
    result = dred.simulate(pcm, rate, trace, "dred", 48000, models=models, loss_burst=30.0)
    assert result.sources[80:110] == ["dred"] * 30
    gap = slice(80 * rate // 50, 110 * rate // 50)
    levels = [20 * np.log10(np.sqrt(np.mean(audio[gap] ** 2))) for audio in (pcm, result.pcm)]
    assert abs(levels[0] - levels[1]) < 8  # the reference's networks: 1; our first ones: 6.5
    # No clicks at the joins: no step beyond those of the speech around it.
    steps = np.abs(np.diff(result.pcm))
    assert steps[gap].max() < 1.5 * np.abs(np.diff(pcm)).max()


def test_voiced_packets_carry_the_second_that_was_asked_for(samples, models):
    pcm, rate = read_wav(samples / "slt_16k.wav")
    tx = dred.Sender(
        rate, 1, 20, 32000, 1000, lbrr=False, models=models, trim=False, loss_burst=30.0
    )
    packets = [Packet.parse(packet) for packet in tx.push(pcm[: 6 * rate])]
    chunks = [packet.dred.chunks if packet.dred else 0 for packet in packets[60:]]
    print(f"{40 * np.mean(chunks):.0f} ms on average, {40 * min(chunks)} ms at least")
    assert np.mean(chunks) * 40 > 900
    assert min(chunks) > 10


@pytest.mark.shared
def test_reference_networks(samples, reference_weights):
    """The same code with the reference's networks, as a measure of the code alone."""
    pytest.importorskip("pystoi")
    from dred.evaluate.metrics import stoi

    models = dred.load_models(reference_weights)
    pcm, rate = read_wav(samples / "awb_48k.wav")
    pcm = pcm[: 5 * rate]
    result = dred.simulate(pcm, rate, samples / "bursty_20.txt", "dred", models=models)
    assert stoi(pcm, result.pcm, rate) > 0.93
    assert abs(delay(pcm, result.pcm)) <= rate // 2000
