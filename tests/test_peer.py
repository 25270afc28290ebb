# SPDX-License-Identifier: BSD-3-Clause
"""Against libopus with DRED itself, where the one at hand has it (DRED_LIBOPUS names its file)."""

import json

import numpy as np
import pytest
import soundfile
from signals import opus_packets, voice
from weights import embedded_models, random_models

import dred
from dred.cli import main
from dred.io.wav import resample
from dred.packet import Extension, Packet, attach_payload, duration_ms
from dred.payload import MAX_CHUNKS
from dred.peer import DredDecoder, DredParser, LibopusReceiver, LibopusSender, why_not
from dred.receiver import Receiver
from dred.sender import Sender
from dred.simulate import JITTER_MS, PEER_SCHEMES, play

needed = pytest.mark.skipif(bool(why_not()), reason=why_not())
BURST_MS, EVERY_MS = 160, 660
ALL_MS = 40 * MAX_CHUNKS + 5000  # more than any payload describes
# (rate, channels, frame_ms, bitrate, options)
SENDERS = {
    "12 kb/s": (16000, 1, 60, 12000, {}),
    "24 kb/s": (16000, 1, 20, 24000, {}),
    "10 ms": (16000, 1, 10, 32000, {}),
    "40 ms": (16000, 1, 40, 32000, {}),
    "hybrid": (48000, 1, 20, 32000, {}),
    "hybrid, 60 ms": (48000, 1, 60, 48000, {}),
    "stereo": (48000, 2, 20, 48000, {}),
    "LBRR": (16000, 1, 20, 48000, {"lbrr": True}),
    "LBRR, stereo, 40 ms": (24000, 2, 40, 48000, {"lbrr": True}),
    "CELT": (48000, 1, 20, 48000, {"application": "restricted-lowdelay"}),
    "CELT, 40 ms": (48000, 2, 40, 48000, {"application": "restricted-lowdelay"}),
    "apart": (16000, 1, 20, 32000, {"jitter_ms": 1000}),
}
# (rate, bitrate, dred_ms, lbrr, frame_ms)
PEER_SENDERS = (
    (16000, 24000, 1000, False, 20),
    (16000, 32000, 200, False, 20),
    (16000, 48000, 1040, False, 10),
    (16000, 64000, 500, True, 40),
    (48000, 32000, 1000, False, 20),
    (48000, 64000, 1040, True, 60),
)


def speech(samples, rate, channels=1, seconds=5):
    """A clip of samples/ at one of Opus's rates."""
    name = "awb_48k" if rate > 16000 else "slt_16k"
    pcm, own = soundfile.read(samples / f"{name}.wav", dtype="float32")
    pcm = pcm[: seconds * own : own // rate]
    return pcm if channels == 1 else np.stack([pcm, 0.5 * pcm], axis=1)


def our_span(packet, rate):
    """(begin, end) as `DredParser.parse` gives them, by our own parser."""
    payload = Packet(packet).dred
    if payload is None:
        return 0, 0
    unit = rate // 400
    begin = payload.chunks * 16 * unit - payload.offset * unit
    return (begin, max(0, -payload.offset * unit)) if begin > 0 else (0, 0)


def cepstra(pcm, rate):
    narrow = pcm if pcm.ndim == 1 else pcm.mean(axis=1)
    return dred.extract_features(resample(narrow, rate, 16000), random_models())[:, :18]


def distances(packets, pcm, rate, receive, lookahead):
    """RMS distances of cepstra in bursts, without DRED and with it, as receive(use_dred) plays."""
    frame_ms = duration_ms(packets[0])
    lost = (np.arange(len(packets)) * frame_ms % EVERY_MS >= EVERY_MS - BURST_MS).astype(np.uint8)
    true, rows = cepstra(pcm, rate), np.repeat(lost, round(frame_ms / 10)).astype(bool)
    found = []
    for use_dred in (False, True):
        heard, _ = play(packets, lost, receive(use_dred), jitter_ms=JITTER_MS)
        ours = cepstra(heard[lookahead:], rate)
        count = min(len(ours), len(true), len(rows))
        difference = (ours[:count] - true[:count])[rows[:count]]
        found.append(float(np.sqrt(np.mean(difference**2))))
    return found


@needed
@pytest.mark.parametrize("name", SENDERS)
def test_libopus_finds_and_speaks_what_we_wrote(samples, name):
    rate, channels, frame_ms, bitrate, options = SENDERS[name]
    pcm = speech(samples, rate, channels)
    sender = Sender(
        rate, channels, frame_ms, bitrate, models=embedded_models(), **{"lbrr": False, **options}
    )
    packets = sender.push(pcm)
    parser = DredParser(rate)
    spans = [our_span(packet, rate) for packet in packets]
    assert [parser.parse(packet, ALL_MS * rate // 1000) for packet in packets] == spans
    assert sum(begin > 0 for begin, _ in spans) == sender.stats["dred"] > 50
    # libopus fills nothing where its SILK decoder works below 16 kHz, and looks at the first packet
    # behind a gap alone.
    if Packet(packets[-1]).toc.bandwidth in ("nb", "mb") or sender.jitter_ms is not None:
        return

    def receive(use_dred):
        return LibopusReceiver(rate, channels, JITTER_MS, frame_ms=frame_ms, use_dred=use_dred)

    without, recovered = distances(packets, pcm, rate, receive, sender.lookahead)
    assert recovered < 0.8 * without


@needed
def test_libopus_leaves_other_versions_alone(samples):
    parser, found = DredParser(16000), 0
    sender = Sender(16000, 1, 20, 32000, models=embedded_models())
    for packet in map(Packet, sender.push(speech(samples, 16000))):
        payload = packet.dred_payload()
        if payload is None:
            continue
        own = bytes(attach_payload(bytes(packet.without_extensions()), payload, version=200))
        assert parser.parse(own, ALL_MS * 16) == (0, 0)
        both = attach_payload(own, payload)
        assert parser.parse(both, ALL_MS * 16) == our_span(bytes(packet), 16000)
        found += 1
    assert found > 100


@needed
def test_we_find_and_speak_what_libopus_wrote(samples):
    models, carriers = embedded_models(), 0
    for rate, bitrate, dred_ms, lbrr, frame_ms in PEER_SENDERS:
        pcm, parser = speech(samples, rate, seconds=12), DredParser(rate)
        sender = LibopusSender(rate, 1, frame_ms, bitrate, dred_ms, lbrr)
        packets = sender.push(pcm) + sender.flush()
        spans = [our_span(packet, rate) for packet in packets]
        assert [parser.parse(packet, ALL_MS * rate // 1000) for packet in packets] == spans
        carriers += sender.stats["dred"]

        def receive(use_dred, rate=rate, frame_ms=frame_ms):
            return Receiver(rate, 1, models, JITTER_MS, frame_ms=frame_ms, use_dred=use_dred)

        if (rate, lbrr) == (16000, False):
            without, recovered = distances(packets, pcm, rate, receive, sender.lookahead)
            assert recovered < 0.8 * without
    assert carriers > 3000


@needed
@pytest.mark.parametrize("mode", ["silk", "hybrid", "celt"])
@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
@pytest.mark.parametrize("channels", [1, 2])
def test_extensions_change_no_sample(mode, frame_ms, channels):
    """Whatever the code of the packet, and however long its padding."""
    rate, lbrr = 48000, mode != "celt"
    plain = opus_packets(
        rate, 12, channels=channels, frame_ms=frame_ms, mode=mode, lbrr=lbrr, bitrate=40000
    )
    rng = np.random.default_rng(1)
    pairs = [[DredDecoder(rate, channels, complexity) for _ in range(2)] for complexity in (0, 10)]
    for i, packet in enumerate(plain):
        parsed, pad = Packet(packet), len(packet) + 20 + 300 * (i % 3)
        payload = rng.bytes((1, 60, 254, 255, 256, 700)[i % 6])
        other = Extension(40, 0, rng.bytes(i))
        extended = [
            parsed.with_dred(payload),
            parsed.with_extensions([other], pad_to=pad),
            parsed.with_extensions([other]).with_dred(payload),
            parsed.with_extensions([], pad_to=pad),
        ][i % 4]
        assert len(extended) > len(packet)
        count = round(frame_ms * rate / 1000)
        for without, with_extension in pairs:
            for fec in (True, False) if i % 5 == 4 else (False,):
                expected = without.decode(packet, count, fec=fec)
                assert np.array_equal(
                    with_extension.decode(bytes(extended), count, fec=fec), expected
                )
                assert without.final_range == with_extension.final_range


@needed
def test_schemes_and_what_the_sender_is_told(samples):
    pcm = speech(samples, 16000)
    lost = np.arange(250) % 10 < 3
    results = {
        name: dred.simulate(pcm, 16000, lost, name, models=random_models()) for name in PEER_SCHEMES
    }
    for name, result in results.items():
        made = set(result.sources) - {"regular", "plc"}
        assert made == set(name.split("-")[-1].split("+")) - {"plc"}
        assert result.pcm.shape == pcm.shape
    assert results["libopus-dred"].split.dred > 5
    assert LibopusSender(48000, dred_ms=300)._opus.dred_ms == 300
    with pytest.raises(ValueError, match="equal"):
        dred.simulate(pcm, 16000, lost, "libopus-dred", equal="regular")


@needed
def test_play_out_begins_anew_where_it_is_told_to():
    packets = opus_packets(16000, 6)
    receiver = LibopusReceiver(16000, jitter_ms=0)
    for number in (40000, 40001, 0, 1):  # another source after the first two
        if number == 0:
            receiver.pull(), receiver.pull()
            receiver.restart()
        receiver.push(packets[number % 40000], number)
    receiver.pull(), receiver.pull()
    assert receiver.stats.as_dict()["frames"] == {"regular": 4}


@needed
def test_bench(capsys):
    assert main(["bench", "--json", "--seconds", "0.01", "peer"]) == 0
    result = json.loads(capsys.readouterr().out)["peer"]
    assert {row["stage"] for row in result["rows"]} >= {"payload parsing", "RDO-VAE decoder"}
    assert all(row["libopus_ns"] > 0 < row["ns"] for row in result["rows"])


@pytest.mark.skipif(not why_not(), reason="libopus has DRED")
def test_one_line_where_libopus_has_none(capsys, tmp_path):
    soundfile.write(tmp_path / "in.wav", voice(16000, 0.2), 16000)
    command = ["simulate", str(tmp_path / "in.wav"), "--loss", "bernoulli:p=0.2", "--schemes"]
    assert main([*command, "plc,libopus-dred"]) == 1
    assert why_not() in capsys.readouterr().err
    assert main(["bench", "peer"]) == 0
    assert why_not() in capsys.readouterr().out
