# SPDX-License-Identifier: BSD-3-Clause
import numpy as np
import pytest
import soundfile
from signals import voice
from weights import embedded_models, random_image, random_models

import dred
from dred.models import Models, embedded_files
from dred.models.records import read_records


@pytest.fixture
def concealer():
    return dred.Concealer(random_models())


def nothing(concealer):
    """A step of which nothing is known."""
    wanted = concealer.wants()
    return concealer.step(np.zeros((wanted, 20), np.float32), np.zeros(wanted, np.uint8))


def test_wants_three_vectors_then_one(concealer):
    assert concealer.wants() == 3
    nothing(concealer)
    assert concealer.wants() == 1
    nothing(concealer)
    assert concealer.wants() == 1
    concealer.good(voice(16000, 0.01))
    assert concealer.wants() == 3


def test_conceals_before_anything_was_heard(concealer):
    for _ in range(300):
        assert np.isfinite(nothing(concealer)).all()


@pytest.mark.parametrize("sizes", [[160] * 20, [3200], [1, 159, 40, 3000], [333] * 9 + [203]])
def test_good_audio_in_any_pieces(sizes):
    pcm = voice(16000, sum(sizes) / 16000)
    pieces = dred.Concealer(random_models())
    whole = dred.Concealer(random_models())
    whole.good(pcm)
    at = 0
    for size in sizes:
        pieces.good(pcm[at : at + size])
        at += size
    assert np.array_equal(nothing(whole), nothing(pieces))


def test_same_input_same_output():
    def run():
        concealer = dred.Concealer(random_models())
        pcm = voice(16000, 1)
        made = []
        for i in range(0, 16000 - 800, 1600):
            concealer.good(pcm[i : i + 800])
            made += [nothing(concealer) for _ in range(5)]
        return np.concatenate(made)

    assert np.array_equal(run(), run())


def test_reset_is_as_new(concealer):
    concealer.good(voice(16000, 0.5))
    for _ in range(3):
        nothing(concealer)
    concealer.reset()
    fresh = dred.Concealer(random_models())
    for each in (concealer, fresh):
        each.good(voice(16000, 0.3, seed=2))
    assert np.array_equal(nothing(concealer), nothing(fresh))


def test_rewind_bounds(concealer):
    with pytest.raises(ValueError, match=r".+"):
        concealer.rewind(1)
    concealer.good(voice(16000, 0.3))
    nothing(concealer)
    with pytest.raises(ValueError, match=r".+"):
        concealer.rewind(161)
    concealer.rewind(160)
    for _ in range(8):
        nothing(concealer)
    with pytest.raises(ValueError, match=r".+"):
        concealer.rewind(961)
    with pytest.raises(ValueError, match=r".+"):
        concealer.rewind(-1)
    concealer.rewind(960)
    concealer.good(voice(16000, 0.01))
    with pytest.raises(ValueError, match=r".+"):
        concealer.rewind(1)


def test_rewound_audio_leaves_no_trace_in_the_history():
    """The vocoder continues what was played, not what was taken back."""
    past, later = voice(16000, 0.3), voice(16000, 0.2, seed=3)
    plain, rewound = (dred.Concealer(random_models()) for _ in range(2))
    for each, steps in ((plain, 4), (rewound, 7)):
        each.good(past)
        for _ in range(steps):
            nothing(each)
    rewound.rewind(480)
    for each in (plain, rewound):
        each.good(later)
    # The waveform that is continued is the same; the recurrent state of the vocoder is not.
    first, second = nothing(plain), nothing(rewound)
    assert abs(float(first[0]) - float(second[0])) < 0.2


def test_flags_must_fit(concealer):
    with pytest.raises(ValueError, match="known"):
        concealer.step(np.zeros((3, 20), np.float32), np.zeros(2, np.uint8))
    with pytest.raises(ValueError, match="features"):
        concealer.step(np.zeros((1, 20), np.float32), np.zeros(1, np.uint8))


def test_a_copy_is_a_twin(concealer):
    concealer.good(voice(16000, 0.3))
    nothing(concealer)
    twin = dred.Concealer(random_models())
    twin.copy(concealer)
    ahead = [nothing(concealer) for _ in range(3)]
    assert np.array_equal(ahead, [nothing(twin) for _ in range(3)])
    concealer.copy(twin)
    concealer.copy(concealer)
    assert np.array_equal(nothing(concealer), nothing(twin))


def test_no_copy_across_models(concealer):
    with pytest.raises(ValueError, match="models"):
        concealer.copy(dred.Concealer(Models(random_image(2), "other.bin")))


def test_corrected_audio_is_three_steps_late_and_changes_nothing_that_comes():
    plain, corrected = dred.Concealer(random_models()), dred.Concealer(random_models())
    pcm = voice(16000, 0.5)
    for one in (plain, corrected):
        one.good(pcm)
    raw, heard = [], []
    for _ in range(8):
        raw.append(nothing(plain))
        assert np.array_equal(nothing(corrected), raw[-1])
        heard.append(corrected.corrected())
    assert [len(step) for step in heard] == [0] * 3 + [160] * 5
    change = np.concatenate(heard) - np.concatenate(raw[:5])
    assert np.abs(change).max() > 1e-4
    # It begins where the good audio ends, without a jump.
    assert abs(change[0]) < 0.1 * np.abs(change).max()


def test_corrected_audio_needs_a_new_step_each_time(concealer):
    def lengths(steps):
        made = []
        for _ in range(steps):
            nothing(concealer)
            made.append(len(concealer.corrected()))
        return made

    with pytest.raises(ValueError, match="argument"):
        concealer.corrected()
    assert lengths(1) == [0]
    with pytest.raises(ValueError, match="argument"):
        concealer.corrected()
    assert lengths(3) == [0, 0, 160]
    nothing(concealer)
    assert lengths(4) == [0, 0, 0, 160]  # a step was left out: it begins anew
    concealer.rewind(320)
    assert lengths(4) == [0, 0, 0, 160]
    concealer.good(voice(16000, 0.1))
    with pytest.raises(ValueError, match="argument"):
        concealer.corrected()


def exploding_models(rise):
    """The embedded networks, the gain of the vocoder raised by this factor of e."""
    image = bytearray(b"".join(embedded_files().values()))
    for record in read_records(bytes(image)):
        if record.name == "sig_net_cond_gain_dense_bias":
            gain = np.frombuffer(record.data(bytes(image)), np.float32) + np.float32(rise)
            image[record.start : record.start + record.size] = gain.tobytes()
    return Models(bytes(image), "exploding")


def test_a_step_is_not_much_louder_than_what_describes_it():
    pcm = voice(16000, 0.6)
    loudest = {}
    for rise in (0, 7):  # 0 and 61 dB
        concealer = dred.Concealer(exploding_models(rise))
        concealer.good(pcm)
        vectors = dred.extract_features(pcm)[-12:]
        rows = [concealer.step(vectors[:3], np.ones(3, np.uint8))]
        rows += [concealer.step(row[None], np.ones(1, np.uint8)) for row in vectors[3:]]
        loudest[rise] = max(np.square(row[1:] - 0.85 * row[:-1]).sum() for row in rows)
    assert loudest[7] < 100 * loudest[0]
    assert loudest[7] > 2 * loudest[0]  # there was something to limit


@pytest.mark.parametrize("end", [16000, 24000, 30000])
def test_a_pause_is_not_concealed_by_speech(samples, end):
    """The predictor, left alone, imagines that speech goes on 50 ms after its end."""
    speech, _ = soundfile.read(samples / "slt_16k.wav", dtype="float32")
    faded = speech[:end].copy()
    faded[-800:] *= np.linspace(1, 0, 800, dtype=np.float32)
    noise = 1e-4 * np.random.default_rng(0).standard_normal(end + 800)
    pcm = (np.concatenate([faded, np.zeros(800)]) + noise).astype(np.float32)
    concealer = dred.Concealer(embedded_models())
    concealer.good(pcm)
    assert max(np.sqrt(np.mean(nothing(concealer) ** 2)) for _ in range(20)) < 5e-4
