# SPDX-License-Identifier: BSD-3-Clause
"""Audio for a gap, on the time axis of what was played; knows no packets and no sequence numbers.

The concealer of the core works at 16 kHz. This class keeps its history in step with what was
played, brings its audio to the output rate without any shift in time, and runs it further than the
gap, so that there is something to fade from when real audio comes back.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from dred._core import lib
from dred._native import Floats
from dred.models import Models
from dred.receiver.bridge import PAST, Bridge
from dred.receiver.description import LOOKAHEAD, Descriptions
from dred.receiver.high_band import HighBand
from dred.resample import Resampler
from dred.stages import Concealer

CORE_RATE = lib.DRED_SAMPLE_RATE
STEP = lib.DRED_STEP
BEHIND = lib.DRED_CORRECTED_BEHIND * STEP
# 16 kHz samples that lead the up-sampler into a gap: more than its filter is long, and beginning
# on a whole sample of every output rate (multiples of 4 at 12 and 24 kHz).
LEAD_IN = 64
LEAD_GRID = 4
HISTORY_MS = 300  # kept for the warm-up of substitute packets
TOGETHER = 25  # frames outside gaps that are taken in in one go


class _Track:
    """Mono audio whose newest end is known by its time; at least the last `keep` samples are there,
    those cut off apart."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._memory = np.zeros(4 * keep, np.float32)
        self._used = keep  # samples of it that are audio
        self.end = 0

    def append(self, pcm: Floats) -> None:
        self.end += len(pcm)
        if self._used + len(pcm) > len(self._memory):
            pcm = np.concatenate([self._memory[: self._used][-self._keep :], pcm])
            pcm, self._used = pcm[-self._keep :], 0
        self._used += len(pcm)
        self._memory[self._used - len(pcm) : self._used] = pcm

    def put(self, begin: int, pcm: Floats) -> None:
        """Replace what there is from this time on."""
        self.stretch(begin, begin + len(pcm))[:] = pcm

    def cut(self, end: int) -> None:
        """Forget what lies after this time."""
        self._used -= self.end - end
        self.end = end

    def stretch(self, begin: int, end: int) -> Floats:
        """What lies between two times: valid until the next `append`."""
        base = self.end - self._used
        return self._memory[: self._used][begin - base : end - base]


class GapFiller:
    """Mono audio for gaps, float32, at the output rate and at 16 kHz.

    All times count samples since the beginning, of the rate named. Outside a gap `played` is told
    everything that is heard; inside one, `until` makes audio on demand.
    """

    def __init__(self, sample_rate: int, models: Models, high_band: HighBand | None = None) -> None:
        """high_band: gives the audio what it lacks above 8 kHz; None: nothing."""
        self.sample_rate = sample_rate
        self._high_band = high_band
        self._concealer = Concealer(models)
        # As the concealer was before its latest steps, the oldest first: where audio is corrected.
        self._before = deque(Concealer(models) for _ in range(lib.DRED_CORRECTED_BEHIND))
        self._marked = Concealer(models)  # as it was when what is played next was made
        self._mark = (0, 0)  # ends of both tracks then
        self._down = Resampler(sample_rate, CORE_RATE)
        self._up = Resampler(CORE_RATE, sample_rate)
        self._across = Resampler(sample_rate, CORE_RATE)  # for the far side of a gap
        self._core = _Track(HISTORY_MS * CORE_RATE // 1000)
        self._wide = _Track(HISTORY_MS * sample_rate // 1000)
        self._heard: list[Floats] = []  # outside gaps, not taken in yet
        self._start = 0  # core time at which synthesis took over
        self._made = 0  # core time up to which the concealer made audio: `BEHIND` beyond `_core`
        self._kept = 0  # core time up to which it was heard
        self._skip = 0  # samples still to come out of the up-sampler that lie before the gap
        self.active = False
        self._known: list[bool] = []  # for each step made: did it come from a description

    def core_time(self, at: int) -> int:
        """A time of the output rate on the 16 kHz axis."""
        return at * CORE_RATE // self.sample_rate

    def played(self, pcm: Floats) -> None:
        """Tell what was heard outside a gap: the mono samples that follow the last ones."""
        self._heard.append(pcm)
        if len(self._heard) == TOGETHER:
            self._catch_up()

    def _catch_up(self) -> None:
        """Take in what was heard: several frames in one go cost much less."""
        if not self._heard:
            return
        pcm = np.concatenate(self._heard)
        self._heard.clear()
        narrow = self._down.process(pcm)
        self._concealer.good(narrow)
        for track, new in ((self._core, narrow), (self._wide, pcm)):
            track.append(new)

    def bridge(self, future: Floats, missing: int, models: Models) -> Bridge:
        """Vectors across a gap that begins now. future: mono samples of the output rate from now
        on, the first `missing` of which are a stand-in for the gap."""
        self._catch_up()
        self._across.reset()
        past = self._core.stretch(self._core.end - PAST, self._core.end)
        narrow = self._across.process(np.concatenate([future, np.zeros(len(future), np.float32)]))
        audio = np.concatenate([past, narrow[: len(future) * CORE_RATE // self.sample_rate]])
        gap = (self._core.end, self._core.end + self.core_time(missing))
        return Bridge(audio, self._core.end - PAST, gap, models)

    def begin(self) -> None:
        """A gap begins after all that was played."""
        self._catch_up()
        self.active = True
        self._known = []
        self._start = self._kept = self._made = self._core.end
        self._lead_in()

    def _lead_in(self) -> None:
        """Let the up-sampler go on where both tracks end now."""
        first = max(0, self._core.end - LEAD_IN) // LEAD_GRID * LEAD_GRID
        self._skip = self._wide.end - first * self.sample_rate // CORE_RATE
        self._up.reset()
        if self._high_band:
            self._high_band.begin(self._core.stretch(first - STEP * 2, first))
        self._widen(self._core.stretch(first, self._core.end))

    def _widen(self, narrow: Floats) -> None:
        wide = self._up.process(np.ascontiguousarray(narrow))
        if self._high_band:
            wide += self._high_band.above(narrow, len(wide))
        drop = min(self._skip, len(wide))
        self._skip -= drop
        self._wide.append(wide[drop:])

    def until(self, at: int, descriptions: Descriptions) -> None:
        """Make audio up to this time of the output rate."""
        while self._wide.end < at:
            rows, known = descriptions.vectors(self._made, self._concealer.wants())
            self._before.append(self._before.popleft())
            self._before[-1].copy(self._concealer)
            self._concealer.step(rows, known)
            self._made += STEP
            self._known.append(bool(known[-1]))
            corrected = self._concealer.corrected()
            if self._made - BEHIND > self._core.end:  # else it is there, from before a revision
                self._core.append(corrected)
                self._widen(corrected)

    def mark(self) -> None:
        """What has been made in this gap will be played; what comes from now on is made ahead."""
        self._mark = (self._core.end, self._wide.end)
        self._marked.copy(self._before[0])

    def revise(self, descriptions: Descriptions) -> None:
        """Take back what was made ahead as a guess, if there is a description of it by now."""
        core, wide = self._mark
        first = (core - self._start) // STEP
        guessed = [first + i for i, known in enumerate(self._known[first:]) if not known]
        if not any(descriptions.covers(self._start + step * STEP + LOOKAHEAD) for step in guessed):
            return
        self._concealer.copy(self._marked)
        self._before[0].copy(self._marked)
        self._made = core
        self._core.cut(core)
        self._wide.cut(wide)
        del self._known[first:]
        self._lead_in()

    def described(self, begin: int, end: int) -> bool:
        """Whether a description served any of this stretch of the output rate's time."""
        return any(self._served(begin, end))

    def described_throughout(self, begin: int, end: int) -> bool:
        """Whether descriptions served all of it, as far as it was made in this gap."""
        return all(self._served(begin, end))

    def _served(self, begin: int, end: int) -> list[bool]:
        first = (self.core_time(begin) - self._start) // STEP
        last = (self.core_time(end) - 1 - self._start) // STEP
        return self._known[max(0, first) : last + 1]

    def audio(self, begin: int, end: int) -> Floats:
        """Played or made audio of a stretch of time, at the output rate."""
        self._catch_up()
        return self._wide.stretch(begin, end)

    def stretch(self, rate: int, begin: int, end: int) -> Floats:
        """The same at the output rate or at 16 kHz, times in that rate."""
        track = self._core if rate == CORE_RATE else self._wide
        return track.stretch(begin, end)

    def heard(self, pcm: Floats, begin: int) -> None:
        """Tell what was played in a gap, from this time on: the samples that follow the last."""
        self._kept += len(self._down.process(pcm))
        self._wide.put(begin, pcm)

    def end(self, at: int) -> None:
        """The gap ends at this time; what was made beyond it is taken back."""
        self.active = False
        self._concealer.rewind(self._made - self._kept)
        self._core.cut(self._kept)
        self._wide.cut(at)
