# SPDX-License-Identifier: BSD-3-Clause
"""What the symbols of a payload mean: quantiser and entropy coder, and the version on the wire that
says so; knows no networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dred._core import ffi, lib

LATENT_DIM: int = lib.DRED_LATENT_DIM
STATE_DIM: int = lib.DRED_STATE_DIM
LEVELS: int = lib.DRED_LEVELS
OWN_VERSIONS = range(lib.DRED_OWN_VERSIONS, 256)
# Tables of each kind of vector, in the order of the core; values are /256.
TABLES = ("quant_scales_q8", "dead_zone_q8", "r_q8", "p0_q8")


@dataclass(frozen=True, eq=False)
class Profile:
    """A `const dred_profile *` of the C core. It keeps alive the models that it belongs to."""

    raw: Any = ffi.NULL
    owner: Any = field(default=None, repr=False)

    @property
    def version(self) -> int:
        """Byte behind the `D` of an extension: 12, or 128 to 255."""
        return int(lib.dred_profile_version(self.raw))

    @property
    def name(self) -> str:
        """`opus-dred-12`, as libopus 1.6.1 sends it, or `own-` and the version."""
        own = self.version in OWN_VERSIONS
        return f"own-{self.version}" if own else f"opus-dred-{self.version}"

    def tables(self, kind: str) -> dict[str, npt.NDArray[np.uint8]]:
        """The tables of a kind of vector, "latent" or "state", each [16, dimensions]."""
        state = ("latent", "state").index(kind)
        width = STATE_DIM if state else LATENT_DIM

        def row(table: int, level: int) -> list[int]:
            return list(lib.dred_statistics(self.raw, table, state, level)[0:width])

        return {
            name: np.array([row(table, level) for level in range(LEVELS)], np.uint8)
            for table, name in enumerate(TABLES)
        }


# Extension 126 with the prefix of version 12.
OPUS = Profile()
