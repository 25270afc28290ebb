# SPDX-License-Identifier: BSD-3-Clause
import itertools

from dred.receiver.recovery import Source, choose_source
from dred.receiver.stats import Stats


def test_the_best_source_wins():
    names = ("here", "red", "next_has_lbrr", "dred")
    order = (Source.REGULAR, Source.RED, Source.LBRR, Source.DRED, Source.PLC)
    for flags in itertools.product((False, True), repeat=4):
        first = next((i for i, flag in enumerate(flags) if flag), 4)
        assert choose_source(**dict(zip(names, flags, strict=True))) is order[first]


def test_stats():
    stats = Stats()
    stats.sources += [Source.WAITING, Source.REGULAR, Source.DRED, Source.REGULAR]
    assert stats.frames() == {"regular": 2, "dred": 1}
    stats.no_dred["silence"] += 1
    assert stats.as_dict()["no_dred"] == {"silence": 1}
    assert stats.as_dict()["frames"] == stats.frames()
