# SPDX-License-Identifier: BSD-3-Clause
"""What a receiver did: sources of frames, counts of packets; knows no audio."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from dred.receiver.recovery import Source


@dataclass
class Stats:
    """Counts since the receiver was made."""

    sources: list[Source] = field(default_factory=list)  # one per frame that was pulled
    received: int = 0
    malformed: int = 0
    duplicates: int = 0
    late: int = 0
    restarts: int = 0
    skipped: int = 0
    no_dred: Counter[str] = field(default_factory=Counter)  # why packets carry none

    def frames(self) -> dict[str, int]:
        """Frames by source; frames before the first packet left out."""
        counts = Counter(source.value for source in self.sources if source is not Source.WAITING)
        return {source.value: counts[source.value] for source in Source if counts[source.value]}

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
        }
