# SPDX-License-Identifier: BSD-3-Clause
"""What a receiver did: sources of frames, counts of packets; knows no audio."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from dred.receiver.recovery import Source

# Frames whose source is remembered one by one: five minutes of 20 ms. A call may last for days.
HISTORY = 15_000


@dataclass
class Stats:
    """Counts since the receiver was made."""

    counts: Counter[Source] = field(default_factory=Counter)  # frames that were pulled
    recent: deque[Source] = field(default_factory=lambda: deque(maxlen=HISTORY))
    received: int = 0
    malformed: int = 0
    duplicates: int = 0
    late: int = 0
    restarts: int = 0
    skipped: int = 0
    no_dred: Counter[str] = field(default_factory=Counter)  # why packets carry none
    guessed: Counter[str] = field(default_factory=Counter)  # why nothing describes a guessed frame
    why: str = ""  # the same of the last frame; empty where it was not guessed

    def note(self, source: Source, why: str = "") -> None:
        """A frame was pulled, made from this. why: it had to be guessed."""
        self.counts[source] += 1
        self.why = why
        if why:
            self.guessed[why] += 1
        self.recent.append(source)

    @property
    def last(self) -> Source | None:
        """What the last frame was made from; None before the first."""
        return self.recent[-1] if self.recent else None

    @property
    def sources(self) -> list[Source]:
        """One per frame that was pulled: the last HISTORY of them."""
        return list(self.recent)

    @property
    def played(self) -> int:
        """Frames since the first packet's time came, whatever they were made from."""
        return self.counts.total() - self.counts[Source.WAITING]

    def frames(self) -> dict[str, int]:
        """Frames by source; frames before the first packet left out."""
        return {
            source.value: self.counts[source]
            for source in Source
            if self.counts[source] and source is not Source.WAITING
        }

    def as_dict(self) -> dict[str, Any]:
        """Everything but the list of frames, for JSON."""
        return {
            "frames": self.frames(),
            "received": self.received,
            "malformed": self.malformed,
            "duplicates": self.duplicates,
            "late": self.late,
            "restarts": self.restarts,
            "skipped": self.skipped,
            "no_dred": dict(self.no_dred),
            "guessed": dict(self.guessed),
        }
