# SPDX-License-Identifier: BSD-3-Clause
"""Batches that cost more to make than to learn from, each used several times; knows no task."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from torch import Tensor

Batch = dict[str, Tensor]


class Replay:
    """A pool of recent batches: most draws repeat one, every `reuse`-th makes a new one.

    The pool forgets, so that a batch is gone before it is learned by heart.
    """

    def __init__(self, make: Callable[[np.random.Generator], Batch], reuse: int, size: int):
        """`make` draws a new batch; `size`: batches kept."""
        self.make, self.reuse = make, reuse
        self.pool: deque[Batch] = deque(maxlen=size)

    def draw(self, rng: np.random.Generator) -> Batch:
        """A new batch or one of the pool."""
        if len(self.pool) < self.reuse or rng.random() * self.reuse < 1.0:
            self.pool.append(self.make(rng))
            return self.pool[-1]
        return self.pool[int(rng.integers(len(self.pool)))]
