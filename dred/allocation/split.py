# SPDX-License-Identifier: BSD-3-Clause
"""How a bitrate is split between regular frames, LBRR and DRED; knows no packet in particular.

One sum decides: what the bitrate of the regular frames costs where they arrive, plus what
quantisation costs where they do not, each weighted with how often that is. Its minimum over all
splits is the place where a bit is worth the same in both; LBRR is used where it lowers the minimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dred.allocation.levels import choices
from dred.allocation.need import MAX_CHUNKS, TYPICAL_BURST, Need, needed
from dred.allocation.tables import tables

# Prefix, extension byte, count byte and padding length of a packet that had no padding.
SIGNALLING_BYTES = 5
# Loss of PESQ does not add up: among lost frames, what regular ones lose alone counts so much, more
# beside the fine descriptions of payloads that are apart, and nothing beyond 28 kb/s (by the best
# splits of 16 to 26 validation files at 24 to 64 kb/s). LBRR that PESQ likes better than
# DRED, PLCMOS likes less: it has to be worth so much more, and then neither falls.
REGULAR_WEIGHT, WEIGHT_APART, INAUDIBLE, LBRR_MARGIN = 0.42, 1.0, 0.15, 0.03
TABLED_LOSS = 0.2  # what the tables are of
GRID = 100  # bit/s between splits that are compared
LOSS_STEP, HIGHEST_LOSS = 0.05, 0.6
MAX_SPACING = 4  # packets from one payload to the next; more gains little and waits longer
LEAST_REGULAR = 6000  # bit/s, where Opus ends


@dataclass(frozen=True)
class Split:
    """regular: bit/s for Opus, LBRR included; the rest is for DRED. need: of what losses, whether
    LBRR is sent, and in every which packet a payload. damage: expected loss of PESQ-WB."""

    regular: int
    need: Need
    damage: float = 0.0


@lru_cache(maxsize=4096)
def split_bitrate(
    total: int,
    loss_percent: int,
    lbrr: bool | None,
    *,
    burst: float = TYPICAL_BURST,
    frame_ms: int = 20,
    chunks: int = MAX_CHUNKS,
    wait_ms: float | None = None,
) -> Split:
    """The best split of a stream with DRED. total: bit/s of all. lbrr: with or without it, None:
    whichever is better. burst: mean length of losses in packets. chunks: most that a payload may
    describe. wait_ms: play-out delay of the receiver. Where it allows, every second, third or
    fourth packet has a payload, with the bits of all: most of what payloads of neighbours say is
    the same. None: unknown; every packet has one."""
    if total < 1000 * tables().lbrr_kbps[0]:
        lbrr = False  # there is no place for it, asked for or not
    regular = np.arange(min(total, LEAST_REGULAR), total + 1, GRID)
    # Rounded: the tables are worked out for each.
    loss = min(max(LOSS_STEP, round(loss_percent / 100 / LOSS_STEP) * LOSS_STEP), HIGHEST_LOSS)
    kinds = [
        Need(burst, frame_ms, with_lbrr, spacing, wait_ms, loss)
        for with_lbrr in ((False, True) if lbrr is None else (lbrr,))
        for spacing in range(1, 2 if wait_ms is None else MAX_SPACING + 1)
    ]
    found = [_least(regular, total, loss_percent, kind, chunks) for kind in kinds]
    return min(found, key=lambda split: split.damage)


def _least(
    regular: npt.NDArray[np.int64], total: int, loss_percent: int, need: Need, chunks: int
) -> Split:
    """The best of these bitrates."""
    table, loss, lbrr = tables(), loss_percent / 100, need.lbrr
    core = regular * (1 - table.lbrr_share) if lbrr else regular
    heard = (1 - loss) * np.maximum(_regular_damage(core / 1000) - INAUDIBLE, 0.0)
    per_payload = need.spacing * need.frame_ms / 1000  # seconds
    bits = (total - regular) * per_payload - 8 * SIGNALLING_BYTES
    everything = needed(Need(need.burst, need.frame_ms)).sum()
    lost = choices(need)[chunks - 1].damage_at(bits)
    if lbrr:
        restored = np.interp(regular / 1000, table.lbrr_kbps, table.lbrr_damage)
        lost += (everything - needed(Need(need.burst, need.frame_ms, True)).sum()) * restored
        heard = np.where(regular < 1000 * table.lbrr_kbps[0], np.inf, heard)
    lost = lbrr * LBRR_MARGIN + loss / TABLED_LOSS * lost / everything
    damage = (REGULAR_WEIGHT if need.spacing == 1 else WEIGHT_APART) * heard + lost
    # Where damages tie, the regular frames take what DRED can make no use of.
    best = len(damage) - 1 - int(np.argmin(damage[::-1]))
    return Split(int(regular[best]), need, float(REGULAR_WEIGHT * heard[best] + lost[best]))


def _regular_damage(kbps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Loss of PESQ of frames that arrive: what was measured, and its trend beyond both ends."""
    table = tables()
    rates, logs = table.regular_kbps, np.log(table.regular_damage)
    slopes = np.diff(logs) / np.diff(rates)
    inside = np.interp(kbps, rates, logs)
    below = slopes[0] * np.minimum(kbps - rates[0], 0.0)
    beyond = slopes[-1] * np.maximum(kbps - rates[-1], 0.0)
    return np.exp(inside + below + beyond)
