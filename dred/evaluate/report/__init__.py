# SPDX-License-Identifier: BSD-3-Clause
"""Reports: one HTML file each, with all it needs inside; they know results, and make none."""

from dred.evaluate.report.simulation import Track, simulation_data, write_simulation
from dred.evaluate.report.sweeps import sweep_data, write_sweep

__all__ = ["Track", "simulation_data", "sweep_data", "write_simulation", "write_sweep"]
