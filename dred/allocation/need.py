# SPDX-License-Identifier: BSD-3-Clause
"""How often the past of a given age will have to be described; knows no bits and no levels.

A packet's description is heard when the packets just before it were lost: what is d packets old is
needed where a burst of losses was at least d packets long. Most losses are single ones and need
the newest chunk alone; everything older is worth the less, the shorter the bursts are.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dred._core import lib

MAX_CHUNKS: int = lib.DRED_MAX_CHUNKS
STEP_MS = 10
STEPS_PER_CHUNK = 4

# Mean burst in packets of 20 ms where real calls lose a fifth: four of five losses belong to short
# bursts, the rest to others that are longer than the mean by LONGER_BY on average.
TYPICAL_BURST = 1.9
SHORT_BURST, LONGER_BY = 1.35, 2.4
# Statistics are never known exactly: each age is needed after so many of all bursts at least.
UNFORESEEN = 0.001
# The step that lies in the packet itself is spoken as well, to fade from it, but heard half.
RUN_ON = 0.5

Weights = npt.NDArray[np.float64]


def survival(burst: float, packets: int) -> Weights:
    """Probability that a burst of losses lasts at least 1, 2, ... packets.

    burst: mean length in packets, 1 or more. A mixture of two geometric distributions: one of short
    bursts, which is the same at any mean, and one of long bursts, which make the mean what it is.
    """
    if not burst >= 1:
        raise ValueError(f"burst: expected a mean length of at least 1 packet, got {burst}")
    short, long = min(burst, SHORT_BURST), burst + LONGER_BY
    share = (burst - short) / (long - short)
    ages = np.arange(packets)
    return (1 - share) * (1 - 1 / short) ** ages + share * (1 - 1 / long) ** ages


@lru_cache(maxsize=64)
def needed(burst: float, frame_ms: int, lbrr: bool) -> Weights:
    """Weight of each of 26 chunks, newest first, in packets per burst.

    Vector k of a description serves the step that ends 10 (k - 1) ms before its packet: vector 0 a
    step inside it, vectors 1 and 2 the frame before (of 20 ms), and so on. With LBRR that frame
    needs none.
    """
    vectors = np.arange(MAX_CHUNKS * STEPS_PER_CHUNK)
    ages = -(-vectors * STEP_MS // frame_ms)  # in packets; 0: the packet itself
    reach = np.maximum(survival(burst, int(ages[-1]) + 1), UNFORESEEN)
    heard = 1 if lbrr else 0  # age of the frame that the description leads into
    weights = np.where(ages > heard, reach[np.maximum(ages - 1, 0)], 0.0)
    weights[heard * frame_ms // STEP_MS] = RUN_ON * reach[heard]
    chunks = weights.reshape(MAX_CHUNKS, STEPS_PER_CHUNK).sum(axis=1) * STEP_MS / frame_ms
    chunks.flags.writeable = False
    return chunks
