# SPDX-License-Identifier: BSD-3-Clause
"""Audio pulled out of a receiver, and how much of it the other end sent; knows no packets.

A call ends with packets, but play-out cannot know that and conceals what does not come: that part
is no audio of the call. It is told by what frames were made from, not by counting packets, as a
receiver may begin anew, skip, or change the length of what it plays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from dred.receiver import Playout, Receiver, Source

Floats = npt.NDArray[np.float32]

# What the other end said, as opposed to what was made up where nothing came.
SENT = (Source.REGULAR, Source.RED, Source.LBRR, Source.DRED)
# A Playout makes frames before they are heard, to join its pitch periods: by so many of its own.
AHEAD = 2
# Beyond its delay, how long a Playout is listened to for a packet that still waits.
PATIENCE_MS = 1000.0


class Heard:
    """Pulls frames and takes note of the last one that was sent.

    samples: pulled since the first packet's time came. sent: of those, up to the last frame made
    from packets; with a Playout, up to AHEAD of its frames more. clock_ms: all that was pulled.
    """

    def __init__(self, receiver: Receiver | Playout) -> None:
        self._receiver = receiver
        self._ahead = 0 if isinstance(receiver, Receiver) else AHEAD
        self._left = 0  # frames that may still hold what was sent
        self._quiet_ms = 0.0  # pulled since the last frame that did
        self.samples = self.sent = 0
        self.clock_ms = 0.0

    def pull(self) -> Floats | None:
        """The next frame, [n] or [n, channels]; None while the first packet's time has not come."""
        stats = self._receiver.stats
        sent = self._sent()
        frame = self._receiver.pull()
        length_ms = len(frame) * 1000 / self._receiver.sample_rate
        self.clock_ms += length_ms
        self._quiet_ms += length_ms
        if stats.last is Source.WAITING:
            return None
        self.samples += len(frame)
        if self._sent() > sent:
            self._left = self._ahead + 1
        elif stats.last not in SENT:  # else this is still out of a longer frame
            self._left -= 1
        if self._left > 0:
            self.sent = self.samples
            self._quiet_ms = 0.0
        return frame

    def sent_only(self, frames: Iterable[Floats]) -> Iterator[Floats]:
        """Of frames as they are pulled, those up to the last that was sent: what comes behind is
        held back until more is."""
        held: list[Floats] = []
        for frame in frames:
            held.append(frame)
            if self.sent == self.samples:
                yield from held
                held.clear()

    def waits(self, number: int) -> bool:
        """Whether the frame of this number may still come, or one before it."""
        if isinstance(self._receiver, Receiver):
            due_ms = self._receiver.due_ms(number)
            return due_ms is not None and due_ms >= self._receiver.clock_ms
        delay_ms = max(self._receiver.playout.delay_ms, self._receiver.jitter_ms)
        return self._quiet_ms < delay_ms + PATIENCE_MS

    def _sent(self) -> int:
        return sum(self._receiver.stats.counts[source] for source in SENT)
