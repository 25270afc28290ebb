# SPDX-License-Identifier: BSD-3-Clause
"""What networks do to packets: loss models, networks, files, statistics. Makes no audio.

A trace is a uint8 array with one value per packet in order of sending: 0 received, 1 lost. A
transit knows times as well.
"""

from dred.traces.files import SUFFIXES, read_trace, read_transit, write_trace, write_transit
from dred.traces.fit import Fit, fit_models
from dred.traces.models import LossModel
from dred.traces.network import Network, send
from dred.traces.parse import parse_model
from dred.traces.stats import DelayStats, TraceStats, measure, measure_delays
from dred.traces.transit import Transit

__all__ = [
    "SUFFIXES",
    "DelayStats",
    "Fit",
    "LossModel",
    "Network",
    "TraceStats",
    "Transit",
    "fit_models",
    "measure",
    "measure_delays",
    "parse_model",
    "read_trace",
    "read_transit",
    "send",
    "write_trace",
    "write_transit",
]
