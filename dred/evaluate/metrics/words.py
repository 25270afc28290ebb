# SPDX-License-Identifier: BSD-3-Clause
"""Word error rate: of the words that a recogniser hears in the original, how many it does not in
what was received, or hears besides. Needs no transcript.

The recogniser is PocketSphinx with the English model of its package (BSD licence, Carnegie Mellon
University): an old and small one, whose errors say how much speech has changed rather than what
people understand.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from dred.evaluate.metrics.common import pair_at_16k, require
from dred.io.wav import to_int16

REMEMBERED = 64  # originals, which are the same for every scheme
SHORTEST = 2 * 1600  # bytes: a tenth of a second, in which there is no word


def word_error_rate(reference: npt.NDArray[Any], degraded: npt.NDArray[Any], rate: int) -> float:
    """Substitutions, deletions and insertions by words of the original, 0 and up; NaN where no word
    is heard in the original."""
    _recogniser()
    clean, coded = pair_at_16k(reference, degraded, rate)
    wanted = _words(to_int16(clean).tobytes()) if clean.any() else ()
    if not wanted:
        return float("nan")
    return edits(wanted, _words(to_int16(coded).tobytes())) / len(wanted)


def edits(wanted: Sequence[str], found: Sequence[str]) -> int:
    """Levenshtein distance of two rows of words."""
    costs = list(range(len(found) + 1))
    for i, word in enumerate(wanted, 1):
        diagonal, costs[0] = costs[0], i
        for j, other in enumerate(found, 1):
            diagonal, costs[j] = (
                costs[j],
                min(costs[j] + 1, costs[j - 1] + 1, diagonal + (word != other)),
            )
    return costs[-1]


@functools.cache
def _recogniser() -> Any:
    pocketsphinx = require("pocketsphinx", "word error rate", "wer")
    return pocketsphinx.Decoder(samprate=16000, loglevel="FATAL")


@functools.lru_cache(maxsize=REMEMBERED)
def _words(pcm: bytes) -> tuple[str, ...]:
    if len(pcm) < SHORTEST:
        return ()
    decoder = _recogniser()
    decoder.reinit_feat()  # forget the level of what was heard before
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    heard = decoder.hyp()
    return tuple(heard.hypstr.split()) if heard else ()
