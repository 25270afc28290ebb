# SPDX-License-Identifier: BSD-3-Clause
"""How libopus 1.6.1 splits a bitrate between regular frames and DRED: what ours is compared with.

A restatement of its heuristics in numbers; sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_CHUNKS = 26
QMAX = 15
FINEST = 4
# Sixteenths of a level per chunk, by slope index.
SLOPES = (0, 2, 3, 4, 6, 8, 12, 16)
# Bits of a chunk at each level as libopus estimates them; those of the state likewise.
CHUNK_BITS = (
    73.2, 68.1, 62.5, 57.0, 51.5, 45.7, 39.9, 32.4, 26.4, 20.4, 16.3, 13.0, 9.3, 8.2, 7.2, 6.4,
)  # fmt: skip
STATE_BITS = 50
OVERHEAD_BITS = 8 * (3 + 2)


@dataclass(frozen=True)
class LibopusSplit:
    """Bit/s of both parts, and how DRED is coded; no DRED where chunks is 0."""

    regular: int
    dred: int
    q0: int
    dq: int
    qmax: int
    chunks: int

    @property
    def dred_ms(self) -> int:
        return 40 * self.chunks


def libopus_rule(
    bitrate: int,
    loss_percent: int,
    *,
    dred_ms: int = 1000,
    lbrr: bool = False,
    frame_ms: float = 20,
) -> LibopusSplit:
    """What libopus does with bitrate (bit/s in all), told a loss (0..100) and asked for dred_ms."""
    if lbrr:
        share, base = min(0.7, 3 * loss_percent / 100), 20000
    elif loss_percent > 5:
        share, base = min(0.8, 0.55 + loss_percent / 100), 12000
    else:
        share, base = 12 * loss_percent / 100, 12000
    share = share / (share + (1 - share) * 50 * frame_ms / 1000) if share else 0.0
    spare = bitrate - base
    q0 = min(15, max(FINEST, 51 - 3 * max(1, spare).bit_length()))
    dq = 3 if spare > 36000 else 5
    target = max(0, int(share * spare))
    wanted = min((dred_ms // 10 + 5) // 4, MAX_CHUNKS)
    costs = _costs(q0, dq, wanted)
    room = target * frame_ms / 1000
    fitting = sum(cost < room for cost in costs)
    if dred_ms == 0 or fitting < 2:
        return LibopusSplit(bitrate, 0, q0, dq, QMAX, 0)
    dred = min(target, int(costs[-1] * 1000 / frame_ms))
    return LibopusSplit(bitrate - dred, dred, q0, dq, QMAX, fitting)


def _costs(q0: int, dq: int, chunks: int) -> list[float]:
    """Estimated bits of a payload of 1, 2, ... chunks."""
    total = OVERHEAD_BITS + STATE_BITS + CHUNK_BITS[q0]
    costs = []
    for i in range(chunks):
        total += CHUNK_BITS[min(QMAX, q0 + (SLOPES[dq] * i + 8) // 16)]
        costs.append(total)
    return costs
