# SPDX-License-Identifier: BSD-3-Clause
"""A profile of one's own on the wire: only receivers that have it decode it, nobody misreads it."""

import hashlib
import json

import numpy as np
import pytest
import soundfile
from signals import voice
from weights import random_image, random_models, record

import dred
from dred.cli import main
from dred.models import Models, load_models
from dred.models.combine import combine
from dred.opus import OpusDecoder
from dred.packet import Packet
from dred.profile import OPUS, TABLES

OWN = 200
# First 16 hex digits of the SHA-256 of the bitstream's tables, in the order of TABLES.
HASHES = {
    "latent": ["2ae874e38da1a3d7", "cb3cc44de1597913", "036291ae08eff3a1", "bc0d2abd512666d7"],
    "state": ["dfba3bdefe3ee0ae", "579970de244f7883", "ea0f83101da81918", "07d3cc48fb197cf2"],
}


@pytest.mark.parametrize("kind", HASHES)
def test_the_tables_are_those_of_the_bitstream(kind):
    tables = OPUS.tables(kind)
    found = [hashlib.sha256(tables[name].tobytes()).hexdigest()[:16] for name in TABLES]
    assert found == HASHES[kind]


def profile_records(version=OWN):
    """The tables of libopus under another version: what is coded must then be the same."""
    parts = [record("profile_version", np.array([version], np.int32))]
    for kind in ("latent", "state"):
        tables = OPUS.tables(kind)
        stacked = np.stack([tables[name] for name in TABLES])
        parts.append(record(f"profile_{kind}", stacked.view(np.int8)))
    return b"".join(parts)


@pytest.fixture(scope="module")
def own():
    return Models(random_image() + profile_records(), "own.bin")


def sent(models, seconds=2):
    tx = dred.Sender(16000, 1, 20, 32000, models=models)
    return tx.push(voice(16000, seconds)) + tx.flush()


def played(packets, models):
    """What is heard where every third packet is lost, and the receiver's statistics."""
    rx = dred.Receiver(16000, models=models, jitter_ms=60)
    frames = []
    for number, packet in enumerate(packets):
        if number % 3:
            rx.push(packet, number)
        frames.append(rx.pull())
    return np.concatenate(frames), rx.stats


def test_the_version_alone_tells_profiles_apart(own):
    mine, theirs = sent(own), sent(random_models())
    assert own.profile.name == f"own-{OWN}"
    assert OPUS.name == random_models().profile.name == "opus-dred-12"
    for packet, twin in zip(map(Packet, mine), map(Packet, theirs), strict=True):
        assert packet.dred is None
        described, expected = packet.described(own.profile), twin.dred
        assert (described is None) == (expected is None)
        if expected is not None:
            assert packet.why_no_dred() == "other version"
            assert packet.why_no_dred(own.profile) == ""
            assert packet.dred_payload(own.profile) == twin.dred_payload()
            np.testing.assert_array_equal(described.symbols, expected.symbols)
    assert sum(Packet(packet).described(own.profile) is not None for packet in mine) > 80


def test_receivers_decode_their_profile_and_count_others(own):
    pcm, stats = played(sent(own), own)
    expected, _ = played(sent(random_models()), random_models())
    np.testing.assert_array_equal(pcm, expected)
    assert "other version" not in stats.no_dred
    guessed, stats = played(sent(own), random_models())
    assert stats.no_dred["other version"] > 40
    assert len(guessed) == len(pcm)
    assert not np.array_equal(guessed, pcm)


def test_any_opus_decoder_plays_it(own):
    decoder, plain = OpusDecoder(16000, 1), OpusDecoder(16000, 1)
    for packet in sent(own):
        bare = bytes(Packet(packet).without_extensions())
        np.testing.assert_array_equal(decoder.decode(packet, 320), plain.decode(bare, 320))


def test_one_packet_can_serve_both(own):
    mine = Packet(sent(own)[-10])
    theirs = Packet(sent(random_models())[-10])
    both = mine.with_dred(theirs.dred_payload())
    assert both.dred_payload(own.profile) == mine.dred_payload(own.profile)
    assert both.dred_payload() == theirs.dred_payload()
    assert both.why_no_dred() == both.why_no_dred(own.profile) == ""
    assert len(both) == len(mine) + mine.cost_of(len(theirs.dred_payload()))


def coder_file(path, version=OWN):
    image = random_image(seed=2, prefix="enc_") + random_image(seed=2, prefix="gdense")
    path.write_bytes(profile_records(version) + image + random_image(seed=2, prefix="dec_"))
    return path


def test_combined_files_take_the_later_network_and_its_profile(tmp_path):
    coder = coder_file(tmp_path / "coder.bin").read_bytes()
    base = random_image()
    whole = Models(combine([(base, "base"), (coder, "coder")]), "whole")
    assert len(whole.networks) == 5
    assert whole.profile.version == OWN
    assert whole.describe()["parameters"] == random_models().describe()["parameters"]
    assert whole.describe()["layers"] == random_models().describe()["layers"]
    back = Models(combine([(whole.image, "whole"), (base, "base")]), "back")
    assert back.profile.version == 12
    assert sorted(back.image) == sorted(base)


def test_from_a_coder_to_a_call_on_the_command_line(tmp_path, capsys):
    def run(*argv):
        assert main([str(part) for part in argv]) == 0
        return capsys.readouterr().out

    if not dred.models.embedded_files():
        pytest.skip("this installation holds no models")
    coder, whole = coder_file(tmp_path / "coder.bin"), tmp_path / "set.bin"
    run("models", "combine", coder, "-o", whole)
    assert "own-200" in run("models", "describe", "--models", whole)
    assert len(load_models(whole).networks) == 5
    soundfile.write(tmp_path / "in.wav", voice(16000, 2), 16000)
    run("encode", tmp_path / "in.wav", tmp_path / "a.opus", "--models", whole)
    found = json.loads(run("inspect", tmp_path / "a.opus", "--json"))
    assert found["summary"]["with_dred"] == 0
    assert found["summary"]["no_dred"]["other version"] > 80
    found = json.loads(run("inspect", tmp_path / "a.opus", "--json", "--models", whole))
    assert found["summary"]["with_dred"] > 80
    run("decode", tmp_path / "a.opus", tmp_path / "out.wav", "--models", whole)
    assert soundfile.info(tmp_path / "out.wav").frames == 2 * 16000


def test_a_version_of_libopus_is_refused(tmp_path, capsys):
    path = coder_file(tmp_path / "coder.bin", version=13)
    assert main(["models", "combine", str(path), "-o", str(tmp_path / "set.bin")]) != 0
    assert "profile_version: a profile of one's own is 128 to 255" in capsys.readouterr().err
    assert not (tmp_path / "set.bin").exists()


def test_the_coder_of_the_samples_restores_speech(samples):
    """Trained from scratch, on the wire as version 128: nearer to what was lost than a guess."""
    files = [(image, name) for name, image in dred.models.embedded_files().items()]
    if not files:
        pytest.skip("this installation holds no models")
    files.append(((samples / "own_coder.bin").read_bytes(), "own_coder.bin"))
    whole = Models(combine(files), "set.bin")
    assert whole.profile.name == "own-128"
    pcm, rate = soundfile.read(samples / "slt_16k.wav", dtype="float32", frames=6 * 16000)
    trace = [0] * 35 + [1] * 15

    def distance(scheme):
        out = dred.simulate(pcm, rate, trace, scheme, 32000, 20, whole)
        lost = np.repeat(out.lost, 2)[: len(pcm) // 160 - 2].astype(bool)
        first, second = (dred.extract_features(x)[: len(lost), :18] for x in (pcm, out.pcm))
        return np.sqrt(np.mean((first - second)[lost] ** 2))

    assert distance("dred") < 0.7 * distance("neural-plc")
