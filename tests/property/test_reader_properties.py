# SPDX-License-Identifier: BSD-3-Clause
"""Damaged files and datagrams: every reader gives something, or the one error it promises."""

import contextlib

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from dred.errors import AudioError, ModelError, PacketError, TraceError
from dred.io.ogg import OpusHead, read_ogg, write_ogg
from dred.io.wav import read_wav
from dred.models.records import HEADER, read_records
from dred.models.update import diff, patch
from dred.rtp import RtpSender, red, rtcp
from dred.rtp.capture import open_capture, write_capture
from dred.rtp.packet import HeaderExtension, RtpPacket
from dred.rtp.sdp import OpusFormat, SdpError, Session, parse
from dred.traces.files import read_transit, write_trace, write_transit
from dred.traces.transit import Transit

SPEECH = [bytes([0x48, 10, i, 7]) for i in range(12)]
LOST = np.array([0, 1, 1, 0, 0, 1, 0, 0], np.uint8)
TRANSIT = Transit.undisturbed(np.full(8, 80), 20.0).losing(LOST)
SOUNDS = ("wav", "flac", "aiff", "w64", "au")
TRACES = ("txt", "csv", "rle", "times.csv")
CAPTURES = ("pcap", "pcapng")

RTP = RtpPacket(111, 7, 960, 1, b"opus", csrcs=(1, 2), extension=HeaderExtension(1, bytes(8)))
RTCP = rtcp.build(
    [
        rtcp.SenderReport(1, 2, 3, 4, 5, (rtcp.ReportBlock(6, 7, 8),)),
        rtcp.LossRuns(1, 2, 65000, (0,) * 40 + (1,) * 20),
        rtcp.PlayoutDelay(1, 2, 60, 200, True),
        rtcp.SourceName(1, "dred"),
        rtcp.Bye((1, 2), "over"),
    ]
)  # fmt: skip
RED = red.build([red.Block(111, 960, b"before"), red.Block(111, 0, b"now")])
SDP = Session("::1", 5004, OpusFormat(red_type=63, dred_ms=1000, ptime=20)).__str__().encode()


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes with a few places overwritten, put in, or taken out; also long runs of one byte."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        new = draw(st.binary(max_size=6)) * draw(st.sampled_from([1, 1, 1, 2000]))
        data[at : at + draw(st.sampled_from([0, 1, len(new), 50]))] = new
    return bytes(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A file of every kind."""
    place = tmp_path_factory.mktemp("whole")
    pcm = np.sin(np.arange(400) / 9)
    for kind in SOUNDS:
        soundfile.write(place / f"x.{kind}", pcm, 16000)
    write_ogg(place / "x.opus", SPEECH, OpusHead(), total_samples=None)
    write_transit(place / "x.times.csv", TRANSIT)
    for kind in ("txt", "csv", "rle"):
        write_trace(place / f"x.{kind}", LOST)
    sender = RtpSender(1, red_copies=1, sequence=65530, timestamp=0)
    packets = [(20.0 * i, sender.send(packet)) for i, packet in enumerate(SPEECH)]
    for kind in CAPTURES:
        write_capture(place / f"x.{kind}", [*packets, (300.0, RTCP)])
    return place


FILES = {
    **dict.fromkeys(SOUNDS, (read_wav, AudioError)),
    "opus": (read_ogg, AudioError),
    **dict.fromkeys(TRACES, (read_transit, TraceError)),
    **dict.fromkeys(CAPTURES, (open_capture, PacketError)),
}


@pytest.mark.filterwarnings("error")  # of exceptions in callbacks, which have nowhere to go
@pytest.mark.parametrize("kind", FILES)
@given(st.data())
def test_damaged_files(folder, kind, data):
    read, error = FILES[kind]
    path = folder / f"damaged.{kind}"
    path.write_bytes(data.draw(damaged((folder / f"x.{kind}").read_bytes())))
    with contextlib.suppress(error):
        read(path)


@pytest.mark.parametrize("kind", CAPTURES)
@given(st.data())
def test_damaged_captures_as_traces(folder, kind, data):
    path = folder / f"trace.{kind}"
    path.write_bytes(data.draw(damaged((folder / f"x.{kind}").read_bytes())))
    with contextlib.suppress(TraceError):
        read_transit(path)


DATAGRAMS = {
    "rtp": (bytes(RTP), RtpPacket.parse, PacketError),
    "rtcp": (RTCP, rtcp.parse, PacketError),
    "red": (RED, red.parse, PacketError),
    "sdp": (SDP, lambda data: parse(data.decode("utf-8", "replace")), SdpError),
}


@pytest.mark.parametrize("kind", DATAGRAMS)
@given(st.data())
def test_damaged_datagrams_and_descriptions(kind, data):
    whole, read, error = DATAGRAMS[kind]
    read(whole)
    with contextlib.suppress(error):
        read(data.draw(damaged(whole)))


def record(name: str, values: bytes) -> bytes:
    block = -(-len(values) // 64) * 64
    header = HEADER.pack(b"DNNw", 0, 3, len(values), block, name.encode())
    return header + values.ljust(block, b"\0")


OLD = record("a_weights_int8", bytes(range(96))) + record("b_bias", bytes(40))
NEW = record("a_weights_int8", bytes(range(1, 97))) + record("c_bias", bytes(8))


@given(st.data())
def test_damaged_weight_files_and_updates(data):
    with contextlib.suppress(ModelError):
        list(read_records(data.draw(damaged(OLD))))
    update = data.draw(damaged(diff(OLD, NEW).data))
    with contextlib.suppress(ModelError):
        assert patch(OLD, update) == NEW
