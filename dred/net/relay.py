# SPDX-License-Identifier: BSD-3-Clause
"""A network on one machine: passes datagrams on, loses some and delays all; for tests of calls.

Knows RTP only so far that reports are not lost: a loss model speaks of media packets.
"""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from dred.net.address import Address, drain, open_socket
from dred.rtp.packet import is_rtcp
from dred.traces import LossModel

POLL_S = 0.1
DRAWN_AT_ONCE = 10000


@dataclass
class RelayStats:
    """Counts of datagrams towards the target, and of those that came back."""

    passed: int = 0
    lost: int = 0
    reports: int = 0
    back: int = 0


class Relay:
    """From `listen` to `to`, with losses and delays; back without either.

    loss: one flag for each media packet; None: none is lost. Every datagram is delayed by delay_ms
    and a random part of jitter_ms, evenly spread, which may change the order; reports by all of it.
    Ends after `seconds`, or when `stop` says so.
    """

    def __init__(
        self,
        listen: Address,
        to: Address,
        loss: LossModel | None = None,
        *,
        delay_ms: float = 0.0,
        jitter_ms: float = 0.0,
        seed: int = 1,
        packet_ms: float = 20.0,
        on_second: Callable[[int, RelayStats], None] | None = None,
    ) -> None:
        if delay_ms < 0 or jitter_ms < 0:
            raise ValueError("delay and jitter must not be negative")
        self._loss, self._packet_ms = loss, packet_ms
        self._delay_s, self._jitter_s = delay_ms / 1000, jitter_ms / 1000
        # Two generators, so that the losses do not depend on the jitter.
        self._loss_rng, self._jitter_rng = (
            np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(2)
        )
        self._flags: list[int] = []
        self._on_second = on_second
        self._inside = open_socket(bind=listen)
        self._outside = open_socket(connect=to)
        self._client: Address | None = None
        self._queue: list[tuple[float, int, bytes]] = []
        self._order = 0
        self.stats = RelayStats()

    @property
    def address(self) -> Address:
        """Where it listens."""
        host, port = self._inside.getsockname()[:2]
        return host, port

    def run(self, seconds: float | None = None, stop: Callable[[], bool] = lambda: False) -> None:
        """Relay until the end; what waits then is sent at once."""
        start = time.monotonic()
        told = 0
        try:
            while not stop() and (seconds is None or time.monotonic() - start < seconds):
                self._step()
                elapsed = int(time.monotonic() - start)
                if self._on_second is not None and elapsed > told:
                    told = elapsed
                    self._on_second(elapsed, self.stats)
            self._forward(float("inf"))
        finally:
            self._inside.close()
            self._outside.close()

    def _step(self) -> None:
        now = time.monotonic()
        wait = min(POLL_S, max(0.0, self._queue[0][0] - now)) if self._queue else POLL_S
        ready = select.select([self._inside, self._outside], [], [], wait)[0]
        now = time.monotonic()
        if self._inside in ready:
            for data, client in drain(self._inside):
                self._client = client
                self._enter(data, now)
        if self._outside in ready:
            for data, _ in drain(self._outside):
                self._return(data)
        self._forward(time.monotonic())

    def _enter(self, data: bytes, now: float) -> None:
        if is_rtcp(data):
            self.stats.reports += 1
            due = now + self._delay_s + self._jitter_s
        else:
            if self._next_is_lost():
                self.stats.lost += 1
                return
            due = now + self._delay_s + self._jitter_s * float(self._jitter_rng.random())
        self._order += 1
        heapq.heappush(self._queue, (due, self._order, data))

    def _next_is_lost(self) -> bool:
        if self._loss is None:
            return False
        if not self._flags:
            drawn = self._loss.draw(DRAWN_AT_ONCE, self._loss_rng, self._packet_ms)
            self._flags = drawn.tolist()[::-1]
        return bool(self._flags.pop())

    def _forward(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            data = heapq.heappop(self._queue)[2]
            try:
                self._outside.send(data)
            except OSError:
                continue  # nobody listens yet, or the network is away: it is lost, as there
            self.stats.passed += not is_rtcp(data)

    def _return(self, data: bytes) -> None:
        if self._client is not None:
            self.stats.back += 1
            with suppress(OSError):  # the client may be gone
                self._inside.sendto(data, self._client)
