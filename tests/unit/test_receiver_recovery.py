# SPDX-License-Identifier: BSD-3-Clause
import itertools

from dred.receiver.recovery import Source, choose_source, why_guessed
from dred.receiver.stats import HISTORY, Stats


def test_the_best_source_wins():
    names = ("here", "next_has_lbrr", "dred", "dtx")
    order = (Source.REGULAR, Source.LBRR, Source.DRED, Source.DTX, Source.PLC)
    for flags in itertools.product((False, True), repeat=4):
        first = next((i for i, flag in enumerate(flags) if flag), 4)
        chosen = choose_source(copy=False, **dict(zip(names, flags, strict=True)))
        assert chosen is order[first]


def test_a_copy_is_told_from_an_original():
    rest = {"next_has_lbrr": False, "dred": True, "dtx": False}
    assert choose_source(here=True, copy=True, **rest) is Source.RED
    assert choose_source(here=False, copy=False, **rest) is Source.DRED


def test_stats():
    stats = Stats()
    assert stats.last is None
    made = [Source.WAITING, Source.REGULAR, Source.DRED, Source.REGULAR]
    for source in made:
        stats.note(source)
    assert stats.sources == made
    assert stats.last is Source.REGULAR
    assert stats.played == 3
    assert stats.frames() == {"regular": 2, "dred": 1}
    stats.no_dred["silence"] += 1
    assert stats.as_dict()["no_dred"] == {"silence": 1}
    assert stats.as_dict()["frames"] == stats.frames()


def test_a_long_call_does_not_grow_the_stats():
    stats = Stats()
    for _ in range(HISTORY + 5):
        stats.note(Source.DTX)
    assert stats.played == HISTORY + 5
    assert len(stats.sources) == HISTORY


def test_why_a_frame_is_guessed():
    """Each reason hides those behind it."""
    said = {
        flags: why_guessed(used=flags[0], waiting=flags[1], described=flags[2], newer=flags[3])
        for flags in itertools.product((False, True), repeat=4)
    }
    for (used, waiting, described, newer), why in said.items():
        held = (used, waiting, described)
        first = held.index(False) if False in held else 3 + newer
        order = ("DRED not used", "nothing behind it yet", "no DRED behind it", "DRED too short",
                 "silence left out")  # fmt: skip
        assert why == order[first]


def test_guesses_are_counted_by_reason():
    stats = Stats()
    stats.note(Source.PLC, "DRED too short")
    assert stats.why == "DRED too short"
    stats.note(Source.REGULAR)
    assert stats.why == ""
    assert stats.as_dict()["guessed"] == {"DRED too short": 1}
