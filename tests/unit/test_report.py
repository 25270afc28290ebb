# SPDX-License-Identifier: BSD-3-Clause
import base64
import io
import json
import re

import numpy as np
import pytest
import soundfile
from signals import voice
from sweeps import example_records
from weights import random_models

from dred.evaluate.report import Track, simulation_data, sweep_data, write_simulation, write_sweep
from dred.evaluate.report.html import build_page, embed
from dred.evaluate.report.simulation import encode_sounds
from dred.simulate import simulate

MEGABYTES_6 = 6_000_000


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_data_cannot_leave_their_element():
    text = embed({"a": "</script><script>x", "b": float("nan"), "c": [1.5, "\u2028"]})
    assert "<" not in text
    assert json.loads(text) == {"a": "</script><script>x", "b": None, "c": [1.5, "\u2028"]}
    page = build_page("<b>{{data}}", {"x": "{{script}}"}, "sweep.js")
    assert "<title>&lt;b&gt;{{data}}</title>" in page
    assert data_of(page) == {"x": "{{script}}"}


def test_a_page_asks_for_nothing(tmp_path):
    write_sweep(tmp_path / "report.html", example_records())
    page = (tmp_path / "report.html").read_text()
    # Addresses stand for names of XML at most.
    assert set(re.findall(r"https?://[^\s\"'`]+", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(fetch|XMLHttpRequest|import)\s*\(", page)
    assert "<link" not in page
    assert "src=" not in page
    assert len(data_of(page)["cells"]) == 21


def test_sweep_data():
    data = sweep_data(example_records())
    assert data["files"] == 6
    assert [group["title"] for group in data["groups"]] == ["11 %", "30 %"]
    assert [metric["name"] for metric in data["metrics"]] == ["pesq"]


@pytest.fixture(scope="module")
def tracks():
    pcm = voice(16000, 1.0)
    lost = [0] * 20 + [1] * 4 + [0] * 30
    names = ("clean", "plc", "dred")
    results = [simulate(pcm, 16000, lost, name, models=random_models()) for name in names]
    return pcm, [Track(result, {"pesq": 2.5, "stoi": None}) for result in results]


def test_simulation_data(tracks):
    pcm, tracks = tracks
    data = simulation_data("a.wav", pcm, 16000, tracks, {"bitrate": 32000, "frame_ms": 20})
    assert data["seconds"] == 1.0
    assert [scheme["scheme"] for scheme in data["schemes"]] == ["clean", "plc", "dred"]
    dred = data["schemes"][2]
    assert dred["lost_packets"].count("1") == dred["lost"] == 4
    letters = data["letters"]
    assert [letters[c] for c in dred["sources"]] == tracks[2].result.sources
    assert data["lookahead_ms"] == pytest.approx(6.5)
    json.dumps(data, allow_nan=False)


def test_the_sound_in_the_page_is_the_sound(tracks, tmp_path):
    pcm, tracks = tracks
    data = simulation_data("a.wav", pcm, 16000, tracks, {"bitrate": 32000, "frame_ms": 20})
    write_simulation(tmp_path / "report.html", data, pcm, 16000, tracks)
    audio = data_of((tmp_path / "report.html").read_text())["audio"]
    assert audio["rate"] == 16000
    assert len(audio["files"]) == 4
    for sound, text in zip([pcm, *(t.result.pcm for t in tracks)], audio["files"], strict=True):
        heard, rate = soundfile.read(io.BytesIO(base64.b64decode(text)), dtype="float32")
        assert rate == 16000
        np.testing.assert_allclose(heard, np.clip(sound, -1, 1), atol=1 / 32768)


@pytest.mark.parametrize("rate", [16000, 48000])
def test_ten_seconds_of_six_schemes_stay_small(rate):
    # Noise is the worst there is for FLAC.
    noise = np.random.default_rng(1).normal(0, 0.2, 10 * rate).astype(np.float32)
    audio = encode_sounds([noise] * 7, rate)
    assert sum(map(len, audio["files"])) < MEGABYTES_6 - 500_000
    assert audio["rate"] == {16000: 16000, 48000: 24000}[rate]
