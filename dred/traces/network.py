# SPDX-License-Identifier: BSD-3-Clause
"""Stages of a network: delays, a changed order, copies, congestion; knows no codec and no audio.

Each stage takes a transit and gives what comes out of it; a network is a row of stages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from dred.errors import LossModelError
from dred.traces.formats import Trace
from dred.traces.models import DEFAULT_PACKET_MS, LossModel
from dred.traces.transit import HEADER_BYTES, Times, Transit

# What a packet holds where nobody says: bit/s.
DEFAULT_BITRATE = 32000


class Stage(Protocol):
    """A part of the way from sender to receiver."""

    def apply(self, transit: Transit, rng: np.random.Generator) -> Transit:
        """What comes out where this went in."""


@dataclass(frozen=True)
class Network:
    """Stages in the order in which packets meet them."""

    stages: tuple[Stage, ...]

    def send(
        self,
        sizes: npt.NDArray[np.int64],
        rng: np.random.Generator,
        packet_ms: float = DEFAULT_PACKET_MS,
    ) -> Transit:
        """What becomes of packets of so many bytes of payload, one every packet_ms."""
        transit = Transit.undisturbed(sizes, packet_ms)
        for stage in self.stages:
            transit = stage.apply(transit, rng)
        return transit

    def draw(
        self, packets: int, rng: np.random.Generator, packet_ms: float = DEFAULT_PACKET_MS
    ) -> Trace:
        """The losses alone, of packets of DEFAULT_BITRATE."""
        return self.send(_usual_sizes(packets, packet_ms), rng, packet_ms).lost


def send(
    model: LossModel | Network,
    packets: int,
    rng: np.random.Generator,
    packet_ms: float = DEFAULT_PACKET_MS,
    sizes: npt.NDArray[np.int64] | None = None,
) -> Transit:
    """What a model of either kind makes of packets. sizes: bytes of payload of each packet, where
    they matter (default: those of DEFAULT_BITRATE)."""
    if sizes is None:
        sizes = _usual_sizes(packets, packet_ms)
    if isinstance(model, Network):
        return model.send(sizes, rng, packet_ms)
    return Transit.undisturbed(sizes, packet_ms).losing(model.draw(packets, rng, packet_ms))


def _usual_sizes(packets: int, packet_ms: float) -> npt.NDArray[np.int64]:
    return np.full(packets, round(DEFAULT_BITRATE * packet_ms / 8000), np.int64)


def _interval_ms(transit: Transit) -> float:
    """Time between packets."""
    return float(transit.sent_ms[1] - transit.sent_ms[0]) if len(transit) > 1 else DEFAULT_PACKET_MS


@dataclass(frozen=True)
class Loss:
    """A loss model as a stage."""

    model: LossModel

    def apply(self, transit: Transit, rng: np.random.Generator) -> Transit:
        return transit.losing(self.model.draw(len(transit), rng, _interval_ms(transit)))


@dataclass(frozen=True)
class Replay:
    """Losses and delays of a recorded stream, again from its beginning where it is too short."""

    recorded: Transit

    def apply(self, transit: Transit, rng: np.random.Generator) -> Transit:
        delays = np.full(len(self.recorded), np.inf)
        delays[self.recorded.lost == 0] = self.recorded.delays
        return _delayed(transit, np.resize(delays, len(transit)))


@dataclass(frozen=True)
class Jitter:
    """Delays of base_ms and a log-normal part of this mean and standard deviation.

    correlation: of the Gaussian behind the delays of neighbours (an AR(1) process); with 0 every
    packet is delayed by itself and often overtaken, near 1 the delay wanders, as it does on a path
    whose queues fill and drain.
    """

    mean_ms: float
    sd_ms: float
    base_ms: float = 0.0
    correlation: float = 0.0

    def __post_init__(self) -> None:
        if self.mean_ms <= 0:
            raise LossModelError("jitter: mean must be more than 0 ms")

    def apply(self, transit: Transit, rng: np.random.Generator) -> Transit:
        noise = rng.normal(size=len(transit))
        innovation = math.sqrt(1 - self.correlation**2)
        for i in range(1, len(noise)):
            noise[i] = self.correlation * noise[i - 1] + innovation * noise[i]
        variance = math.log1p((self.sd_ms / self.mean_ms) ** 2)
        delays = self.mean_ms * np.exp(math.sqrt(variance) * noise - variance / 2)
        return _delayed(transit, self.base_ms + delays)


@dataclass(frozen=True)
class Reorder:
    """A share p of the packets takes a detour, and is overtaken by so many others."""

    p: float
    by: int

    def apply(self, transit: Transit, rng: np.random.Generator) -> Transit:
        detour = (self.by + 0.5) * _interval_ms(transit)
        return _delayed(transit, np.where(rng.random(len(transit)) < self.p, detour, 0.0))


@dataclass(frozen=True)
class Duplicate:
    """A share p of the packets comes again, after_ms later."""

    p: float
    after_ms: float = 5.0

    def apply(self, transit: Transit, rng: np.random.Generator) -> Transit:
        again = (rng.random(len(transit)) < self.p) & np.isfinite(transit.arrival_ms)
        copies = tuple(
            (number, float(transit.arrival_ms[number]) + self.after_ms)
            for number in np.flatnonzero(again).tolist()
        )
        return replace(transit, copies=transit.copies + copies)


@dataclass(frozen=True)
class Queue:
    """A drop-tail queue in front of a link of `link` bit/s that others use as well.

    The others send OTHERS_BYTES at a time, as fast as the link carries, for burst_ms on average,
    and `cross` bit/s in all (on and off times are exponential). The queue holds what the link sends
    in depth_ms; what comes while it is full is lost. Headers of RTP, UDP and IP count. So loss
    grows with the bitrate of the sender itself.
    """

    link: float
    cross: float
    depth_ms: float = 200.0
    burst_ms: float = 500.0

    OTHERS_BYTES: ClassVar[int] = 1200

    def __post_init__(self) -> None:
        if not 0 <= self.cross < self.link:
            raise LossModelError("queue: cross traffic must be less than the link carries")
        if self.depth_ms <= 0 or self.burst_ms <= 0:
            raise LossModelError("queue: depth and burst must be more than 0 ms")

    def apply(self, transit: Transit, rng: np.random.Generator) -> Transit:
        ours = transit.arrivals()
        end = ours[-1][0] if ours else 0.0
        begin = min(0.0, ours[0][0]) if ours else 0.0
        others = [(time_ms, -1) for time_ms in self._others(begin, end, rng)]
        backlog_ms, now_ms = 0.0, begin  # backlog: time that the link needs for what waits
        through: dict[int, list[float]] = {}
        for time_ms, number in sorted(ours + others):
            backlog_ms = max(0.0, backlog_ms - (time_ms - now_ms))
            now_ms = time_ms
            size = self.OTHERS_BYTES if number < 0 else int(transit.sizes[number]) + HEADER_BYTES
            # Full is full, for small packets as for large ones, as where queues count packets.
            if backlog_ms < self.depth_ms:
                backlog_ms += 8000 * size / self.link
                if number >= 0:
                    through.setdefault(number, []).append(time_ms + backlog_ms)
        arrival = [through.get(number, [math.inf])[0] for number in range(len(transit))]
        copies = tuple((number, ms) for number, times in through.items() for ms in times[1:])
        return replace(transit, arrival_ms=np.array(arrival), copies=copies)

    def _others(self, begin: float, end: float, rng: np.random.Generator) -> list[float]:
        """When the packets of the others come."""
        busy = self.cross / self.link
        if not busy:
            return []
        step_ms = 8000 * self.OTHERS_BYTES / self.link
        pause_ms = self.burst_ms * (1 - busy) / busy
        found: list[float] = []
        now = begin if rng.random() < busy else begin + rng.exponential(pause_ms)
        while now < end:
            stop = min(end, now + rng.exponential(self.burst_ms))
            # At random: in step with our packets they would take, or leave, all the room there is.
            now += rng.exponential(step_ms)
            while now < stop:
                found.append(now)
                now += rng.exponential(step_ms)
            now = stop + rng.exponential(pause_ms)
        return found


@dataclass(frozen=True)
class Playout:
    """A receiver that waits delay_ms longer than the fastest packet takes; later ones are lost."""

    delay_ms: float

    def apply(self, transit: Transit, rng: np.random.Generator) -> Transit:
        came = np.isfinite(transit.arrival_ms)
        late = np.zeros(len(transit), bool)
        late[came] = transit.delays > self.delay_ms
        return transit.losing(late)


def _delayed(transit: Transit, delays: Times) -> Transit:
    """Each packet, and its copies, so much later; infinitely later is lost."""
    copies = tuple((n, ms + float(delays[n])) for n, ms in transit.copies if delays[n] < np.inf)
    return replace(transit, arrival_ms=transit.arrival_ms + delays, copies=copies)
