# SPDX-License-Identifier: BSD-3-Clause
"""Both reports in a real browser: they load without a complaint, play, seek, switch, answer."""

import pytest
from chromium import Chromium, find_chromium
from signals import voice
from sweeps import GAIN, example_records
from weights import random_models

from dred.evaluate.report import Track, simulation_data, write_simulation, write_sweep
from dred.simulate import simulate

RATE, SECONDS = 16000, 5.0


@pytest.fixture(scope="module")
def browser():
    path = find_chromium()
    if path is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with Chromium(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    pcm = voice(RATE, SECONDS)
    lost = ([0] * 30 + [1] * 8) * 3
    tracks = []
    for name in ("clean", "plc", "dred"):
        result = simulate(pcm, RATE, lost, name, models=random_models())
        result.stats["packet_bytes"] = [80] * len(result.lost)
        tracks.append(Track(result, {"pesq": 2.5, "stoi": 0.9}))
    data = simulation_data("a.wav", pcm, RATE, tracks, {"bitrate": 32000, "frame_ms": 20})
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_simulation(path, data, pcm, RATE, tracks)
    return path


def state(browser, field):
    return browser.evaluate(f"report.state().{field}")


@pytest.mark.slow
def test_simulation(browser, simulation):
    browser.errors.clear()
    browser.screen(1280, 900)
    browser.open(simulation)
    browser.wait("report.state().ready")
    assert state(browser, "scheme") == "dred"

    # The waveform is drawn: the canvas of a track holds more than one colour.
    painted = (
        "(() => { const c = document.querySelectorAll('.lane canvas')[3]; const d = c.getContext("
        "'2d').getImageData(0, 0, c.width, c.height).data; return new Set(new Uint32Array("
        "d.buffer)).size; })()"
    )
    assert browser.evaluate(painted) > 50

    # What was sent, by purpose: a row per scheme, with a bar.
    bars = "document.querySelectorAll('table')[1].querySelectorAll('.stack[role=img]').length"
    assert browser.evaluate(bars) == 3

    # Seek: a click at a quarter of the second lane, which also switches to it.
    browser.click(".track:nth-child(2) .lane", across=0.25)
    assert state(browser, "scheme") == "clean"
    assert state(browser, "position") == pytest.approx(0.25 * SECONDS, abs=0.02)

    # Play; switch while it plays, at the same instant; only the chosen one sounds.
    browser.press(" ")
    browser.wait("report.state().playing && report.state().position > 1.5")
    before = state(browser, "position")
    browser.press("2")
    assert state(browser, "scheme") == "plc"
    assert state(browser, "position") >= before
    browser.wait("(g => g[2] > 0.95 && g[1] < 0.05)(report.state().gains)")
    browser.press(" ")
    assert state(browser, "playing") is False
    held = state(browser, "position")
    assert before < held < SECONDS
    browser.press("Home")
    browser.press("n")  # to 0.4 s before packet 30, the first that is lost
    assert state(browser, "position") == pytest.approx(0.6 - 0.4 - 0.0065)
    browser.press("+")
    assert browser.evaluate("report.state().view.end - report.state().view.start") == 0.5 * SECONDS
    assert browser.errors == []


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_simulation_on_a_phone(browser, simulation, dark):
    browser.errors.clear()
    browser.screen(390, 844, dark=dark, ratio=2)
    browser.open(simulation)
    browser.wait("report.state().ready")
    # Nothing sticks out at the side.
    assert browser.evaluate("document.documentElement.scrollWidth") == 390
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(ground.split("(")[1].split(",")[0]) < 128) is dark
    assert browser.errors == []


@pytest.mark.slow
def test_sweep(browser, tmp_path):
    write_sweep(tmp_path / "report.html", example_records())
    browser.errors.clear()
    browser.screen(390, 844)
    browser.open(tmp_path / "report.html")
    count = "document.querySelectorAll('.chart svg .series').length"
    assert browser.evaluate(count) == 2 * (len(GAIN) + 1)
    browser.click(".legend button")
    assert browser.evaluate(count) == 2 * len(GAIN)
    browser.click(".legend button")
    goal = "document.querySelector('input[type=range]')"
    browser.evaluate(f"{goal}.value = 2.5; {goal}.dispatchEvent(new Event('input'))")
    cheapest = browser.evaluate("document.querySelectorAll('table')[0].textContent")
    assert "lbrr" in cheapest
    assert "16 kb/s" in cheapest
    assert browser.evaluate("document.documentElement.scrollWidth") == 390
    assert browser.errors == []
