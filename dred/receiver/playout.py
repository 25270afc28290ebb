# SPDX-License-Identifier: BSD-3-Clause
"""Adaptive play-out: a receiver whose delay follows the jitter of the network.

The delay is the time that bursts need to be recovered, which the user asks for, and on top of it
what the jitter measured asks for. It grows and shrinks by single pitch periods of the audio, and so
it follows a sender whose clock runs faster or slower as well. Reads no clock, knows no transport.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dred._native import Floats
from dred.receiver.delay import DelayHistogram
from dred.receiver.receiver import Receiver
from dred.receiver.stats import Stats
from dred.receiver.time_scale import LONGEST_MS, find_period, lengthen, shorten

# The delay is left alone from so much below its target to so much above: together more than the
# longest period, or else steps to and fro would follow each other.
BELOW_MS, ABOVE_MS = 2.0, 15.0
# Frames between two steps: growing is urgent, as packets come late meanwhile; shrinking is not.
GROW_EVERY, SHRINK_EVERY = 2, 5
# Only stretches that look alike are joined, unless the delay is far from its target.
ALIKE, ALIKE_FAR = 0.8, 0.3
FAR_MS = 60.0
# Until jitter has been measured.
START_MARGIN_MS = 60.0


@dataclass
class PlayoutStats:
    """The delay now, and what was done to it so far.

    delay_ms: time that the fastest packets of late wait before they are heard.
    """

    target_ms: float = 0.0
    delay_ms: float = 0.0
    grown: int = 0  # steps
    shrunk: int = 0
    grown_ms: float = 0.0
    shrunk_ms: float = 0.0


class Playout:
    """A `Receiver` with an adaptive delay: the same push and pull.

    receiver: one that has received nothing. recover_ms: bursts of losses up to this length can be
    recovered from what comes after them (default: the receiver's jitter_ms); may be set at any
    time. max_ms: the delay gets no longer. frame_ms: every `pull` gives so much audio.
    """

    def __init__(
        self,
        receiver: Receiver,
        recover_ms: float | None = None,
        *,
        max_ms: float = 3000.0,
        frame_ms: float = 20.0,
    ) -> None:
        self._receiver = receiver
        self.recover_ms = receiver.jitter_ms if recover_ms is None else recover_ms
        if not 0 <= self.recover_ms <= max_ms:
            raise ValueError(f"recover_ms: expected 0 to {max_ms:g}, got {self.recover_ms:g}")
        self._max_ms = max_ms
        receiver.jitter_ms = min(max_ms, self.recover_ms + START_MARGIN_MS)
        self.sample_rate, self.channels = receiver.sample_rate, receiver.channels
        self._frame = round(frame_ms * self.sample_rate / 1000)
        self._reach = round(LONGEST_MS * self.sample_rate / 1000)
        self._frame_ms = frame_ms
        self._clock_ms = 0.0  # audio given out
        # Audio that was heard, as long as a period may be, then what has not been heard yet.
        self._audio = np.zeros((self._reach, self.channels), np.float32)
        self.playout = PlayoutStats()
        self._begin()

    def _begin(self) -> None:
        """Measure anew, as what was known holds for a play-out that has ended."""
        self._delays = DelayHistogram()
        self._added_ms = 0.0  # by all steps since then
        self._measured = False
        self._pause = 0  # frames until the next step may come
        self._epoch = self._now()

    def _now(self) -> tuple[int, int]:
        """Changes where play-out has begun anew or jumped."""
        stats = self._receiver.stats
        return stats.restarts, stats.skipped

    @property
    def stats(self) -> Stats:
        """Of the receiver: what every frame was made from."""
        return self._receiver.stats

    @property
    def jitter_ms(self) -> float:
        """Play-out delay of packets that come as fast as the jitter measured lets them: what
        descriptions may be late by."""
        return self.recover_ms

    @property
    def clock_ms(self) -> float:
        """The clock of arrivals: what was pulled so far."""
        return self._clock_ms

    @property
    def _waiting(self) -> int:
        """Samples made that have not been heard."""
        return len(self._audio) - self._reach

    def restart(self) -> None:
        """Forget the packets that wait: play-out begins anew with the next one to arrive."""
        self._receiver.restart()
        self._begin()

    def push(
        self, packet: bytes, sequence: int, arrival_ms: float | None = None, *, copy: bool = False
    ) -> None:
        """Take a packet, as `Receiver.push` does."""
        arrival = self._clock_ms if arrival_ms is None else arrival_ms
        # The receiver's clock counts its own frames, of which some wait here.
        made_ms = self._receiver.clock_ms - 1000 * self._waiting / self.sample_rate
        arrival += made_ms - self._clock_ms
        due = self._receiver.due_ms(sequence)
        self._receiver.push(packet, sequence, arrival, copy=copy)
        if self._now() != self._epoch:
            self._begin()
        elif due is not None and not copy:
            self._delays.push(self._added_ms - (due - arrival))
            self._measured = True

    def pull(self) -> Floats:
        """The next frame, [n] or [n, channels]: a frame time passes."""
        self._fill(self._frame)
        if self._now() != self._epoch:
            self._begin()
        self._steer()
        frame = self._audio[self._reach : self._reach + self._frame]
        self._audio = self._audio[self._frame :]
        self._clock_ms += 1000 * self._frame / self.sample_rate
        return frame[:, 0] if self.channels == 1 else frame

    def _fill(self, samples: int) -> None:
        while self._waiting < samples:
            made = self._receiver.pull().reshape(-1, self.channels)
            self._audio = np.concatenate([self._audio, made])

    def _steer(self) -> None:
        """One step towards the target, where it is due and the audio lends itself to it."""
        stats = self.playout
        # What is made lies here for up to a frame before it is heard: packets must come before.
        wanted = self.recover_ms + self._delays.margin_ms + self._frame_ms
        stats.target_ms = min(wanted, self._max_ms)
        self._pause = max(0, self._pause - 1)
        if not self._measured:
            return
        stats.delay_ms = self._added_ms - self._delays.base_ms
        excess = stats.delay_ms - stats.target_ms
        if self._pause or -BELOW_MS <= excess <= ABOVE_MS:
            return
        alike = ALIKE_FAR if abs(excess) > FAR_MS else ALIKE
        if excess > 0:
            self._shrink(alike)
        else:
            self._grow(alike)

    def _grow(self, alike: float) -> None:
        """One period more, after what was heard last."""
        period, likeness = find_period(self._audio, self._reach, self.sample_rate)
        if likeness < alike:
            return
        self._audio = lengthen(self._audio, self._reach, period)
        self._pause = GROW_EVERY
        self.playout.grown += 1
        self.playout.grown_ms += self._moved(period)

    def _shrink(self, alike: float) -> None:
        """One period less, between what was heard last and what lies behind it."""
        at = 2 * self._reach
        self._fill(2 * self._reach)
        period, likeness = find_period(self._audio, at, self.sample_rate)
        if likeness < alike:
            return
        self._audio = shorten(self._audio, at, period)
        self._fill(self._frame)
        self._pause = SHRINK_EVERY
        self.playout.shrunk += 1
        self.playout.shrunk_ms += self._moved(-period)

    def _moved(self, period: int) -> float:
        """Account for a step; its length in ms."""
        step_ms = 1000 * period / self.sample_rate
        self._added_ms += step_ms
        self.playout.delay_ms += step_ms
        return abs(step_ms)
