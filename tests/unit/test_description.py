# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
from signals import opus_packets
from weights import random_models

import dred
from dred.packet import Packet
from dred.receiver.description import LOOKAHEAD, SEARCHED, Descriptions

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


def decoded(payload):
    """All vectors of a payload, newest first, as they are served: a little sharper."""
    parsed = dred.decode_payload(payload)
    rows = dred.rdovae_decode(parsed.state, parsed.latents, random_models())
    rows[:, 2:18] *= np.float32(1.08)
    return rows


def descriptions_of(*packets, start=1600):
    """Packets that begin 320 samples apart."""
    descriptions = Descriptions(random_models())
    descriptions.look_at(list(enumerate(packets)), lambda number: start + 320 * number)
    return descriptions


@pytest.mark.parametrize("offset", [16, 10, 9, 6, 2, 0, -3, -40])
def test_vectors_are_those_of_the_reference(offset):
    packet, payload = carrier(offset=offset)
    start, features = 16000, decoded(payload)
    descriptions = descriptions_of(packet, start=start)
    served = 0
    for distance in range(160, 8 * 640, 160):
        row = descriptions.vector(start - distance + LOOKAHEAD)
        expected = reference_index(distance, offset)
        if row is None:
            assert not 0 <= expected < len(features) - 1
            continue
        [k] = np.flatnonzero((features == row).all(axis=1))
        # The reference's floor is on average half a step behind; rounding is at most one apart.
        assert expected <= k <= expected + 1
        # And its centre is the nearest to what the vocoder wants.
        centre = start + 40 * offset - 160 * (k + 1)
        assert abs(centre - (start - distance + LOOKAHEAD)) <= 80
        served += 1
    assert served > 10


def test_vectors_are_the_decoded_ones():
    packet, payload = carrier(chunks=5)
    features = decoded(payload)
    end = 8000 + 40 * 10
    descriptions = descriptions_of(packet, start=8000)
    assert len(features) == 20
    for k in (19, 0, 7):
        assert np.array_equal(descriptions.vector(end - 160 * (k + 1)), features[k])
    assert descriptions.vector(end - 160 * 21) is None
    assert descriptions.vector(end) is None
    assert not descriptions.covers(end + 1000)


def test_the_frame_that_carries_it_counts():
    packet, payload = carrier(frame=2, frame_ms=60)
    if len(Packet.parse(packet).frames) != 3:
        pytest.skip("this libopus writes 60 ms as one frame")
    end = 40 * (10 + 16)
    row = descriptions_of(packet, start=0).vector(end - 160)
    assert np.array_equal(row, decoded(payload)[0])


@pytest.mark.parametrize("content", [b"", b"\x00", b"D", bytes(40), b"\xff" * 60])
def test_content_never_matters(content):
    plain = Packet.parse(opus_packets(16000, 1)[0])
    extension = dred.packet.Extension(126, 0, b"D\x0c" + content)
    descriptions = descriptions_of(bytes(plain.with_extensions([extension])), start=0)
    for centre in range(-20000, 2000, 1000):
        row = descriptions.vector(centre)
        assert row is None or np.isfinite(row).all()


def test_a_packet_without_describes_nothing():
    assert descriptions_of(opus_packets(16000, 1)[0], start=0).vector(-400) is None


def test_the_mean_of_two_packets_is_between_them():
    near, far = carrier(newest=40)[0], carrier(newest=41)[0]
    rows = [descriptions_of(near).vector(1000), descriptions_of(b"", far).vector(1000)]
    both = descriptions_of(near, far).vector(1000)
    cepstra = [row[:18] for row in rows]
    assert np.all(both[:18] > np.minimum(*cepstra) - 1e-6)
    assert np.all(both[:18] < np.maximum(*cepstra) + 1e-6)
    assert np.abs(both - rows[0]).max() > 0.01
    assert np.abs(both - rows[1]).max() > 0.01


@pytest.mark.parametrize(
    ("behind", "levels", "older"), [(1, (3, 12), 1), (9, (3, 12), 1.4), (9, (7, 7), 1.4)]
)
def test_finer_and_newer_counts_more(behind, levels, older):
    """Weights 1 / error^2; the error grows by 15 % per level, and is larger in older chunks."""
    packets = [carrier(newest=40 + i, q0=level) for i, level in enumerate(levels)]
    centre = 1600 + 400 - 160 * behind
    indices = [(1600 + 320 * i + 400 - centre) // 160 - 1 for i in range(2)]
    rows = [decoded(payload)[k] for (_, payload), k in zip(packets, indices, strict=True)]
    errors = [
        1.15**level * (older if k > 3 else 1) for level, k in zip(levels, indices, strict=True)
    ]
    weights = np.array(errors) ** -2.0
    expected = weights @ rows / weights.sum()
    if abs(rows[1][18] - rows[0][18]) >= 0.1:
        expected[18] = rows[0][18]
    served = descriptions_of(*(packet for packet, _ in packets)).vector(centre)
    assert np.allclose(served, expected, atol=1e-5)


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


def test_pitches_far_apart_are_not_averaged():
    """The finer one's counts; those that are alike are averaged as all else is."""
    kinds = set()
    for newest in range(30, 50):
        fine, coarse = carrier(newest=newest, q0=2), carrier(newest=newest + 3, q0=5)
        pitches = decoded(fine[1])[2][18], decoded(coarse[1])[4][18]
        served = descriptions_of(fine[0], coarse[0]).vector(1600 + 400 - 3 * 160)[18]
        far = abs(pitches[1] - pitches[0]) >= 0.1
        kinds.add(far)
        if far:
            assert served == pitches[0]
        else:
            assert min(pitches) < served < max(pitches)
    assert kinds == {True, False}


def test_no_more_packets_are_decoded_than_serve():
    descriptions = descriptions_of(*[carrier()[0]] * 10)
    descriptions.vector(1000)
    assert len(descriptions._parsed) == SEARCHED


def test_reach_says_whether_anything_of_a_gap_is_described():
    packet = carrier(chunks=2)[0]
    start = 1600
    answers = set()
    for begin in range(start - 14 * 160, start, 160):
        for end in range(begin + 160, start + 480, 160):
            descriptions = descriptions_of(packet)
            known = any(descriptions.vectors(at, 1)[1].all() for at in range(begin, end, 160))
            assert descriptions.reach(begin, end) == known
            answers.add(known)
    assert answers == {True, False}


def test_too_old_for_all():
    assert descriptions_of(carrier()[0], carrier()[0]).vector(1600 - 8 * 640 - 3000) is None


def test_decoders_serve_again():
    """Packets are parsed once as long as they wait, by decoders of those that are played."""
    first, second = carrier(newest=40)[0], carrier(newest=50)[0]
    descriptions = descriptions_of(first)
    before = descriptions.vector(1000)
    _, decoder = descriptions._parsed[0]
    descriptions.look_at([(0, first), (1, second)], lambda number: 1600 + 320 * number)
    descriptions.vector(1000)
    assert descriptions._parsed[0][1] is decoder
    made = [decoder for _, decoder in descriptions._parsed.values()]
    descriptions.look_at([(5, second)], lambda number: 1600)
    after = descriptions.vector(1000)
    assert descriptions._parsed.keys() == {5}
    assert descriptions._parsed[5][1] in made
    assert np.array_equal(after, descriptions_of(second).vector(1000))
    # Another stream, whose packets bear the same numbers.
    descriptions.look_at([(5, first)], lambda number: 1600)
    assert np.array_equal(descriptions.vector(1000), before)


def test_vectors_of_a_start_and_of_a_step():
    descriptions = descriptions_of(carrier()[0], start=4800)
    rows, known = descriptions.vectors(3200, 3)
    assert rows.shape == (3, 20)
    assert known.all()
    last, _ = descriptions.vectors(3200, 1)
    assert np.array_equal(rows[2:], last)
    before, _ = descriptions.vectors(3200 - 160, 1)
    assert np.array_equal(rows[1:2], before)
    descriptions.look_at([], int)
    rows, known = descriptions.vectors(3200, 3)
    assert not known.any()
    assert not rows.any()
