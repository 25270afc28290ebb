# SPDX-License-Identifier: BSD-3-Clause
"""Reports: one HTML file each, with all it needs inside; they know results, and make none."""

from dred.evaluate.report.figure import write_figure
from dred.evaluate.report.simulation import Track, simulation_data, write_simulation
from dred.evaluate.report.sweeps import sweep_data, write_sweep
from dred.evaluate.report.table import format_tables

__all__ = [
    "Track",
    "format_tables",
    "simulation_data",
    "sweep_data",
    "write_figure",
    "write_simulation",
    "write_sweep",
]
