# SPDX-License-Identifier: BSD-3-Clause
"""The report of a sweep: quality against bitrate and loss, and the cheapest that will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dred.digits import finite
from dred.evaluate.cells import gather, group_traces, metric_names
from dred.evaluate.metrics import METRICS
from dred.evaluate.report.html import build_page


def sweep_data(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The cells and what names them."""
    groups = group_traces(records)
    return finite(
        {
            "files": len({record["file"] for record in records}),
            "count": len(records),
            "seconds": sum(record["seconds"] for record in records),
            "metrics": [{"name": name} | METRICS[name].caption for name in metric_names(records)],
            "groups": [asdict(group) | {"title": group.title} for group in groups],
            "cells": [asdict(cell) for cell in gather(records, groups)],
        }
    )


def write_sweep(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """The page."""
    page = build_page("Sweep · dred", sweep_data(records), "sweep.js")
    path.write_text(page, encoding="utf-8")
