# SPDX-License-Identifier: BSD-3-Clause
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.errors import PacketError
from dred.io import udp
from dred.io.pcap import ETHERNET, Frame, is_capture, read_pcap, write_pcap
from dred.io.udp import Datagram, read_datagrams, write_datagrams
from dred.rtp import RtpPacket, RtpReceiver, RtpSender
from dred.rtp.capture import (
    CapturedStream,
    arrivals,
    open_capture,
    read_capture,
    write_capture,
)

NOW = 1_700_000_000_123_456_789
SPEECH = [bytes([0x48, 10, i, 7]) for i in range(40)]
V4 = Datagram(NOW, ("192.0.2.1", 5002), ("192.0.2.2", 5004), b"hello")
V6 = Datagram(NOW + 5, ("2001:db8::1", 5002), ("::1", 65535), b"odd size")


@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_round_trip(tmp_path, suffix):
    path = tmp_path / f"call.{suffix}"
    frames = [Frame(NOW + i, ETHERNET, bytes(range(i)), 100 + i) for i in range(9)]
    write_pcap(path, frames)
    read = read_pcap(path)
    assert read.frames == frames
    assert read.warnings == []
    assert is_capture(path.read_bytes())


def test_empty_files_of_frames(tmp_path):
    for suffix in ("pcap", "pcapng"):
        path = tmp_path / f"none.{suffix}"
        write_pcap(path, [])
        assert read_pcap(path).frames == []


def test_pcapng_holds_several_link_types(tmp_path):
    frames = [Frame(NOW, ETHERNET, b"a", 1), Frame(NOW, udp.RAW, b"b", 1)]
    write_pcap(tmp_path / "two.pcapng", frames)
    assert read_pcap(tmp_path / "two.pcapng").frames == frames
    with pytest.raises(ValueError, match="one link type"):
        write_pcap(tmp_path / "two.pcap", frames)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_both_orders_and_units_of_pcap(tmp_path, order, magic, unit):
    data = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, udp.RAW)
    data += struct.pack(f"{order}IIII", 7, 8, 3, 9) + b"abc"
    (tmp_path / "x.pcap").write_bytes(data)
    assert read_pcap(tmp_path / "x.pcap").frames == [
        Frame(7 * 10**9 + 8 * unit, udp.RAW, b"abc", 9)
    ]


def block(order, kind, body):
    size = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + size + body + size


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_of_other_makers(tmp_path, order):
    section = block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    # Interface 0 has microseconds, 1 has 2^-10 s and an offset of 100 s.
    plain = block(order, 1, struct.pack(f"{order}HHI", udp.RAW, 0, 2))
    options = struct.pack(f"{order}HHB3xHHqHH", 9, 1, 0x8A, 14, 8, 100, 0, 0)
    other = block(order, 1, struct.pack(f"{order}HHI", ETHERNET, 0, 0) + options)
    enhanced = block(order, 6, struct.pack(f"{order}IIIII", 1, 0, 512, 4, 4) + b"abcd")
    old = block(order, 2, struct.pack(f"{order}HHIIII", 0, 0, 0, 7, 4, 4) + b"efgh")
    simple = block(order, 3, struct.pack(f"{order}I", 9) + b"ij\0\0")
    unknown = block(order, 0xBAD, b"????")
    path = tmp_path / "x.pcapng"
    path.write_bytes((section + plain + other + unknown + enhanced + old + simple) * 2)
    assert read_pcap(path).frames == [
        Frame(100_500_000_000, ETHERNET, b"abcd", 4),
        Frame(7000, udp.RAW, b"efgh", 4),
        Frame(0, udp.RAW, b"ij", 9),
    ] * 2  # fmt: skip


@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_cut_off_files_give_what_is_whole(tmp_path, suffix):
    path = tmp_path / f"cut.{suffix}"
    write_pcap(path, [Frame(NOW, ETHERNET, bytes(50)) for _ in range(4)])
    whole = path.read_bytes()
    for size in range(4, len(whole), 7):
        path.write_bytes(whole[:size])
        read = read_pcap(path)
        assert len(read.frames) < 4
        assert len(read.warnings) <= 1
    path.write_bytes(whole[:-3])
    assert len(read_pcap(path).frames) == 3
    assert "3 frames" in read_pcap(path).warnings[0]


def test_what_is_no_capture(tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(b"OggS")
    with pytest.raises(PacketError, match="no capture file"):
        read_pcap(path)
    with pytest.raises(PacketError, match="no such file"):
        read_pcap(tmp_path / "none.pcap")


@given(st.binary(max_size=200), st.sampled_from([0x0A0D0D0A, 0xA1B2C3D4, 0xD4C3B2A1]))
def test_any_bytes_are_read(tmp_path_factory, data, magic):
    path = tmp_path_factory.mktemp("any") / "x"
    path.write_bytes(struct.pack("<I", magic) + data)
    read_datagrams(read_pcap(path).frames)


@given(st.binary(max_size=90), st.sampled_from([0, 1, 101, 113, 276, 228, 229, 77]))
def test_any_frame_is_read(data, link):
    read_datagrams([Frame(0, link, data)])


def test_datagrams_round_trip():
    assert read_datagrams(write_datagrams([V4, V6])) == [V4, V6]
    with pytest.raises(ValueError, match="IPv6"):
        write_datagrams([Datagram(0, V4.source, V6.destination, b"")])


def test_checksums_are_right():
    frame = write_datagrams([V4])[0].data
    assert udp._checksum(frame[14:34]) == 0
    pseudo = frame[26:34] + bytes([0, 17]) + frame[38:40]
    assert udp._checksum(pseudo + frame[34:]) == 0


def links(packet, kind):
    """The same IP packet behind every kind of link."""
    ether = struct.pack(">H", kind)
    return [
        Frame(NOW, udp.RAW, packet),
        Frame(NOW, udp.NULL, b"\x02\0\0\0" + packet),
        Frame(NOW, udp.COOKED, bytes(14) + ether + packet),
        Frame(NOW, udp.COOKED2, ether + bytes(18) + packet),
        Frame(NOW, ETHERNET, bytes(12) + b"\x81\0\0\x05" + ether + packet),
        Frame(NOW, ETHERNET, bytes(12) + ether + packet + bytes(6)),
    ]


@pytest.mark.parametrize(("datagram", "kind"), [(V4, udp.IPV4), (V6, udp.IPV6)])
def test_links(datagram, kind):
    packet = write_datagrams([datagram])[0].data[14:]
    for frame in links(packet, kind):
        found = read_datagrams([frame])
        assert [(d.source, d.destination, d.payload) for d in found] == [
            (datagram.source, datagram.destination, datagram.payload)
        ]


def test_headers_in_between():
    packet = bytearray(write_datagrams([V6])[0].data[14:])
    hop = bytes([17, 0]) + bytes(6)
    longer = packet[:4] + struct.pack(">HB", len(packet) - 40 + 8, 0) + packet[7:40]
    assert len(read_datagrams([Frame(0, udp.RAW, bytes(longer) + hop + packet[40:])])) == 1
    v4 = bytearray(write_datagrams([V4])[0].data[14:])
    with_options = bytes([0x46]) + v4[1:2] + struct.pack(">H", len(v4) + 4) + v4[4:20]
    assert len(read_datagrams([Frame(0, udp.RAW, with_options + bytes(4) + v4[20:])])) == 1


def test_fragments_and_others_are_passed_over():
    packet = bytearray(write_datagrams([V4])[0].data[14:])
    first = bytes(packet[:6]) + b"\x20\0" + bytes(packet[8:])
    tcp = bytes(packet[:9]) + b"\x06" + bytes(packet[10:])
    for data in (first, tcp, bytes(packet[:-1])):
        assert read_datagrams([Frame(0, udp.RAW, data)]) == []


def call(copies=0, ssrc=9):
    sender = RtpSender(ssrc, red_copies=copies)
    return [(20.0 * i, sender.send(packet)) for i, packet in enumerate(SPEECH)]


@pytest.mark.parametrize("copies", [0, 2])
@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_calls_round_trip(tmp_path, suffix, copies):
    path = tmp_path / f"call.{suffix}"
    write_capture(path, call(copies), start_ns=NOW)
    (stream,) = read_capture(path)
    assert stream.packets == call_of(stream, copies)
    assert (stream.payload_type, stream.red_type) == (111, 63 if copies else None)
    assert stream.seconds == pytest.approx(0.78)
    assert [stream.blocks(packet)[-1].data for _, packet in stream.packets] == SPEECH


def call_of(stream, copies):
    sender = RtpSender(
        stream.ssrc, red_copies=copies,
        sequence=stream.packets[0][1].sequence, timestamp=stream.packets[0][1].timestamp,
    )  # fmt: skip
    return [(20.0 * i, sender.send(packet)) for i, packet in enumerate(SPEECH)]


def test_streams_are_told_apart(tmp_path):
    path = tmp_path / "call.pcap"
    noise = [(1.0, bytes([0x80, 0x6F]) + bytes(20)), (3.0, b"name service"), (4.0, b"\x80\xc9\0\0")]
    both = sorted([*call(ssrc=1), *call(2, ssrc=2)[:30], *noise], key=lambda entry: entry[0])
    write_capture(path, both)
    capture = open_capture(path)
    assert [(s.ssrc, len(s.packets), s.red_type) for s in capture.streams] == [
        (1, 40, None), (2, 30, 63)
    ]  # fmt: skip
    assert (len(capture.rtcp), capture.datagrams) == (1, 73)
    assert read_capture(path, payload_type=96) == []


def test_a_stream_plays_as_it_happened(tmp_path):
    path = tmp_path / "call.pcap"
    write_capture(path, [entry for i, entry in enumerate(call()) if i not in (5, 6)])
    (stream,) = read_capture(path)
    got = []

    class Sink:
        def push(self, packet, sequence, arrival_ms=None, *, copy=False):
            got.append((sequence, arrival_ms))

    receiver = stream.receiver(Sink())
    assert isinstance(receiver, RtpReceiver)
    pulls = 0
    for packet, time_ms in arrivals(stream):
        if packet is None:
            pulls += 1
        else:
            receiver.push_packet(packet, time_ms)
    assert got == [(i, 20.0 * i) for i in range(40) if i not in (5, 6)]
    assert pulls == 39


def test_bytes_that_have_been_read_are_a_capture_too(tmp_path):
    path = tmp_path / "call.pcap"
    write_capture(path, call())
    data = path.read_bytes()
    whole = read_capture(path)
    path.unlink()
    assert open_capture("-", data=data).streams == whole
    assert "cut off" in open_capture("-", data=data[:-3]).warnings[0]


@pytest.mark.parametrize(
    "first", [RtpPacket(101, 0, 0, 9, b"\x01\x0a\x00\xa0"), RtpPacket(111, 0, 0, 9, b"")]
)
def test_the_first_packet_need_not_be_speech(tmp_path, first):
    longer = [bytes([0x50, 10, i, 7]) for i in range(9)]  # 40 ms
    sender = RtpSender(9, sequence=1)
    write_capture(tmp_path / "c.pcap", [(0.0, first), *((40.0, sender.send(p)) for p in longer)])
    (stream,) = read_capture(tmp_path / "c.pcap")
    assert stream.frame_ms == 40
    stream.packets = stream.packets[:1]
    assert stream.frame_ms == 20


def times_of(clock):
    """Arrivals of packets of 20 ms, (ms of the capture's clock, ms of the sender's) each."""
    packets = [
        (at, RtpPacket(111, i, 48 * sent, 9, SPEECH[0])) for i, (at, sent) in enumerate(clock)
    ]
    stream = CapturedStream(9, 111, V4.source, V4.destination, packets)
    found = list(arrivals(stream))
    pulls = sum(packet is None for packet, _ in found)
    return [time_ms for packet, time_ms in found if packet is not None], pulls


@pytest.mark.parametrize("step", [7_200_000, -7_200_000, 1_700_000_000_000])
def test_steps_of_the_captures_clock_take_no_time(step):
    clock = [(5.0 + 20 * i + step * (i >= 4), 20 * i) for i in range(8)]
    assert times_of(clock) == ([20.0 * i for i in range(8)], 7)


def test_pauses_take_time_up_to_a_limit():
    assert times_of([(0, 0), (20, 20), (9020, 9020)]) == ([0, 20, 9020], 451)
    assert times_of([(0, 0), (20, 20), (7_200_020, 7_200_020)]) == ([0, 20, 60_020], 3001)


def test_packets_out_of_order_take_no_time():
    assert times_of([(0, 0), (30, 20), (29, 40), (60, 60)])[0] == [0, 30, 29, 60]
