# SPDX-License-Identifier: BSD-3-Clause
from dataclasses import replace

import pytest

from dred.errors import PacketError
from dred.packet import attach_payload
from dred.rtp import RtpReceiver, RtpSender, red
from dred.rtp.bitrate import opus_bitrate
from dred.rtp.numbering import Numbering

SILK_20 = 0x48  # one frame of 20 ms, wide band
SPEECH = [bytes([SILK_20, 10, i, 7]) for i in range(40)]
SILENCE = bytes([SILK_20])


class Sink:
    """Stands for a dred.Receiver."""

    def __init__(self):
        self.got = []
        self.restarted_at = []  # packets got before

    def restart(self):
        self.restarted_at.append(len(self.got))

    def push(self, packet, sequence, arrival_ms=None, *, copy=False):
        self.got.append((sequence, packet))


def send(packets, **options):
    sender = RtpSender(1, **{"sequence": 10, "timestamp": 1000, **options})
    return [sender.send(packet) for packet in packets]


def receive(packets, **options):
    sink = Sink()
    receiver = RtpReceiver(sink, **options)
    for number, packet in enumerate(packets):
        receiver.push(bytes(packet), 20.0 * number)
    return sink.got, receiver


def test_clock_and_numbers():
    sent = send(SPEECH[:3], sequence=65534, timestamp=2**32 - 960)
    assert [p.sequence for p in sent] == [65534, 65535, 0]
    assert [p.timestamp for p in sent] == [2**32 - 960, 0, 960]
    assert [p.marker for p in sent] == [True, False, False]
    assert {(p.payload_type, p.ssrc) for p in sent} == {(111, 1)}


def test_first_numbers_are_random():
    starts = {(s.ssrc, s.timestamp) for s in (RtpSender() for _ in range(4))}
    assert len(starts) == 4


def test_what_is_no_opus_is_refused():
    with pytest.raises(PacketError, match="duration"):
        send([b""])


def test_silence_takes_time_but_no_number():
    sent = send([*SPEECH[:2], SILENCE, SILENCE, *SPEECH[2:4]], skip_dtx=True)
    # The first packet of the pause is sent, or else the other end takes it for a loss.
    assert sent[3] is None
    kept = [p for p in sent if p]
    assert [p.sequence for p in kept] == [10, 11, 12, 13, 14]
    assert [(p.timestamp - 1000) // 960 for p in kept] == [0, 1, 2, 4, 5]
    assert [p.marker for p in kept] == [True, False, False, True, False]
    got, receiver = receive(kept)
    assert [number for number, _ in got] == [0, 1, 2, 4, 5]
    assert receiver.reception.lost == 0


def test_silence_that_is_sent_is_marked_as_such():
    sent = send([SPEECH[0], SILENCE, SPEECH[1]])
    assert [p.marker for p in sent] == [True, False, True]


def test_numbers_wrap_on_the_way():
    sent = send(SPEECH, sequence=65520, timestamp=2**32 - 5000)
    got, receiver = receive(sent)
    assert got == list(enumerate(SPEECH))
    assert receiver.frames == 40


def test_loss_reordering_and_duplicates():
    sent = send(SPEECH[:8])
    order = [0, 2, 1, 1, 5, 4, 7]
    got, receiver = receive([sent[i] for i in order])
    assert [number for number, _ in got] == order
    assert (receiver.reception.lost, receiver.reception.duplicates) == (2, 1)
    assert receiver.reception.figures().mean_burst == 1


@pytest.mark.parametrize("copies", [1, 2, 4])
def test_copies_fill_what_is_lost(copies):
    sent = send(SPEECH, red_copies=copies)
    lost = {10, 20, 21, 30, 31, 32, 33}
    got, receiver = receive([p for i, p in enumerate(sent) if i not in lost])
    missing = set(range(40)) - {number for number, _ in got}
    burst = [min(b, 40) for b in (1, 2, 4)]
    assert len(missing) == sum(max(0, length - copies) for length in burst)
    assert all(SPEECH[number] == data for number, data in got)
    assert len(got) == len({number for number, _ in got})
    assert receiver.stats.copies_used == 7 - len(missing)


def test_copies_before_the_first_packet_are_left_alone():
    got, _ = receive(send(SPEECH[:5], red_copies=2)[3:])
    assert [number for number, _ in got] == [0, 1]


def test_copies_carry_no_dred():
    with_dred = [attach_payload(packet, bytes(40)) for packet in SPEECH[:2]]
    blocks = red.parse(send(with_dred, red_copies=1)[1].payload)
    assert [block.data for block in blocks] == [SPEECH[0], with_dred[1]]


def test_packets_keep_to_the_size_asked_for():
    long = [bytes([SILK_20]) + bytes(99) for _ in range(10)]
    for packet in send(long, red_copies=4, max_bytes=300):
        assert len(bytes(packet)) <= 300


def test_copies_know_their_place_across_silence():
    packets = [*SPEECH[:2], *[SILENCE] * 3, *SPEECH[2:5]]
    sent = [p for p in send(packets, red_copies=2, skip_dtx=True) if p]
    got, _ = receive([p for i, p in enumerate(sent) if i not in (1, 4)])
    after = zip((5, 6, 7), SPEECH[2:5], strict=True)
    assert sorted(got) == [(0, SPEECH[0]), (1, SPEECH[1]), (2, SILENCE), *after]


def test_other_types_are_counted():
    sent = send(SPEECH[:4])
    sent.insert(1, replace(sent[0], payload_type=101))
    got, receiver = receive(sent)
    assert len(got) == 4
    assert receiver.stats.other_types == 1
    assert receive(send(SPEECH[:4]), payload_type=96)[0] == []


def test_a_type_that_is_asked_for_is_taken():
    assert len(receive(send(SPEECH[:4], payload_type=96), payload_type=96)[0]) == 4


def test_a_new_source_takes_over_after_two_packets():
    first, second = send(SPEECH[:5]), send(SPEECH[5:9])
    second = [replace(p, ssrc=2, sequence=p.sequence + 999) for p in second]
    got, receiver = receive([*first, *second])
    step = receiver.SOURCE_STEP
    assert [number for number, _ in got] == [*range(5), *range(4 + step, 8 + step)]
    assert [data for _, data in got] == SPEECH[:9]
    assert receiver.stats.sources == 2
    assert receiver.reception.ssrc == 2


def test_single_strays_do_not_take_over():
    sent = send(SPEECH[:6])
    sent.insert(2, replace(sent[0], ssrc=7))
    sent.insert(5, replace(sent[0], ssrc=8))
    got, receiver = receive(sent)
    assert [number for number, _ in got] == [*range(6)]
    assert (receiver.stats.sources, receiver.stats.strays) == (1, 2)


def test_a_stray_datagram_before_the_call_does_not_choose_its_type():
    sent = send(SPEECH[:6], payload_type=96)
    stray = replace(sent[0], payload_type=0, ssrc=7, payload=b"\xff\xff")
    got, receiver = receive([stray, *sent])
    assert [data for _, data in got[-6:]] == SPEECH[:6]
    assert receiver.reception.ssrc == 1
    # A call that goes on keeps its type, whatever else comes to the port.
    other = [replace(p, payload_type=97, ssrc=8) for p in send(SPEECH[:6])]
    got, receiver = receive([*sent[:2], *other, *sent[2:]])
    assert [data for _, data in got] == SPEECH[:6]
    assert receiver.stats.other_types == 6


def test_malformed_packets_are_counted():
    sent = send(SPEECH[:3], red_copies=1)
    broken = replace(sent[1], payload=b"\xef\x00")
    got, receiver = receive([sent[0], broken, b"nonsense", sent[2]])
    assert receiver.stats.malformed == 2
    assert [number for number, _ in got] == [0, 1, 2]  # 1 from the copy


def test_a_malformed_packet_begins_no_call():
    sent = send(SPEECH[:3], red_copies=1)
    sink = Sink()
    receiver = RtpReceiver(sink)
    receiver.push(bytes(replace(sent[0], payload=b"\x80", ssrc=99)), 0.0)
    assert receiver.reception is None
    for packet in sent:
        assert receiver.push(bytes(packet), 20.0)
    assert receiver.reception.ssrc == 1
    assert [data for _, data in sink.got] == SPEECH[:3]


@pytest.mark.parametrize("sequence", [100, 29_800, 50_000])
def test_a_source_may_begin_its_numbers_anew(sequence):
    """RFC 3550 A.1: the call goes on, copies are used, and what was not sent is not lost."""
    first = send(SPEECH, red_copies=1, sequence=30_000)
    second = send(SPEECH, red_copies=1, sequence=sequence, timestamp=7)
    lost = {10, 45, 50}
    sent = [(20.0 * i, p) for i, p in enumerate(first + second) if i not in lost]
    sink = Sink()
    receiver = RtpReceiver(sink)
    taken = [receiver.push_packet(packet, time_ms) for time_ms, packet in sent]
    assert taken.count(False) == 1  # the first of the new numbers, until the second confirms them
    assert sorted(sink.got) == [*enumerate(SPEECH * 2)]
    assert sink.restarted_at == []  # nothing that waits is thrown away
    assert (receiver.stats.copies_used, receiver.stats.strays) == (3, 0)
    assert (receiver.lost, receiver.reception.lost, receiver.reception.expected) == (3, 2, 40)
    assert receiver.frames == 40


def test_after_a_restart_slow_packets_are_not_late():
    first, second = send(SPEECH[:9]), send(SPEECH[9:19], sequence=20_000, timestamp=7)
    sink = Sink()
    receiver = RtpReceiver(sink)
    # The last one before the restart comes 100 ms late, and what follows it is lost.
    for number, packet in enumerate(first):
        receiver.push_packet(packet, 20.0 * number + 100 * (number == 8))
    for number, packet in enumerate(second[3:], 12):
        receiver.push_packet(packet, 20.0 * number)
    assert [number for number, _ in sink.got] == [*range(9), *range(12, 19)]


def test_single_packets_far_off_are_strays():
    sent = send(SPEECH[:6])
    sent.insert(2, replace(sent[0], sequence=9000))
    sent.insert(5, replace(sent[0], sequence=10 - 200 & 0xFFFF))
    got, receiver = receive(sent)
    assert [number for number, _ in got] == [*range(6)]
    assert (receiver.stats.sources, receiver.stats.strays, receiver.lost) == (1, 2, 0)


def test_losses_of_all_sources_are_counted():
    first, second = send(SPEECH[:9]), [replace(p, ssrc=2) for p in send(SPEECH[:9])]
    _, receiver = receive([*first[:3], *first[5:], *second[:4], *second[5:]])
    assert (receiver.lost, receiver.reception.lost) == (3, 1)


def test_after_a_long_pause_play_out_begins_anew():
    """Whatever timestamps did meanwhile, and without losing a packet or counting losses."""
    for counted_s in (0, 33, 100):
        sink = Sink()
        receiver = RtpReceiver(sink)
        for number, packet in enumerate(send(SPEECH)):
            late = number >= 20
            moved = replace(packet, timestamp=packet.timestamp + late * counted_s * 48_000)
            receiver.push_packet(moved, 20.0 * number + late * 33_000)
        assert sink.restarted_at == [20]
        assert [data for _, data in sink.got] == SPEECH
        step = receiver.SOURCE_STEP
        assert [number for number, _ in sink.got[20:]] == [*range(19 + step, 39 + step)]
        assert (receiver.lost, receiver.stats.sources, receiver.frames) == (0, 1, 20)


def numbers(arrivals_ms, timestamps_ms):
    numbering = Numbering()
    pairs = enumerate(zip(arrivals_ms, timestamps_ms, strict=True))
    found = [numbering.push(i, 48 * stamp, 960, arrival) for i, (arrival, stamp) in pairs]
    return found, numbering.jumps


@pytest.mark.parametrize("hop_ms", [2000, 9000, 29_000, 10**7, -2000, -(10**7)])
def test_a_timestamp_that_jumps_is_not_believed(hop_ms):
    stamps = [20 * i + hop_ms * (i >= 5) for i in range(12)]
    assert numbers([20.0 * i for i in range(12)], stamps) == ([*range(12)], 1)


@pytest.mark.parametrize("pause_ms", [40, 400, 9000, 29_000])
@pytest.mark.parametrize("jitter_ms", [0, 300])
def test_a_pause_is_believed_where_time_has_passed(pause_ms, jitter_ms):
    stamps = [20 * i + pause_ms * (i >= 5) for i in range(12)]
    arrivals = [stamp + jitter_ms * (i % 4 == 0) for i, stamp in enumerate(stamps)]
    assert numbers(arrivals, stamps) == ([stamp // 20 for stamp in stamps], 0)


@pytest.mark.parametrize("hop_ms", [60_000, -60_000])
def test_where_the_timestamp_jumps_the_arrival_tells_the_pause(hop_ms):
    stamps = [20 * i + hop_ms * (i >= 5) for i in range(12)]
    arrivals = [20.0 * i + 4000 * (i >= 5) for i in range(12)]
    assert numbers(arrivals, stamps) == ([*range(5), *range(205, 212)], 1)


def test_an_empty_packet_leaves_the_frame_time_as_it_was():
    numbering = Numbering()
    times = [(0, 960), (20, 960), (2000, 0), (5000, 960)]
    found = [numbering.push(i, 48 * t, units, t) for i, (t, units) in enumerate(times)]
    assert found == [0, 1, 100, 250]


def test_bitrate_is_shared_with_copies():
    assert opus_bitrate(32000, 0, 20, int) == 32000
    # A copy has a header of four bytes, the packet itself one of one byte (RFC 2198).
    assert opus_bitrate(48000 + 50 * 8 * 9, 2, 20, int) == pytest.approx(16000, abs=100)
    assert opus_bitrate(48000 + 100 * 8 * 9, 2, 10, int) == pytest.approx(16000, abs=100)
    assert opus_bitrate(64000 + 50 * 8 * 5, 1, 20, lambda total: total // 2) == pytest.approx(
        64000 / 1.5, abs=100
    )
    assert opus_bitrate(6000, 2, 10, int) == 6000


def test_opus_and_red_of_one_type_are_refused():
    with pytest.raises(ValueError, match="both 63"):
        RtpSender(payload_type=63)
    assert RtpSender(payload_type=63, red_type=64).packets == 0
