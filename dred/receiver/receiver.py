# SPDX-License-Identifier: BSD-3-Clause
"""Packets, some of them lost, to audio without holes: the one place where all sources meet."""

from __future__ import annotations

from itertools import takewhile

import numpy as np

from dred._native import Floats
from dred.errors import DredError, PacketError
from dred.models import Models, load_models
from dred.opus import OpusDecoder
from dred.packet import Toc, duration_ms, has_lbrr, why_no_dred
from dred.pcm import clipped, downmix
from dred.profile import OPUS
from dred.receiver import polish
from dred.receiver.background import Background
from dred.receiver.bridge import FUTURE_MS, Bridge
from dred.receiver.description import Descriptions
from dred.receiver.gap import CORE_RATE, GapFiller
from dred.receiver.high_band import HighBand
from dred.receiver.jitter import JitterBuffer
from dred.receiver.join import blares, equal_gain, rings
from dred.receiver.priming import WARM_UP_MS, Primer
from dred.receiver.recovery import Source, choose_source, why_guessed
from dred.receiver.stats import Stats
from dred.receiver.witness import Witness
from dred.units import DTX_BYTES, checked_delay

# Out of a gap: long where the synthesis is described on both sides of its end, short where it is a
# guess.
FADE_KNOWN_MS, FADE_GUESS_MS = 10.0, 1.0
# Into a gap, where the output rate is not that of the synthesis.
FADE_IN_MS = 2.5
# The longest gap whose two sides say what was between them.
BRIDGE_MS = 320


class Receiver:
    """A jitter buffer and everything behind it.

    push packets as they arrive, pull one frame per frame time. sample_rate and channels are those
    of the output (an Opus decoder gives any of its rates). jitter_ms: play-out delay; a burst is
    recovered from DRED only where the packet after it has arrived in time, so a delay of a second
    recovers bursts of a second. concealment: "neural", or "classic" for libopus's own alone.
    high_band: extend neural concealment above 8 kHz where packets do and the output can.
    Malformed packets are counted and treated as lost.
    """

    def __init__(
        self,
        sample_rate: int = 48000,
        channels: int = 1,
        models: Models | None = None,
        jitter_ms: float = 60,
        *,
        concealment: str = "neural",
        frame_ms: float = 20,
        use_lbrr: bool = True,
        use_dred: bool = True,
        high_band: bool = True,
    ) -> None:
        if concealment not in ("neural", "classic"):
            raise ValueError(f"concealment: expected 'neural' or 'classic', got {concealment!r}")
        if not 0 < frame_ms <= 120 or frame_ms % 2.5:
            raise ValueError(f"frame_ms: expected a multiple of 2.5 up to 120, got {frame_ms}")
        self.sample_rate, self.channels = sample_rate, channels
        self._decoder = OpusDecoder(sample_rate, channels)
        self._scout = OpusDecoder(sample_rate, channels)  # looks across gaps
        self._witness = Witness(sample_rate, channels)
        self._buffer = JitterBuffer(checked_delay(jitter_ms))
        self._frame_ms = frame_ms  # duration of the last packet: of a lost one as well
        self._clock_ms = 0.0
        self._position = 0  # samples played since the first packet
        self._toc: Toc | None = None
        self._dtx = False  # whether the last packet said that the sender is silent
        self._stats = Stats()
        self._use_lbrr, self._use_dred = use_lbrr, use_dred
        self._models: Models | None = None
        self._profile = OPUS if models is None else models.profile
        if concealment == "neural":
            self._models = models or load_models()
            self._profile = self._models.profile
            # At 16 kHz and below there is no band above the synthesis.
            widens = high_band and sample_rate > CORE_RATE
            self._high_band = HighBand(sample_rate) if widens else None
            self._filler = GapFiller(sample_rate, self._models, self._high_band)
            self._primer = Primer(sample_rate)
            self._background = Background(sample_rate, channels)
            self._descriptions = Descriptions(self._models)
        self._balance = np.ones(channels, np.float32)

    @property
    def stats(self) -> Stats:
        """What happened so far."""
        buffer = self._buffer
        self._stats.duplicates, self._stats.late = buffer.duplicates, buffer.late
        self._stats.restarts, self._stats.skipped = buffer.restarts, buffer.skipped
        return self._stats

    @property
    def jitter_ms(self) -> float:
        """Play-out delay of the first packet. A change counts from the next (re)start on."""
        return self._buffer.delay_ms

    @jitter_ms.setter
    def jitter_ms(self, milliseconds: float) -> None:
        self._buffer.delay_ms = checked_delay(milliseconds)

    @property
    def clock_ms(self) -> float:
        """The clock of arrivals: what was pulled so far."""
        return self._clock_ms

    def due_ms(self, sequence: int) -> float | None:
        """When a packet is to be played, or was, on the clock of arrivals; None before the first
        packet, and for a number far from all others."""
        ahead = self._buffer.ahead_of_play(sequence)
        if ahead is None:
            return None
        return self._buffer.start_ms(self._clock_ms) + ahead * self._frame_ms

    def restart(self) -> None:
        """Forget the packets that wait: play-out begins anew with the next one to arrive."""
        self._buffer.restart()

    def push(
        self, packet: bytes, sequence: int, arrival_ms: float | None = None, *, copy: bool = False
    ) -> None:
        """Take a packet. sequence: counts packets, modulo 2^16. arrival_ms: on the clock that
        `pull` advances by one frame a call; None: now. copy: it came as a RED copy in a later
        packet."""
        self._stats.received += 1
        try:
            duration_ms(packet)
        except PacketError:
            self._stats.malformed += 1
            return
        arrival = self._clock_ms if arrival_ms is None else arrival_ms
        if not self._buffer.push(bytes(packet), sequence, arrival, copy=copy):
            return
        reason = why_no_dred(packet, self._profile)
        if reason and not copy:
            self._stats.no_dred[reason] += 1

    def pull(self) -> Floats:
        """The next frame, [n] or [n, channels]: a frame time passes."""
        if not self._buffer.playing(self._clock_ms):
            frame = np.zeros((self._samples(self._frame_ms), self.channels), np.float32)
            self._stats.note(Source.WAITING)
        else:
            frame = self._next_frame()
            self._position += len(frame)
        self._clock_ms += len(frame) * 1000 / self.sample_rate
        frame = clipped(frame)
        return frame[:, 0] if self.channels == 1 else frame

    def _samples(self, milliseconds: float) -> int:
        return round(milliseconds * self.sample_rate / 1000)

    def _next_frame(self) -> Floats:
        packet = self._buffer.take()
        in_gap = self._models is not None and self._filler.active
        after = self._buffer.next
        assert after is not None
        ahead: list[tuple[int, bytes]] = []
        if packet is None or in_gap:
            ahead = self._buffer.ahead()
            self._look_ahead(ahead if packet is None else [(after - 1, packet), *ahead], after)
        if in_gap:
            self._filler.revise(self._descriptions)
        following = ahead[0][1] if ahead and ahead[0][0] == after else None
        lbrr = following is not None and self._restores(following)
        source = choose_source(
            here=packet is not None,
            copy=self._buffer.took_copy,
            next_has_lbrr=lbrr,
            dred=packet is None and self._described(),
            dtx=self._dtx,
        )
        if packet is not None:
            frame = self._regular(packet)
        elif source is Source.LBRR:
            frame = self._decoded(following, fec=True)
        elif self._models is None or source is Source.DTX:
            frame = self._decoded(None)
        else:
            frame = self._concealed()
        self._stats.note(source, self._why(ahead) if source is Source.PLC else "")
        return frame

    def _why(self, ahead: list[tuple[int, bytes]]) -> str:
        """Why the frame played now is a guess."""
        if self._models is None or not self._use_dred:
            return why_guessed(used=False, waiting=bool(ahead), described=False, newer=False)
        newest = self._descriptions.newest
        return why_guessed(
            used=True,
            waiting=bool(ahead),
            described=newest is not None,
            newer=newest is not None and self._middle() > newest,
        )

    def _restores(self, following: bytes) -> bool:
        """Whether the frame before this packet can be had from its LBRR. Behind a CELT frame
        libopus conceals instead."""
        behind_celt = self._toc is not None and self._toc.mode == "celt"
        return self._use_lbrr and not behind_celt and has_lbrr(following)

    def _described(self) -> bool:
        """Whether a description covers the middle of the frame to be played now."""
        if self._models is None or not self._use_dred:
            return False
        return self._descriptions.covers(self._middle())

    def _middle(self) -> int:
        """The middle of the frame to be played now, on the 16 kHz axis."""
        return self._filler.core_time(self._position + self._samples(self._frame_ms) // 2)

    def _regular(self, packet: bytes) -> Floats:
        self._dtx = len(packet) <= DTX_BYTES
        self._frame_ms = duration_ms(packet)
        self._toc = Toc.parse(packet)
        try:
            return self._decoded(packet)
        except DredError:  # a frame that libopus rejects is a lost one
            self._stats.malformed += 1
            return self._decoded(None)

    def _decoded(self, packet: bytes | None, *, fec: bool = False) -> Floats:
        """A frame out of the decoder, joined to the synthesis where a gap ends with it."""
        length = self._samples(self._frame_ms)
        frame = self._decoder.decode(packet, length, fec=fec)
        if self._models is None:
            return frame
        witnessed = self._witness.hear(packet, length, fec=fec)
        if witnessed:
            frame = self._calm(frame, begins=self._filler.active)
        if self._filler.active:
            frame = self._leave_gap(frame)
        if fec and packet is not None:
            frame = self._polished(frame, packet)
        self._filler.played(downmix(frame))
        self._follow_balance(frame)
        if packet is not None and not self._dtx:
            self._background.learn(frame)
            if self._high_band and self._toc and not fec:
                self._high_band.learn(downmix(frame), self._toc.bandwidth)
        return frame

    def _polished(self, frame: Floats, packet: bytes) -> Floats:
        """A frame out of the LBRR of this packet, which is coarse, with less noise."""
        at, future = self._position, self._samples(polish.FUTURE_MS)
        self._scout.restore(self._decoder.save())
        try:
            behind = self._scout.decode(packet, self._samples(duration_ms(packet)))
        except DredError:
            return frame
        if len(behind) < future:
            behind = np.concatenate([behind, self._scout.decode(None, future)])
        past = self._filler.audio(at - self._samples(polish.PAST_MS), at)
        audio = np.concatenate([past, downmix(frame), downmix(behind[:future])])
        assert self._models is not None
        change = polish.change(audio, len(frame), self.sample_rate, self._models)
        return frame + self._spread(change)

    def _follow_balance(self, frame: Floats) -> None:
        """Level of each channel against the mono mix, for synthesis that is mono."""
        if self.channels > 1:
            mono = float(np.mean(downmix(frame) ** 2))
            if mono > 1e-7:
                target = np.sqrt(np.mean(frame**2, axis=0) / mono).clip(0, 2)
                self._balance += np.float32(0.2) * (target.astype(np.float32) - self._balance)

    def _leave_gap(self, frame: Floats) -> Floats:
        """Fade from the run-on of the synthesis to what the decoder gives."""
        at = self._position
        longest, shortest = self._samples(FADE_KNOWN_MS), self._samples(FADE_GUESS_MS)
        self._filler.until(at + longest, self._descriptions)
        described = self._filler.described_throughout(at - longest, at + longest)
        fade = min(longest if described else shortest, len(frame))
        run_on = self._spread(self._filler.audio(at, at + fade))
        self._filler.end(at)
        return np.concatenate([equal_gain(run_on, frame[:fade]), frame[fade:]])

    def _calm(self, frame: Floats, *, begins: bool) -> Floats:
        """The frame, or the witness's where the decoder rings with what it was given in a gap.
        begins: the frame is the first one behind the gap."""
        before = self._filler.audio(self._position - len(frame), self._position)
        wrong = blares if begins else rings
        if not wrong(frame, before, self._witness.frame):
            return frame
        self._witness.hand_over(self._decoder)
        fade, other = self._samples(FADE_GUESS_MS), self._witness.frame()
        return np.concatenate([equal_gain(frame[:fade], other[:fade]), other[fade:]])

    def _spread(self, mono: Floats) -> Floats:
        return mono[:, None] * self._balance

    def _look_ahead(self, waiting: list[tuple[int, bytes]], after: int) -> None:
        """Tell where the packets that are here lie on the time axis of the output. after: number of
        the frame that follows the one to be played now."""
        if self._models is None or not self._use_dred:
            return
        at, length = self._position, self._samples(self._frame_ms)

        def start_of(number: int) -> int:
            return self._filler.core_time(at + (number - after + 1) * length)

        self._descriptions.look_at(waiting, start_of)

    def _concealed(self) -> Floats:
        """A frame from DRED or from a guess, while the decoder follows with a substitute."""
        at, length = self._position, self._samples(self._frame_ms)
        begins = not self._filler.active
        if begins:
            self._descriptions.bridge = self._look_across()
            self._filler.begin()
            self._witness.begin(self._decoder)
            if self._toc is not None:
                self._primer.begin(self._toc)
        self._witness.hear(None, length)
        self._filler.until(at + length, self._descriptions)
        self._filler.mark()
        frame = self._spread(self._filler.audio(at, at + length))
        if not self._filler.described(at, at + length):
            frame = frame + self._background.noise(length)
        if self._toc is not None:
            if begins and self.sample_rate != CORE_RATE:
                # The ends of the resampling filters show in the first instant of a gap.
                fade, own = self._samples(FADE_IN_MS), self._witness.frame()
                frame = np.concatenate([equal_gain(own[:fade], frame[:fade]), frame[fade:]])
            self._prime(begins)
        self._filler.heard(downmix(frame), at)
        return frame

    def _look_across(self) -> Bridge | None:
        """Both sides of the gap that begins now, where it is not too long, its end is here, and
        nothing of it is described: what is, is nearer than the other side."""
        ahead, after = self._buffer.ahead(), self._buffer.next
        assert after is not None
        missing = ahead[0][0] - after + 1 if ahead else 0  # frames
        if not 0 < missing * self._frame_ms <= BRIDGE_MS or self._models is None:
            return None
        length = self._samples(self._frame_ms)
        lbrr = self._restores(ahead[0][1])
        ends = self._position + (missing - lbrr) * length + self._samples(FADE_KNOWN_MS)
        begins, ends = map(self._filler.core_time, (self._position, ends))
        if self._descriptions.reach(begins, ends):
            return None
        self._scout.restore(self._decoder.save())
        heard = [self._scout.decode(None, length) for _ in range(missing - lbrr)]
        try:
            if lbrr:
                heard.append(self._scout.decode(ahead[0][1], length, fec=True))
            for _, packet in takewhile(lambda p: p[0] == after + len(heard) - 1, ahead):
                heard.append(self._scout.decode(packet, self._samples(duration_ms(packet))))
                if (len(heard) - missing + lbrr) * self._frame_ms >= FUTURE_MS:
                    break
        except DredError:
            return None
        mono = downmix(np.concatenate(heard))
        return self._filler.bridge(mono, (missing - lbrr) * length, self._models)

    def _prime(self, begins: bool) -> None:
        """Let the decoder decode a packet of what is played."""
        primer, rate = self._primer, self._primer.rate
        begin = self._position * rate // self.sample_rate + primer.lookahead
        whole = round(self._frame_ms * rate / 1000)
        self._filler.until((begin + whole) * self.sample_rate // rate, self._descriptions)
        # Frame by frame: not every packet has a duration that an encoder would choose.
        assert self._toc is not None
        frame_ms = self._toc.frame_ms
        length = round(frame_ms * rate / 1000)
        frames = max(1, round(WARM_UP_MS / frame_ms)) if begins else 0
        alike = primer.channels == self.channels
        spread = self._balance if alike else np.ones(primer.channels, np.float32)
        for start in range(begin - frames * length, begin + whole, length):
            mono = self._filler.stretch(rate, start, start + length)[:, None]
            substitute = primer.encode(mono * spread)
            if start >= begin:
                self._decoder.decode(substitute, self._samples(frame_ms))
