# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import io
import os
import sys
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from dred.errors import AudioError, DredError
from dred.io.wav import (
    mix,
    read_speech,
    read_wav,
    resample,
    to_int16,
    to_opus_rate,
)
from dred.io.wav_writer import wav_writer, write_wav
from dred.pcm import as_float


def tone(frequency, rate, seconds=0.5):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)


@pytest.mark.parametrize("length", [0, 1, 1000])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000])
def test_int16_round_trip_is_exact(tmp_path, length, channels, rate):
    shape = (length,) if channels == 1 else (length, channels)
    pcm = np.random.default_rng(1).integers(-32768, 32768, shape).astype(np.int16)
    write_wav(tmp_path / "a.wav", pcm, rate)
    read, read_rate = read_wav(tmp_path / "a.wav")
    assert read_rate == rate
    assert read.dtype == np.float32
    assert read.shape == shape
    np.testing.assert_array_equal(to_int16(read), pcm)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_reads_any_width(tmp_path, subtype):
    pcm = tone(300, 16000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", pcm, 16000, subtype=subtype)
    read, _ = read_wav(tmp_path / "a.wav")
    np.testing.assert_allclose(read, pcm, atol=0.03)


def test_float_samples_are_clipped_and_rounded():
    assert to_int16(np.array([2.0, -2.0, 1.6 / 32768, -0.4 / 32768])).tolist() == [
        32767, -32768, 2, 0,
    ]  # fmt: skip


@pytest.mark.parametrize("convert", [to_int16, as_float])
def test_other_types_are_refused(convert):
    with pytest.raises(TypeError, match="int64"):
        convert(np.arange(3))


def test_standard_streams(tmp_path, monkeypatch):
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    write_wav("-", np.arange(10, dtype=np.int16), 8000)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(out.buffer.getvalue())))
    pcm, rate = read_wav("-")
    assert rate == 8000
    assert to_int16(pcm).tolist() == list(range(10))


def bad_files(folder):
    (folder / "text.wav").write_text("this is no sound\n")
    (folder / "nothing.wav").write_bytes(b"")
    (folder / "folder.wav").mkdir()
    soundfile.write(folder / "nan.wav", np.array([0.0, np.nan]), 16000, subtype="FLOAT")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.wav", "no such file"),
        ("text.wav", "not a sound file"),
        ("nothing.wav", "empty"),
        ("folder.wav", "folder"),
        ("nan.wav", "not numbers"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path, name, says):
    bad_files(tmp_path)
    with pytest.raises(AudioError, match=says) as caught:
        read_wav(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, DredError)
    assert isinstance(caught.value, OSError)


@pytest.mark.filterwarnings("error")  # of exceptions that have nowhere to go
def test_damaged_aiff_is_named_and_nothing_else_said(tmp_path):
    path = tmp_path / "x.aiff"
    soundfile.write(path, np.zeros(400), 16000)
    whole = path.read_bytes()
    for at in range(12, 60):
        path.write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
        with contextlib.suppress(AudioError):
            read_wav(path)


@pytest.mark.parametrize("target", ["no_such_folder/a.wav", "file/a.wav", "folder"])
def test_unwritable_output(tmp_path, target):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(AudioError, match="cannot be written"):
        write_wav(tmp_path / target, np.zeros(3, np.float32), 16000)


def test_output_is_atomic(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    write_wav(path, np.zeros(100, np.int16), 16000)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(AudioError, match="No space left"):
        write_wav(path, np.ones(100, np.int16), 16000)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_output_follows_links_and_keeps_devices(tmp_path):
    (tmp_path / "real.wav").write_bytes(b"")
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    write_wav(tmp_path / "link.wav", np.zeros(3, np.int16), 16000)
    assert (tmp_path / "link.wav").is_symlink()
    assert read_wav(tmp_path / "real.wav")[1] == 16000
    write_wav(os.devnull, np.zeros(3, np.int16), 16000)


@given(
    st.integers(0, 2000),
    st.sampled_from([8000, 11025, 22050, 44100, 48000, 96000, 192000]),
    st.sampled_from([8000, 12000, 16000, 24000, 48000]),
    st.sampled_from([1, 2]),
)
def test_resampled_length(length, from_rate, to_rate, channels):
    pcm = np.ones(length if channels == 1 else (length, channels), np.float32)
    out = resample(pcm, from_rate, to_rate)
    assert out.shape == (round(length * to_rate / from_rate), *pcm.shape[1:])
    assert out.dtype == np.float32
    assert out.flags.c_contiguous


@pytest.mark.parametrize(("from_rate", "to_rate"), [(44100, 48000), (48000, 16000), (8000, 48000)])
def test_resampling_has_no_delay(from_rate, to_rate):
    out = resample(tone(440, from_rate), from_rate, to_rate)
    middle = slice(to_rate // 10, -to_rate // 10)
    np.testing.assert_allclose(out[middle], tone(440, to_rate)[middle], atol=2e-4)


def test_nonsense_rates_are_refused():
    with pytest.raises(AudioError, match="too far apart"):
        resample(np.zeros(10, np.float32), 1, 48000)


@pytest.mark.parametrize(
    ("rate", "expected"), [(8000, 8000), (11025, 12000), (44100, 48000), (96000, 48000)]
)
def test_opus_rates(rate, expected):
    assert to_opus_rate(np.zeros(rate, np.float32), rate)[1] == expected


def test_mix():
    stereo = np.array([[0.5, -0.5], [0.25, 0.75]], np.float32)
    assert mix(stereo, 1).tolist() == [0, 0.5]
    assert mix(stereo, 2) is stereo
    assert mix(np.array([0.5], np.float32), 2).tolist() == [[0.5, 0.5]]
    assert mix(np.zeros((3, 6), np.float32), 2).shape == (3, 2)
    assert mix(np.zeros((0, 1), np.float32), 1).shape == (0,)
    with pytest.raises(ValueError, match="1 or 2"):
        mix(stereo, 3)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_16_bit_samples_do_not_depend_on_the_width_of_the_float(kind):
    whole = np.arange(-32768, 32768)
    exact = (whole / 32768).astype(kind)
    wanted = np.clip(np.rint(exact.astype(np.float64) * 32768), -32768, 32767).astype(np.int16)
    np.testing.assert_array_equal(to_int16(exact), wanted)
    assert exact.tolist() == (whole / 32768).astype(kind).tolist()  # the input stays


def test_a_long_recording_is_not_widened_on_its_way_to_16_bits():
    pcm = np.zeros(1_000_000, np.float32)
    tracemalloc.start()
    to_int16(pcm)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * (pcm.nbytes + pcm.nbytes // 2)


def test_chunks_before_the_sound_are_passed_over(tmp_path):
    memory = io.BytesIO()
    soundfile.write(memory, np.zeros(16000, np.int16), 16000, format="WAV")
    data = memory.getvalue()
    extra = b"note" + (3).to_bytes(4, "little") + b"abc\0"
    told = []
    for content in (data, data[:36] + extra + data[36:], data[:-6400]):
        (tmp_path / "a.wav").write_bytes(content)
        read_speech(tmp_path / "a.wav", told.extend)
    assert told == [f"{tmp_path / 'a.wav'}: is cut off; of 1.0 s, 0.8 s are here"]
    assert len(read_speech(tmp_path / "a.wav")[0]) == 12800


@pytest.mark.parametrize("rate", [1, 124, 4_000_000])
def test_rates_that_cannot_be_are_told_with_the_name(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), rate)
    with pytest.raises(AudioError, match=rf"a\.wav: says that its sampling rate is {rate} Hz"):
        read_speech(tmp_path / "a.wav")


def in_pieces(pcm, lengths=(1, 959, 0, 7000)):
    while len(pcm):
        for length in lengths:
            yield pcm[:length]
            pcm = pcm[length:]


@pytest.mark.parametrize("shape", [(30000,), (30000, 2)])
@pytest.mark.parametrize("rate", [16000, 44100, 8000])
def test_what_is_written_in_pieces_is_what_is_written_at_once(tmp_path, shape, rate):
    pcm = np.random.default_rng(1).uniform(-0.3, 0.3, shape).astype(np.float32)
    channels = 1 if len(shape) == 1 else 2
    with wav_writer(tmp_path / "pieces.wav", 16000, channels, rate) as writer:
        for piece in in_pieces(pcm):
            writer.write(piece)
        assert writer.seconds == 30000 / 16000
    write_wav(tmp_path / "whole.wav", resample(pcm, 16000, rate), rate)
    (pieces, piece_rate), (whole, _) = (
        soundfile.read(tmp_path / name, dtype="int16") for name in ("pieces.wav", "whole.wav")
    )
    assert piece_rate == rate
    assert pieces.shape == whole.shape == (round(30000 * rate / 16000), *shape[1:])
    assert np.abs(pieces.astype(int) - whole).max() <= 1


def write_and_fail(path, reason):
    with wav_writer(path, 16000) as writer:
        writer.write(np.zeros(1000, np.int16))
        raise reason


def test_nothing_is_left_of_a_file_that_failed(tmp_path):
    write_wav(tmp_path / "old.wav", np.ones(10, np.int16), 16000)
    before = (tmp_path / "old.wav").read_bytes()
    for name in ("old.wav", "new.wav"):
        with pytest.raises(AudioError, match="decoded no more"):
            write_and_fail(tmp_path / name, AudioError("decoded no more"))
    assert (tmp_path / "old.wav").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["old.wav"]


def test_a_failure_inside_the_block_is_not_one_of_writing(tmp_path):
    """Also where the output is a device, and where the failure is one of the system."""
    for path in (tmp_path / "a.wav", "/dev/null"):
        with pytest.raises(ConnectionError, match="unplugged"):
            write_and_fail(path, ConnectionError("unplugged"))


def test_longer_than_a_wav_file_can_be(tmp_path, monkeypatch):
    monkeypatch.setattr("dred.io.wav_writer.LARGEST", 4000)
    write_wav(tmp_path / "a.wav", np.zeros(2000, np.int16), 16000)
    with pytest.raises(AudioError, match=r"b\.wav: would be longer"):
        write_wav(tmp_path / "b.wav", np.zeros(2001, np.int16), 16000)
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]
