# SPDX-License-Identifier: BSD-3-Clause
"""Which packets are lost: loss models, trace files, statistics. Knows no codec and no audio.

A trace is a uint8 array with one value per packet in order of sending: 0 received, 1 lost.
"""

from dred.traces.formats import read_trace, write_trace
from dred.traces.models import LossModel, parse_model
from dred.traces.stats import TraceStats, measure

__all__ = ["LossModel", "TraceStats", "measure", "parse_model", "read_trace", "write_trace"]
