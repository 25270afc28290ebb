# SPDX-License-Identifier: BSD-3-Clause
"""What a network did to packets: when each was sent, and when it came, if it did; knows no audio.

A loss trace says which packets are lost; a transit says all of it, late and double ones included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dred.traces.formats import Trace

Times = npt.NDArray[np.float64]
# RTP, UDP and IPv4 in front of what a packet holds (RFC 3550, 768, 791).
HEADER_BYTES = 12 + 8 + 20


@dataclass(frozen=True)
class Transit:
    """Packets in order of sending.

    sent_ms, arrival_ms: [n], on clocks that may differ by a constant; an arrival of infinity is
    none. sizes: [n], bytes of payload. copies: (packet, arrival) of those that came again.
    """

    sent_ms: Times
    arrival_ms: Times
    sizes: npt.NDArray[np.int64]
    copies: tuple[tuple[int, float], ...] = field(default=())

    @classmethod
    def undisturbed(cls, sizes: Sequence[int] | npt.NDArray[np.int64], packet_ms: float) -> Transit:
        """One packet every packet_ms, each of which comes at once."""
        sent = packet_ms * np.arange(len(sizes), dtype=np.float64)
        return cls(sent, sent.copy(), np.asarray(sizes, np.int64))

    def losing(self, lost: npt.NDArray[np.bool_] | Trace) -> Transit:
        """The same, but these packets do not come, nor do copies of them."""
        gone = np.asarray(lost, bool)
        return Transit(
            self.sent_ms,
            np.where(gone, np.inf, self.arrival_ms),
            self.sizes,
            tuple(copy for copy in self.copies if not gone[copy[0]]),
        )

    def __len__(self) -> int:
        return len(self.sent_ms)

    @property
    def lost(self) -> Trace:
        """1 for each packet that never came."""
        return np.isinf(self.arrival_ms).astype(np.uint8)

    @property
    def delays(self) -> Times:
        """Delays in ms of the packets that came, beyond the least: clocks need not agree."""
        came = np.isfinite(self.arrival_ms)
        delays = self.arrival_ms[came] - self.sent_ms[came]
        return delays - delays.min(initial=np.inf) if len(delays) else delays

    @property
    def overtaken(self) -> int:
        """Packets that came after one sent later (RFC 4737 section 3 counts these)."""
        arrivals = self.arrival_ms[np.isfinite(self.arrival_ms)]
        return int((arrivals < np.maximum.accumulate(arrivals)).sum()) if len(arrivals) else 0

    def arrivals(self) -> list[tuple[float, int]]:
        """(arrival in ms, packet) in order of arrival, copies included."""
        came = np.flatnonzero(np.isfinite(self.arrival_ms)).tolist()
        events = [(float(self.arrival_ms[number]), number) for number in came]
        return sorted(events + [(arrival, number) for number, arrival in self.copies])
