# SPDX-License-Identifier: BSD-3-Clause
"""How much redundancy to send: from reports of the receiver and a bitrate budget to settings.

What a setting is worth under a loss comes from measurements alone, a file of JSON lines, one cell
each:

    {"bitrate": 24000, "lbrr": false, "red": 0, "dred_ms": 1000, "loss_percent": 20,
     "loss": 0.3, "burst": 4.0, "kbps": 23.6, "quality": 2.31, "clips": 3}

The first five are the setting (bit/s of Opus packets and RED copies together; the others as
`dred.Sender` and `dred.rtp.RtpSender` take them), loss is the share of packets lost, burst the mean
number of packets lost in a row, quality a mean score of any scale (PESQ-WB in the package's own
file, which `tools/bench/controller_table.py` measured), the rest is for readers. Every setting must
be measured at every pair of loss and burst. The slope of the quantiser is no choice of its own: the
allocation finds the best one for a duration and its bits.

Knows no packets and no clock: times are handed in.
"""

from __future__ import annotations

import bisect
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dred.allocation import split_bitrate
from dred.errors import DredError
from dred.rtp.bitrate import opus_bitrate

# The package's own measurements.
TABLE = Path(__file__).with_name("controller.jsonl")


@dataclass(frozen=True)
class Setting:
    """What to send. bitrate: bit/s in all, RED copies and their headers included. loss_percent:
    what the sender is told, which splits the bitrate; 0 turns LBRR and DRED off. lbrr: None leaves
    it to the sender."""

    bitrate: int
    lbrr: bool | None = False
    red: int = 0
    dred_ms: int = 0
    loss_percent: int = 0
    frame_ms: int = 20

    @property
    def opus_bitrate(self) -> int:
        """Bit/s of the Opus packets, what the copies of their regular frames leave."""
        return opus_bitrate(self.bitrate, self.red, self.frame_ms, self._regular)

    @property
    def regular_bitrate(self) -> int:
        """Bit/s of the regular frames, LBRR included: what DRED leaves of the Opus packets."""
        return self._regular(self.opus_bitrate)

    def _regular(self, total: int) -> int:
        dred = self.dred_ms > 0 and self.loss_percent > 0
        if not dred:
            return total
        return split_bitrate(total, self.loss_percent, self.lbrr, frame_ms=self.frame_ms).regular

    def sender_options(self) -> dict[str, Any]:
        """What `Sender` and `Sender.configure` take of it."""
        return {
            "bitrate": self.opus_bitrate,
            "lbrr": self.lbrr,
            "dred_ms": self.dred_ms,
            "loss_percent": self.loss_percent,
        }


class QualityTable:
    """Expected quality of settings, interpolated between what was measured."""

    def __init__(self, cells: Iterable[dict[str, Any]]) -> None:
        """cells: as in the file; DredError where one is missing or makes no sense."""
        found: dict[int, dict[Setting, dict[tuple[float, float], float]]] = {}
        for number, cell in enumerate(cells, 1):
            try:
                bitrate = int(cell["bitrate"])
                kind = Setting(
                    0, bool(cell["lbrr"]), int(cell["red"]), int(cell["dred_ms"]),
                    int(cell["loss_percent"]),
                )  # fmt: skip
                where = (float(cell["loss"]), max(1.0, float(cell["burst"])))
                quality = float(cell["quality"])
            except (KeyError, TypeError, ValueError) as reason:
                raise DredError(f"quality table: line {number} lacks or spoils {reason}") from None
            found.setdefault(bitrate, {}).setdefault(kind, {})[where] = quality
        if not found:
            raise DredError("quality table: holds no cells; measure some")
        self.bitrates = sorted(found)
        first = found[self.bitrates[0]]
        self._kinds = sorted(set.intersection(*(set(rows) for rows in found.values())), key=str)
        self._where = sorted({where for rows in first.values() for where in rows})
        try:
            # [bitrate, kind, condition]
            self._quality = np.array([
                [[found[b][kind][where] for where in self._where] for kind in self._kinds]
                for b in self.bitrates
            ])  # fmt: skip
        except KeyError as reason:
            raise DredError(
                f"quality table: not every setting is measured at loss, burst {reason}"
            ) from None

    @classmethod
    def load(cls, path: str | os.PathLike[str] = TABLE) -> QualityTable:
        """From a file of JSON lines."""
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
            return cls([json.loads(line) for line in lines if line.strip()])
        except OSError as reason:
            raise DredError(f"quality table: {path} cannot be read ({reason.strerror})") from None
        except ValueError:
            raise DredError(f"quality table: {path} is not made of JSON lines") from None

    def expected(self, budget: int, loss: float, burst: float) -> dict[Setting, float]:
        """What every setting is worth at a budget (bit/s), under a share of loss and a mean burst
        (packets). Budgets outside of what was measured count as the nearest."""
        by_bitrate = self._quality @ self._weights(loss, burst)
        return {
            replace(kind, bitrate=budget): float(
                np.interp(budget, self.bitrates, by_bitrate[:, index])
            )
            for index, kind in enumerate(self._kinds)
        }

    def hardest(self, budget: int) -> dict[Setting, float]:
        """The same under the most loss and the longest bursts that were measured."""
        return self.expected(budget, math.inf, math.inf)

    def _weights(self, loss: float, burst: float) -> npt.NDArray[np.float64]:
        """Of the conditions measured: linear between two losses, and at each of them between two
        burst lengths, which count by their logarithm; the nearest beyond the ends."""
        weights = np.zeros(len(self._where))
        for share, near in _between(sorted({at for at, _ in self._where}), loss):
            lengths = {math.log2(length): length for at, length in self._where if at == near}
            for part, power in _between(sorted(lengths), math.log2(max(1.0, burst))):
                weights[self._where.index((near, lengths[power]))] += share * part
        return weights


def _between(points: Sequence[float], at: float) -> list[tuple[float, float]]:
    """The points around a place, with their weights."""
    after = bisect.bisect(points, at)
    if after in (0, len(points)):
        return [(1.0, points[min(after, len(points) - 1)])]
    low, high = points[after - 1], points[after]
    share = (at - low) / (high - low)
    return [(1 - share, low), (share, high)]


class LossEstimate:
    """Loss rate and burst length out of reports. loss: what to begin with.

    A report counts at once where it is worse than chance would make it, and little otherwise; but
    the more of them in a row are better than the estimate, the more they count.
    """

    ATTACK, RELEASE, DRIFT = 0.6, 0.35, 0.1  # weight of a report: worse, better for long, other
    WORSE, STILL_WORSE = 3.0, 1.0  # standard deviations; the second while it rises
    LEAST, MOST = 0.01, 0.5  # loss rates that chance is judged by
    BURST_KEEP = 0.85  # of a report's bursts, when the next report comes

    def __init__(self, loss: float = 0.0) -> None:
        self.loss = loss
        self.rising = False  # whether the last report was worse than chance
        self._better = 0  # reports in a row
        self._lost = self._bursts = 0.0
        self._before = 0

    @property
    def burst(self) -> float:
        """Mean packets lost in a row."""
        return max(1.0, self._lost / self._bursts) if self._bursts else 1.0

    def report(self, fraction: float, packets: int) -> None:
        """A share of so many packets was lost (RTCP, RFC 3550 section 6.4.1)."""
        expected = min(max(self.loss, self.LEAST), self.MOST)
        # Packets lost in a row are one event, and fewer events vary more.
        events = max(1, packets) / (2 * self.burst - 1)
        change = (fraction - self.loss) / math.sqrt(expected * (1 - expected) / events)
        self.rising = change > (self.STILL_WORSE if self.rising else self.WORSE)
        self._better = self._better + 1 if change < 0 else 0
        calm = min(self.RELEASE, self.DRIFT * 2.0 ** max(0, self._better - 1))
        self.loss += (self.ATTACK if self.rising else calm) * (fraction - self.loss)

    def runs(self, flags: Sequence[int]) -> None:
        """Which packets were lost since the last report, 0 or 1 each (RFC 3611 section 4.1)."""
        self._lost *= self.BURST_KEEP
        self._bursts *= self.BURST_KEEP
        for flag in flags:
            self._lost += flag
            self._bursts += flag and not self._before
            self._before = flag


class Controller:
    """Chooses settings as reports come in.

    budget: bit/s of Opus packets and RED copies together. It starts with the best setting at
    START_LOSS. More loss is answered at once, less loss late and only for a clear gain.
    """

    START_LOSS = 0.02
    # A rise of loss is known only when it has been heard. So a setting is worth what it is under
    # the loss told of, and so much of what it is under the hardest one, which may have begun.
    RISK = 0.05
    # In units of quality: a change is audible by itself.
    GAIN_UP, GAIN_DOWN = 0.02, 0.03
    HOLD_MS = 2000.0  # after a change, before one that no rise of loss asks for
    REPORT_PACKETS = 50  # where a report does not say which were lost

    def __init__(self, budget: int, table: QualityTable | None = None) -> None:
        self.budget = budget
        self._table = table or QualityTable.load()
        self.estimate = LossEstimate(self.START_LOSS)
        self._changed_ms = -math.inf
        self.changes = 0
        worth = self._worth()
        self.setting = max(worth, key=lambda setting: worth[setting])

    def report(self, now_ms: float, fraction: float, flags: Sequence[int] = ()) -> bool:
        """A report came: share of packets lost since the last one, and which where that is known.
        Whether the setting has changed."""
        self.estimate.report(fraction, len(flags) or self.REPORT_PACKETS)
        self.estimate.runs(flags)
        worth = self._worth()
        best = max(worth, key=lambda setting: worth[setting])
        gain = worth[best] - worth[self.setting]
        settled = now_ms - self._changed_ms >= self.HOLD_MS
        if gain < (self.GAIN_UP if self.estimate.rising else self.GAIN_DOWN):
            return False
        if not self.estimate.rising and not settled:
            return False
        self.setting, self._changed_ms = best, now_ms
        self.changes += 1
        return True

    def _worth(self) -> dict[Setting, float]:
        now = self._table.expected(self.budget, self.estimate.loss, self.estimate.burst)
        hardest = self._table.hardest(self.budget)
        return {setting: now[setting] + self.RISK * hardest[setting] for setting in now}
