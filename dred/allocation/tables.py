# SPDX-License-Identifier: BSD-3-Clause
"""What bits buy, as measured: the data of tables.json; decides nothing.

`tools/bench/allocation_tables.py` makes the file. Damages are losses of PESQ-WB.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FILE = Path(__file__).with_name("tables.json")
Row = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tables:
    """latent_bits, state_bits [16]: mean at each quantiser level. chunk_damage [16]: at each level,
    where all that is lost is described so; undescribed: where nothing is. regular_damage at
    regular_kbps: of frames that arrive, by the bitrate asked of Opus. lbrr_damage at lbrr_kbps: of
    what is restored from LBRR, likewise; below the first Opus sends no LBRR in wide-band frames.
    lbrr_share: of the regular bitrate."""

    latent_bits: Row
    state_bits: Row
    chunk_damage: Row
    undescribed: float
    regular_kbps: Row
    regular_damage: Row
    lbrr_kbps: Row
    lbrr_damage: Row
    lbrr_share: float


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The package's own measurements."""
    data: dict[str, Any] = json.loads(FILE.read_text())
    rows = {name: np.array(value) for name, value in data.items() if isinstance(value, list)}
    return Tables(**(data | rows))
