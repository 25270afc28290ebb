# SPDX-License-Identifier: BSD-3-Clause
"""What a loss trace is like: rate, bursts, gaps, and the Gilbert model nearest to it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dred.traces.formats import Trace, as_trace


@dataclass(frozen=True)
class TraceStats:
    """Lengths are in packets."""

    packets: int
    lost: int
    loss_rate: float
    bursts: int
    mean_burst: float
    longest_burst: int
    burst_histogram: dict[int, int]  # length: how many
    mean_gap: float
    longest_gap: int
    # Maximum likelihood of the two transitions of a Gilbert model (every packet is lost in the
    # bad state, none in the good one); None where the trace never was in the state.
    gilbert_p: float | None
    gilbert_r: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure(trace: Iterable[int] | Trace) -> TraceStats:
    flags = as_trace(trace)
    bursts, gaps = run_lengths(flags, 1), run_lengths(flags, 0)
    before, after = flags[:-1], flags[1:]
    return TraceStats(
        packets=len(flags),
        lost=int(flags.sum()),
        loss_rate=float(flags.mean()),
        bursts=len(bursts),
        mean_burst=float(bursts.mean()) if len(bursts) else 0.0,
        longest_burst=int(bursts.max(initial=0)),
        burst_histogram=dict(sorted(Counter(bursts.tolist()).items())),
        mean_gap=float(gaps.mean()) if len(gaps) else 0.0,
        longest_gap=int(gaps.max(initial=0)),
        gilbert_p=_share(after[before == 0] == 1),
        gilbert_r=_share(after[before == 1] == 0),
    )


def run_lengths(flags: Trace, value: int) -> npt.NDArray[np.intp]:
    """Lengths of the runs of one value, in order."""
    edges = np.diff(np.concatenate([[0], (flags == value).astype(np.int8), [0]]))
    return np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)


def _share(hits: npt.NDArray[np.bool_]) -> float | None:
    return float(hits.mean()) if len(hits) else None
