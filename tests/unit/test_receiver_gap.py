# SPDX-License-Identifier: BSD-3-Clause
"""Times of the audio that fills gaps: to the sample, at every rate."""

from collections import deque

import numpy as np
import pytest
from dred._core import lib
from signals import voice
from weights import random_models

from dred.receiver.description import Descriptions
from dred.receiver.gap import CORE_RATE, STEP, GapFiller

RATES = (8000, 12000, 16000, 24000, 48000)
TONE_HZ = 440
BEHIND = lib.DRED_CORRECTED_BEHIND


class Continued:
    """Instead of the concealer: knows the tone and goes on with it, each step where the history
    that it was given ends."""

    def __init__(self):
        self.at = 0
        self.history = []
        self.steps = []

    def wants(self):
        return 1

    def good(self, pcm):
        self.history.append(pcm)
        self.at += len(pcm)
        self.steps = []

    def step(self, rows, known):
        made = tone(CORE_RATE, self.at, self.at + STEP)
        self.at += STEP
        self.steps = [*self.steps[-BEHIND:], made]
        return made

    def corrected(self):
        return self.steps[0] if len(self.steps) > BEHIND else np.zeros(0, np.float32)

    def copy(self, other):
        """Nothing is made anew here."""

    def rewind(self, samples):
        assert 0 <= samples <= lib.DRED_MAX_REWIND
        self.at -= samples


class Told:
    """Instead of descriptions: the same vector for every time."""

    ROW = np.linspace(0.5, -0.5, 20, dtype=np.float32)

    def covers(self, centre):
        return True

    def vectors(self, step_start, wanted):
        return np.tile(self.ROW, (wanted, 1)), np.ones(wanted, np.uint8)


def tone(rate, begin, end):
    return (0.5 * np.sin(2 * np.pi * TONE_HZ * np.arange(begin, end) / rate)).astype(np.float32)


@pytest.fixture
def nothing_known():
    return Descriptions(random_models())


def filler_with_tone(rate):
    filler = GapFiller(rate, random_models())
    filler._concealer = Continued()
    filler._before = deque(Continued() for _ in filler._before)
    return filler


def play(filler, rate, begin, end, frame):
    for at in range(begin, end, frame):
        filler.played(tone(rate, at, at + frame))


@pytest.mark.parametrize("rate", RATES)
def test_history_and_gap_are_one_tone(rate, nothing_known):
    """A tone that is played and goes on in the gap is the same tone at the output, at 16 kHz, on
    both sides of the boundary and across it."""
    filler, frame = filler_with_tone(rate), rate // 50
    lost = 25 * frame
    play(filler, rate, 0, lost, frame)
    filler.begin()
    filler.until(lost + 3 * frame, nothing_known)
    settle = rate // 200  # the ends of two resampling filters meet in the first 5 ms
    begin, end = lost - 5 * frame, lost + 3 * frame
    difference = filler.audio(begin, end) - tone(rate, begin, end)
    boundary = lost - begin
    assert np.abs(difference[:boundary]).max() < 1e-6
    assert np.abs(difference[boundary + settle :]).max() < 3e-3
    # Across the filters' ends it may be less exact; a shift by one sample would show as this:
    shift = 2 * np.pi * TONE_HZ / rate * 0.5
    assert np.abs(difference).max() < max(0.02, 0.5 * shift)
    # The history at 16 kHz, as the concealer and the substitute packets see it.
    core = filler.core_time(lost)
    narrow = filler.stretch(CORE_RATE, core - 1600, core + 320)
    assert np.abs(narrow - tone(CORE_RATE, core - 1600, core + 320)).max() < 3e-3


@pytest.mark.parametrize("rate", RATES)
def test_what_follows_a_gap_is_still_in_time(rate, nothing_known):
    filler, frame = filler_with_tone(rate), rate // 50
    at = 0
    for _ in range(6):
        play(filler, rate, at, at + 10 * frame, frame)
        at += 10 * frame
        filler.begin()
        filler.until(at + 3 * frame + rate // 100, nothing_known)
        for _ in range(3):
            filler.heard(filler.audio(at, at + frame).copy(), at)
            at += frame
        filler.end(at)
    play(filler, rate, at, at + 10 * frame, frame)
    at += 10 * frame
    difference = filler.audio(at - 12 * frame, at) - tone(rate, at - 12 * frame, at)
    assert np.abs(difference).max() < 0.02
    assert filler._wide.end == at
    core = filler._core.end
    # What the resampler holds back, and no more.
    assert 0 <= filler.core_time(at) - core <= filler._down.half * CORE_RATE // rate + 1
    assert filler._concealer.at == core
    difference = filler.stretch(CORE_RATE, core - 640, core) - tone(CORE_RATE, core - 640, core)
    assert np.abs(difference).max() < 0.02


@pytest.mark.parametrize("rate", RATES)
def test_a_gap_longer_than_the_history(rate, nothing_known):
    filler, frame = filler_with_tone(rate), rate // 50
    play(filler, rate, 0, 10 * frame, frame)
    filler.begin()
    at = 10 * frame
    for _ in range(100):
        filler.until(at + frame + rate // 100, nothing_known)
        filler.heard(filler.audio(at, at + frame).copy(), at)
        at += frame
    assert len(filler._wide._memory) <= 2 * rate
    filler.end(at)
    play(filler, rate, at, at + 5 * frame, frame)
    at += 5 * frame
    difference = filler.audio(at - 10 * frame, at) - tone(rate, at - 10 * frame, at)
    assert np.abs(difference).max() < 0.02
    filler.begin()
    filler.until(at + frame, nothing_known)
    difference = filler.audio(at, at + frame) - tone(rate, at, at + frame)
    assert np.abs(difference[rate // 200 :]).max() < 3e-3


@pytest.mark.parametrize("rate", RATES)
def test_a_gap_at_the_very_start(rate, nothing_known):
    filler = GapFiller(rate, random_models())
    filler.begin()
    filler.until(rate // 10, nothing_known)
    assert np.isfinite(filler.audio(0, rate // 10)).all()
    assert len(filler.audio(0, rate // 10)) == rate // 10


@pytest.mark.parametrize("rate", RATES)
def test_a_gap_after_very_little(rate, nothing_known):
    filler = GapFiller(rate, random_models())
    filler.played(voice(rate, 0.0025))
    filler.begin()
    filler.until(rate // 20, nothing_known)
    assert len(filler.audio(0, rate // 20)) == rate // 20


def test_described_tells_what_served(nothing_known):
    filler = GapFiller(16000, random_models())
    filler.played(voice(16000, 0.4))
    filler.begin()
    filler.until(6400 + 1600, nothing_known)
    assert not filler.described(6400, 8000)
    filler._known[3] = True
    assert filler.described(6400, 8000)
    assert filler.described(6400 + 480, 6400 + 640)
    assert not filler.described(6400, 6400 + 480)
    assert not filler.described(6400 + 640, 8000)
    assert not filler.described_throughout(6400 + 320, 6400 + 640)
    filler._known[2] = True
    assert filler.described_throughout(6400 + 320, 6400 + 640)
    # What was heard before the gap is not counted against it.
    filler._known[0] = True
    assert filler.described_throughout(6400 - 160, 6400 + 160)


def gap_of_one_frame(rate, descriptions):
    """A filler whose next frame will be played, and where that frame ends."""
    filler, frame = GapFiller(rate, random_models()), rate // 50
    for k in range(20):
        filler.played(voice(rate, 0.4)[k * frame : (k + 1) * frame])
    filler.begin()
    filler.until(21 * frame, descriptions)
    filler.mark()
    return filler, 21 * frame


@pytest.mark.parametrize("rate", RATES)
def test_what_was_guessed_ahead_is_made_anew(rate, nothing_known):
    """As if the description had been there when the end of the frame was reached."""
    direct, end = gap_of_one_frame(rate, nothing_known)
    direct.revise(Told())
    direct.until(end + rate // 10, Told())
    revised, _ = gap_of_one_frame(rate, nothing_known)
    revised.until(end + rate // 50, nothing_known)
    start, played = end - rate // 25, rate // 25
    before = revised.audio(start, end + rate // 50).copy()
    revised.revise(Told())
    revised.until(end + rate // 10, Told())
    after = revised.audio(start, end + rate // 10)
    assert np.array_equal(after[:played], before[:played])
    assert np.abs(after[played : len(before)] - before[played:]).max() > 1e-4
    assert np.allclose(after, direct.audio(start, end + rate // 10), atol=1e-6)
    assert revised._known == direct._known
    assert revised._core.end == direct._core.end


def test_nothing_is_made_anew_without_need(nothing_known):
    for descriptions, later in ((nothing_known, nothing_known), (Told(), Told())):
        filler, end = gap_of_one_frame(16000, descriptions)
        filler.until(end + 320, descriptions)
        made = filler._core.end
        filler.revise(later)
        assert filler._core.end == made
