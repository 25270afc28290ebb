# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
from signals import opus_packets
from weights import random_models

import dred
from dred.packet import Packet
from dred.receiver.description import LOOKAHEAD, Description, Descriptions

rng = np.random.default_rng(5)
LATENTS = rng.laplace(0, 8, (60, 25)).astype(np.float32)
STATES = rng.laplace(0, 20, (60, 50)).astype(np.float32)


def carrier(chunks=8, offset=10, newest=40, frame=0, frame_ms=20):
    """A packet with a payload of random content."""
    payload = dred.encode_payload(
        LATENTS, STATES, newest=newest, q0=3, dq=0, max_chunks=chunks, offset=offset
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


def test_the_earliest_packet_is_asked_first():
    models = random_models()
    near, far = carrier(newest=40)[0], carrier(newest=50)[0]
    both, one = Descriptions(models), Descriptions(models)
    both.look_at([(5, near, 1600), (6, far, 1920)])
    one.look_at([(5, near, 1600)])
    assert np.array_equal(both.vector(1000), one.vector(1000))
    # Too old for the first, but the second may... reaches no further back here: nothing.
    assert both.vector(1600 - 8 * 640 - 3000) is None


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
