# SPDX-License-Identifier: BSD-3-Clause
"""Speech quality metrics, one per module; they know waveforms and nothing of how these were made.

All take float or int16 mono audio at any rate and compare at 16 kHz, but for the high band's. The
measuring packages come with `pip install dred[eval]`; they are imported on use.
"""

from dred.evaluate.metrics.align import align, find_shift
from dred.evaluate.metrics.base import METRICS, Metric, measure
from dred.evaluate.metrics.feature_distortion import feature_distortion
from dred.evaluate.metrics.high_band import high_band_distance
from dred.evaluate.metrics.pesq_wb import pesq_wb
from dred.evaluate.metrics.plcmos import plcmos
from dred.evaluate.metrics.stoi import estoi, stoi
from dred.evaluate.metrics.words import word_error_rate

__all__ = [
    "METRICS",
    "Metric",
    "align",
    "estoi",
    "feature_distortion",
    "find_shift",
    "high_band_distance",
    "measure",
    "pesq_wb",
    "plcmos",
    "stoi",
    "word_error_rate",
]
