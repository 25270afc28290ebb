# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of matplotlib, which is loaded when one is begun, and their files; knows nothing of what
they show."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

from dred.errors import DredError, UnavailableError
from dred.io.files import write_bytes


def blank(width: float, height: float) -> Any:
    """An empty `matplotlib.figure.Figure`, in inches; UnavailableError without the package."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UnavailableError(
            "a picture needs the package matplotlib: pip install 'dred[eval]'"
        ) from None
    return Figure(figsize=(width, height), layout="constrained")


def write_picture(
    path: str | os.PathLike[str], figure: Any, dpi: int, error: type[DredError]
) -> None:
    """Writes a PNG, or what else the name's suffix says; failures raise `error`."""
    memory = io.BytesIO()
    try:
        figure.savefig(memory, dpi=dpi, format=Path(path).suffix[1:] or "png")
    except ValueError as reason:
        raise error(f"{os.fspath(path)}: the picture cannot be written: {reason}") from None
    write_bytes(path, memory.getvalue(), error)
