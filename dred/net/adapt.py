# SPDX-License-Identifier: BSD-3-Clause
"""Reports of a receiver to a controller, and its settings to the sender; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dred.controller import Controller, Setting
from dred.rtp import RtpSender
from dred.sender import Sender


class Adaptation:
    """What is called with every report: (time in ms, share lost since the last one, which).

    sender: one that began with DRED, as its past has to be analysed all along. on_change is called
    with the time and every new setting, the first one included.
    """

    def __init__(
        self,
        controller: Controller,
        sender: Sender,
        rtp: RtpSender,
        on_change: Callable[[float, Setting], None] | None = None,
    ) -> None:
        self.controller = controller
        self._sender, self._rtp, self._on_change = sender, rtp, on_change
        self._apply(0.0)

    def __call__(self, now_ms: float, fraction: float, flags: Sequence[int]) -> None:
        if self.controller.report(now_ms, fraction, flags):
            self._apply(now_ms)

    def _apply(self, now_ms: float) -> None:
        setting = replace(self.controller.setting, frame_ms=self._sender.frame_ms)
        self._sender.configure(**setting.sender_options())
        self._rtp.repeat(setting.red)
        if self._on_change is not None:
            self._on_change(now_ms, setting)
