# SPDX-License-Identifier: BSD-3-Clause
"""What a loss trace is like: rate, bursts, gaps, memory, delays, and the nearest Gilbert model."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dred.traces.formats import Trace, as_trace
from dred.traces.transit import Transit

LAGS = 50  # packets: one second of 20 ms


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
    gap_histogram: dict[int, int]  # length of runs without loss: how many
    autocorrelation: tuple[float, ...]  # of losses, at lags 1 to LAGS; empty where all are alike
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
        burst_histogram=_histogram(bursts),
        mean_gap=float(gaps.mean()) if len(gaps) else 0.0,
        longest_gap=int(gaps.max(initial=0)),
        gap_histogram=_histogram(gaps),
        autocorrelation=autocorrelation(flags, LAGS),
        gilbert_p=_share(after[before == 0] == 1),
        gilbert_r=_share(after[before == 1] == 0),
    )


@dataclass(frozen=True)
class DelayStats:
    """Of packets that came, in ms beyond the fastest."""

    median_ms: float
    p95_ms: float
    p99_ms: float
    longest_ms: float
    overtaken: int  # came after one sent later
    duplicates: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_delays(transit: Transit) -> DelayStats | None:
    """None where no packet came."""
    delays = transit.delays
    if not len(delays):
        return None
    median, p95, p99 = np.quantile(delays, [0.5, 0.95, 0.99]).tolist()
    return DelayStats(median, p95, p99, float(delays.max()), transit.overtaken, len(transit.copies))


def autocorrelation(flags: Trace, lags: int) -> tuple[float, ...]:
    """Correlation of the losses with those so many packets later, at lags 1 to `lags`."""
    centred = flags - flags.mean()
    power = float(centred @ centred)
    if power == 0:
        return ()
    return tuple(
        float(centred[:-lag] @ centred[lag:]) / power
        for lag in range(1, min(lags, len(flags) - 1) + 1)
    )


def run_lengths(flags: Trace, value: int) -> npt.NDArray[np.intp]:
    """Lengths of the runs of one value, in order."""
    edges = np.diff(np.concatenate([[0], (flags == value).astype(np.int8), [0]]))
    return np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)


def _share(hits: npt.NDArray[np.bool_]) -> float | None:
    return float(hits.mean()) if len(hits) else None


def _histogram(lengths: npt.NDArray[np.intp]) -> dict[int, int]:
    return dict(sorted(Counter(lengths.tolist()).items()))
