# SPDX-License-Identifier: BSD-3-Clause
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dred.rtp.sdp import OpusFormat, SdpError, Session, parse

maybe = st.none() | st.integers(0, 48000)
formats = st.builds(
    OpusFormat,
    payload_type=st.integers(96, 127),
    red_type=st.none() | st.just(63),
    inband_fec=st.booleans(),
    dtx=st.booleans(),
    stereo=st.booleans(),
    sends_stereo=st.booleans(),
    cbr=st.booleans(),
    max_playback_rate=maybe,
    max_capture_rate=maybe,
    max_average_bitrate=maybe,
    ptime=st.none() | st.sampled_from([10, 20, 40, 60]),
    maxptime=st.none() | st.sampled_from([60, 120]),
    dred_ms=maybe,
    sends_dred_ms=maybe,
)


@given(formats, st.booleans(), st.sampled_from(["127.0.0.1", "::1"]))
def test_round_trip(offered, mux, address):
    session = Session(address, 5004, offered, mux)
    assert parse(str(session)) == session


@pytest.mark.parametrize("copies", [1, 2, 4])
def test_red(copies):
    offered = OpusFormat(red_type=63, red_copies=copies)
    assert f"a=fmtp:63 111{'/111' * copies}" in offered.attributes()
    assert parse(str(Session("127.0.0.1", 1, offered))).format == offered


def test_lines():
    offered = OpusFormat(red_type=63, inband_fec=True, dtx=True, dred_ms=1000, ptime=20)
    assert str(Session("127.0.0.1", 5004, offered)).split("\r\n") == [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=dred",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        "m=audio 5004 RTP/AVP 63 111",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 useinbandfec=1;usedtx=1;ext32-dred-duration=1000",
        "a=ptime:20",
        "a=rtcp-mux",
        "",
    ]


BROWSER = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
m=video 9 UDP/TLS/RTP/SAVPF 96
a=rtpmap:96 VP8/90000
m=audio 9 UDP/TLS/RTP/SAVPF 109 63 0
c=IN IP4 192.0.2.1/127
a=rtpmap:109 OPUS/48000/2
a=rtcp-fb:109 transport-cc
a=fmtp:109 minptime=10; useinbandfec=1;sprop-stereo=0; ext126-dred-duration = 500
a=rtpmap:63 red/48000/2
a=fmtp:63 109/109/109
a=rtpmap:0 PCMU/8000
a=ptime:20
"""


def test_what_browsers_write():
    session = parse(BROWSER)
    assert (session.address, session.port, session.rtcp_mux) == ("192.0.2.1", 9, False)
    found = session.format
    assert found.types == [63, 109]
    assert found.red_copies == 2
    assert (found.inband_fec, found.dtx, found.sends_stereo) == (True, False, False)
    assert (found.dred_ms, found.dred_id, found.ptime) == (500, 126, 20)


MANY = "1" * 5000  # more digits than int() takes


def test_dred_of_an_impossible_extension_is_not_known():
    section = "m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=fmtp:96 "
    assert parse(f"{section}ext{MANY}-dred-duration=1000").format.dred_ms is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no audio section"),
        ("m=audio 5004 RTP/AVP 0\na=rtpmap:0 PCMU/8000", "no audio section"),
        ("m=audio x RTP/AVP 96\na=rtpmap:96 opus/48000/2", "no media line"),
        ("m=audio 65536 RTP/AVP 96\na=rtpmap:96 opus/48000/2", "no media line"),
        (f"m=audio {MANY} RTP/AVP 96\na=rtpmap:96 opus/48000/2", "no media line"),
        (f"m=audio 1 RTP/AVP 96\na=rtpmap:{MANY} opus/48000/2", "no audio section"),
        ("m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=fmtp:96 usedtx=on", "no number"),
        ("m=audio 1 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=ptime:-1", "out of range"),
    ],
)
def test_malformed(text, message):
    with pytest.raises(SdpError, match=message):
        parse(text)


@given(st.text(max_size=200))
def test_any_text_parses_or_raises(text):
    with suppress(SdpError):
        parse(text + "\nm=audio 1 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=fmtp:96 " + text)
