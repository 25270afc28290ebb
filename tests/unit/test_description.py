# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
from signals import opus_packets
from weights import random_models

import dred
from dred.packet import Packet
from dred.receiver.description import LOOKAHEAD, SEARCHED, Description, Descriptions, fused

rng = np.random.default_rng(5)
LATENTS = rng.laplace(0, 8, (60, 25)).astype(np.float32)
STATES = rng.laplace(0, 20, (60, 50)).astype(np.float32)


def carrier(chunks=8, offset=10, newest=40, frame=0, frame_ms=20, q0=3):
    """A packet with a payload of random content."""
    payload = dred.encode_payload(
        LATENTS, STATES, newest=newest, q0=q0, dq=0, max_chunks=chunks, offset=offset
    )
    plain = Packet.parse(opus_packets(48000, 1, frame_ms=frame_ms)[0])
    extension = dred.packet.Extension(126, frame, b"D\x0c" + payload)
    return bytes(plain.with_extensions([extension])), payload


def reference_index(distance, offset, step=0):
    """Rule of the receiver specification (section 3): the newest vector for a step that begins
    `distance` samples of 16 kHz before the packet."""
    return (distance + 40 * offset) // 160 - 2 - step


@pytest.mark.parametrize("offset", [16, 10, 9, 6, 2, 0, -3, -40])
def test_vectors_are_those_of_the_reference(offset):
    packet, _ = carrier(offset=offset)
    start = 16000
    description = Description(random_models(), packet, start)
    assert description.offset == offset
    for distance in range(160, 8 * 640, 160):
        k = description.index(start - distance + LOOKAHEAD)
        expected = reference_index(distance, offset)
        # The reference's floor is on average half a step behind; rounding is at most one apart.
        assert expected <= k <= expected + 1
        # And its centre is the nearest to what the vocoder wants.
        centre = start + 40 * offset - 160 * (k + 1)
        assert abs(centre - (start - distance + LOOKAHEAD)) <= 80


def test_vectors_are_the_decoded_ones():
    models = random_models()
    packet, payload = carrier(chunks=5)
    decoded = dred.decode_payload(payload)
    features = dred.rdovae_decode(decoded.state, decoded.latents, models)
    description = Description(models, packet, 8000)
    assert description.steps == len(features) == 20
    for k in (19, 0, 7):
        centre = description.end - 160 * (k + 1)
        assert np.array_equal(description.vector(centre), features[k])
    assert description.vector(description.end - 160 * 21) is None
    assert description.vector(description.end) is None
    assert not description.covers(description.end + 1000)


def test_the_frame_that_carries_it_counts():
    packet, _ = carrier(frame=2, frame_ms=60)
    if len(Packet.parse(packet).frames) != 3:
        pytest.skip("this libopus writes 60 ms as one frame")
    assert Description(random_models(), packet, 0).offset == 10 + 16


@pytest.mark.parametrize("content", [b"", b"\x00", b"D", bytes(40), b"\xff" * 60])
def test_content_never_matters(content):
    plain = Packet.parse(opus_packets(16000, 1)[0])
    extension = dred.packet.Extension(126, 0, b"D\x0c" + content)
    description = Description(random_models(), bytes(plain.with_extensions([extension])), 0)
    for centre in range(-20000, 2000, 1000):
        row = description.vector(centre)
        assert row is None or np.isfinite(row).all()


def test_a_packet_without_describes_nothing():
    description = Description(random_models(), opus_packets(16000, 1)[0], 0)
    assert description.steps == 0
    assert description.vector(-400) is None


def descriptions_of(*packets, models=None):
    """Packets that begin 320 samples apart, from 1600 on."""
    descriptions = Descriptions(models or random_models())
    descriptions.look_at([(k, packet, 1600 + 320 * k) for k, packet in enumerate(packets)])
    return descriptions


def test_one_packet_is_taken_as_it_is():
    packet, _ = carrier()
    row = descriptions_of(packet).vector(1000)
    assert np.array_equal(row, Description(random_models(), packet, 1600).vector(1000))


def test_the_mean_of_two_packets_is_between_them():
    near, far = carrier(newest=40)[0], carrier(newest=41)[0]
    rows = [descriptions_of(near).vector(1000), descriptions_of(b"", far).vector(1000)]
    both = descriptions_of(near, far).vector(1000)
    cepstra = [row[:18] for row in rows]
    assert np.all(both[:18] > np.minimum(*cepstra) - 1e-6)
    assert np.all(both[:18] < np.maximum(*cepstra) + 1e-6)
    assert np.abs(both - rows[0]).max() > 0.01
    assert np.abs(both - rows[1]).max() > 0.01


def test_finer_and_newer_counts_more():
    coarse = Description(random_models(), carrier(q0=12)[0], 1600)
    fine = Description(random_models(), carrier(q0=3)[0], 1600)
    assert fine.error(1000) < coarse.error(1000)
    assert fine.error(fine.end - 160) < fine.error(fine.end - 5 * 160)
    two = [np.full(20, 1, np.float32), np.zeros(20, np.float32)]
    assert fused(two, [1.0, 3.0])[0] == pytest.approx(0.9)


def test_a_finer_packet_wins_over_earlier_ones():
    """Only two of them serve, the finest, wherever they come."""
    coarse, fine = (carrier(newest=40, q0=q0)[0] for q0 in (15, 0))
    served = descriptions_of(coarse, coarse, fine, fine).vector(1000)
    assert np.allclose(served, descriptions_of(b"", b"", fine, fine).vector(1000), atol=1e-6)


def test_a_later_packet_serves_where_the_first_cannot():
    """It is cut, has none, or begins to describe only behind the gap."""
    short, long = carrier(chunks=1)[0], carrier(newest=50)[0]
    plain = opus_packets(48000, 1)[0]
    expected = descriptions_of(b"", long).vector(-1000)
    assert expected is not None
    for first in (short, plain, carrier(offset=-100)[0]):
        assert np.array_equal(descriptions_of(first, long).vector(-1000), expected)


def test_pitches_an_octave_apart_are_not_averaged():
    low, high = np.zeros(20, np.float32), np.ones(20, np.float32)
    near = low + np.float32(0.05)
    assert fused([low, high], [1.0, 1.0])[18] == 0
    assert fused([low, high], [1.0, 1.0])[17] == pytest.approx(0.5)
    assert fused([low, near, high], [1.0, 1.0, 1.0])[18] == pytest.approx(0.025)


def test_no_more_packets_are_decoded_than_serve():
    descriptions = descriptions_of(*[carrier()[0]] * 10)
    descriptions.vector(1000)
    assert len(descriptions._made) == SEARCHED


def test_cover_promises_what_vectors_give():
    """From gap to gap: where it says yes no vector is missing, where it says no one is."""
    packet = carrier(chunks=2)[0]
    start = 1600
    answers = set()
    for begin in range(start - 14 * 160, start, 160):
        for end in (start, start + 160, start + 480):
            descriptions = descriptions_of(packet)
            known = [descriptions.vectors(begin, 3)[1].all()]
            known += [descriptions.vectors(at, 1)[1].all() for at in range(begin + 160, end, 160)]
            assert descriptions.cover(begin, end) == all(known)
            answers.add(all(known))
    assert answers == {True, False}


def test_too_old_for_all():
    assert descriptions_of(carrier()[0], carrier()[0]).vector(1600 - 8 * 640 - 3000) is None


def test_vectors_of_a_start_and_of_a_step():
    descriptions = Descriptions(random_models())
    packet, _ = carrier()
    descriptions.look_at([(1, packet, 4800)])
    rows, known = descriptions.vectors(3200, 3)
    assert rows.shape == (3, 20)
    assert known.all()
    last, _ = descriptions.vectors(3200, 1)
    assert np.array_equal(rows[2:], last)
    before, _ = descriptions.vectors(3200 - 160, 1)
    assert np.array_equal(rows[1:2], before)
    descriptions.look_at([])
    rows, known = descriptions.vectors(3200, 3)
    assert not known.any()
    assert not rows.any()
