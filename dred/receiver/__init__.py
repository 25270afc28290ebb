# SPDX-License-Identifier: BSD-3-Clause
"""From packets to audio: jitter buffer, choice of source, synthesis, joins."""

from dred.receiver.playout import Playout
from dred.receiver.receiver import Receiver
from dred.receiver.recovery import Source
from dred.receiver.stats import Stats

__all__ = ["Playout", "Receiver", "Source", "Stats"]
