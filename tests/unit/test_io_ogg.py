# SPDX-License-Identifier: BSD-3-Clause
import contextlib
import io
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.errors import AudioError
from dred.io.ogg import (
    OggOpusWriter,
    OpusHead,
    OpusTags,
    packet_duration,
    parse_ogg,
    read_ogg,
    write_ogg,
)
from dred.io.ogg_page import CONTINUED, FIRST, LAST, Damage, Page, crc, paginate, read_pages

# A packet of one 20 ms frame, SILK, wideband, mono, whose content does not matter here.
TOC_20MS = bytes([9 << 3])
# Bytes of both header pages, without comments.
HEADERS = 27 + 1 + 19 + 27 + 1 + 20


def packet(size, rng=None):
    rng = rng or np.random.default_rng(size)
    return TOC_20MS + rng.bytes(size)


def ogg(packets, head=None, total=None, tags=None):
    memory = io.BytesIO()
    writer = OggOpusWriter(memory, head or OpusHead(), tags)
    for item in packets:
        writer.write(item)
    writer.close(total)
    return memory.getvalue()


def pages_of(data):
    pages = list(read_pages(data))
    assert all(isinstance(page, Page) for page in pages)
    return pages


def test_crc_is_the_bitwise_one():
    def slow(data):
        value = 0
        for byte in data:
            value ^= byte << 24
            for _ in range(8):
                value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
            value &= 0xFFFFFFFF
        return value

    data = np.random.default_rng(1).bytes(1000)
    assert crc(data) == slow(data)
    assert crc(b"") == 0


@pytest.mark.parametrize(
    ("toc", "rest", "ms"),
    [
        (0 << 3, b"", 10), (3 << 3, b"", 60), (13 << 3, b"", 20), (16 << 3, b"", 2.5),
        (31 << 3, b"", 20), (31 << 3 | 1, b"", 40), (1 << 3 | 2, b"", 40),
        (1 << 3 | 3, b"\x06", 120), (1 << 3 | 3, b"", 0),
    ],
)  # fmt: skip
def test_packet_duration(toc, rest, ms):
    assert packet_duration(bytes([toc]) + rest) == ms * 48


@given(st.lists(st.integers(0, 1500), max_size=200), st.integers(0, 3000), st.integers(0, 500))
def test_packets_and_length_survive(sizes, pre_skip, trim):
    packets = [packet(size) for size in sizes]
    lasting = 960 * len(packets)
    head = OpusHead(channels=2, pre_skip=min(pre_skip, lasting), input_rate=44100)
    total = max(0, lasting - head.pre_skip - trim)
    tags = OpusTags("vendor", ("TITLE=ä", "EMPTY="))
    read = parse_ogg(ogg(packets, head, total, tags))
    assert (read.head, read.tags, read.packets) == (head, tags, packets)
    assert read.duration == total
    assert read.warnings == []


@given(st.integers(0, 400), st.integers(0, 24000))
def test_granule_positions_never_decrease(count, trim):
    packets = [packet(50)] * count
    total = max(0, count * 960 - 312 - trim)
    if count * 960 < 312:
        packets, total = [], None
    pages = pages_of(ogg(packets, OpusHead(), total))
    granules = [page.granule for page in pages]
    assert granules == sorted(granules)
    assert [page.sequence for page in pages] == list(range(len(pages)))
    assert [page.flags for page in pages] == [FIRST] + [0] * (len(pages) - 2) + [LAST]
    # At most a second of audio on a page.
    assert max(np.diff([0, *granules])) <= 48000


@pytest.mark.parametrize("size", [254, 255, 65024, 65025, 65026, 200_000])
def test_long_packets_continue_on_more_pages(size):
    packets = [packet(10), packet(size - 1), packet(20)]
    assert parse_ogg(ogg(packets, total=2500)).packets == packets
    pages = paginate([packets[1]], granule=5, serial=1, sequence=0)
    assert len(pages) == 1 + size // 255 // 255
    assert [page.granule for page in pages] == [-1] * (len(pages) - 1) + [5]
    assert all(page.flags == CONTINUED for page in pages[1:])


def test_pages_are_read_back_byte_for_byte():
    data = ogg([packet(size) for size in range(0, 1000, 7)])
    assert b"".join(bytes(page) for page in pages_of(data)) == data


def test_a_total_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="last only"):
        ogg([packet(3)], total=961)
    with pytest.raises(ValueError, match="trim"):
        ogg([packet(3)] * 500, total=100)


def test_what_is_no_packet_is_refused():
    with pytest.raises(ValueError, match="not an Opus packet"):
        ogg([b""])


@given(st.data())
def test_truncated_files_give_their_complete_packets(data):
    packets = [packet(100, np.random.default_rng(n)) for n in range(150)]
    whole = ogg(packets)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    if len(cut) < HEADERS:
        with pytest.raises(AudioError, match=r"cut\.opus: "):
            parse_ogg(cut, "cut.opus")
        return
    read = parse_ogg(cut, "cut.opus")
    assert read.packets == packets[: len(read.packets)]
    # At most the packet that was cut, and one whose lacing value was cut off with the header.
    assert len(read.packets) >= (len(cut) - 400) // 102 - 25
    assert read.warnings
    assert all("\n" not in line and line.startswith("cut.opus: ") for line in read.warnings)


def test_a_damaged_page_leaves_a_hole_of_its_length():
    packets = [packet(100, np.random.default_rng(n)) for n in range(150)]
    data = bytearray(ogg(packets))
    data[len(data) // 2] ^= 1
    read = parse_ogg(bytes(data))
    missing = [n for n, found in enumerate(read.packets) if not found]
    assert len(missing) == 25
    assert missing == list(range(missing[0], missing[0] + 25))
    expected = [b"" if n in missing else each for n, each in enumerate(packets)]
    assert read.packets == expected
    assert any("checksum" in line for line in read.warnings)
    assert any("missing" in line for line in read.warnings)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_result_or_an_audio_error(data):
    for prefix in (b"", b"OggS", ogg([packet(30)] * 3)):
        with contextlib.suppress(AudioError):
            parse_ogg(prefix + data)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8))
def test_flipped_bytes_give_a_result_or_an_audio_error(changes):
    data = bytearray(ogg([packet(30)] * 60))
    for place, value in changes:
        data[place % len(data)] = value
    with contextlib.suppress(AudioError):
        parse_ogg(bytes(data))


def test_other_streams_of_the_file_are_left_alone():
    mine, other = [packet(30)] * 3, [packet(40)] * 3
    foreign = [
        Page(page.flags, page.granule, 7, page.sequence, page.lacing, b"x" * len(page.body))
        for page in pages_of(ogg(other))
    ]
    pages = pages_of(ogg(mine))
    mixed = b"".join(bytes(page) for pair in zip(foreign, pages, strict=True) for page in pair)
    assert parse_ogg(mixed).packets == mine


def test_only_the_first_of_chained_streams_is_read():
    second = b"".join(
        bytes(Page(p.flags, p.granule, 99, p.sequence, p.lacing, p.body))
        for p in pages_of(ogg([packet(5)]))
    )
    read = parse_ogg(ogg([packet(30)] * 3) + second)
    assert len(read.packets) == 3


def test_a_stream_may_start_late():
    # As a recording of a running broadcast does: granule positions start at 100 000.
    pages = pages_of(ogg([packet(30)] * 200, OpusHead(pre_skip=0), 190_000))
    late = [
        page if index < 2 else Page(page.flags, page.granule + 100_000, page.serial, page.sequence,
                                    page.lacing, page.body)
        for index, page in enumerate(pages)
    ]  # fmt: skip
    assert parse_ogg(b"".join(map(bytes, late))).duration == 190_000


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"OpusHead\x01\x06\x00\x00\x80\xbb\x00\x00\x00\x00\x01", "6 channels"),
        (b"OpusHead\x21\x01\x00\x00\x80\xbb\x00\x00\x00\x00\x00", "version"),
        (b"OpusHead\x01", "no OpusHead"),
    ],
)
def test_unusual_heads(head, says):
    pages = [
        *paginate([head], granule=0, serial=1, sequence=0, flags=FIRST),
        *paginate([bytes(OpusTags())], granule=0, serial=1, sequence=1, flags=LAST),
    ]
    with pytest.raises(AudioError, match=says):
        parse_ogg(b"".join(map(bytes, pages)), "a.opus")


def test_cut_tags_do_not_matter():
    tags = OpusTags("vendor", ("A=1", "B=2"))
    for size in range(8, len(bytes(tags))):
        assert "vendor".startswith(OpusTags.parse(bytes(tags)[:size]).vendor)


def test_read_pages_tells_where_the_damage_is():
    data = ogg([packet(30)])
    assert next(read_pages(b"junk" + data)) == Damage(0, "bytes that are no Ogg page")


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("trim", [0, 700])
def test_players_play_it_for_the_right_time(tmp_path, samples, channels, trim):
    """opusenc makes packets, we write the file, opusdec and ffmpeg measure its sound."""
    for tool in ("opusenc", "opusdec", "ffmpeg"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    made, ours = tmp_path / "made.opus", tmp_path / "ours.opus"
    command = ["opusenc", "--quiet", "--bitrate", "24", samples / "awb_48k.wav", made]
    subprocess.run(command, check=True)
    source = read_ogg(made)
    assert source.warnings == []
    assert source.duration == 583920
    total = source.duration - trim
    head = OpusHead(channels, source.head.pre_skip, 48000)
    write_ogg(ours, source.packets, head, total_samples=total)
    subprocess.run(["opusdec", "--quiet", "--rate", "48000", ours, tmp_path / "a.wav"], check=True)
    subprocess.run(["ffmpeg", "-v", "error", "-i", ours, tmp_path / "b.wav"], check=True)
    import soundfile

    for name in ("a.wav", "b.wav"):
        info = soundfile.info(tmp_path / name)
        assert (info.frames, info.channels) == (total, channels)
