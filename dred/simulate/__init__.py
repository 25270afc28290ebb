# SPDX-License-Identifier: BSD-3-Clause
"""Sender, network and receiver in one room: what is sent, what is lost, what is heard. Judges
nothing and draws nothing."""

from dred.simulate.playing import fit_trace, play, playing
from dred.simulate.schemes import PEER_SCHEMES, SCHEMES, Scheme, find_scheme
from dred.simulate.simulation import JITTER_MS, Simulation, simulate

__all__ = [
    "JITTER_MS",
    "PEER_SCHEMES",
    "SCHEMES",
    "Scheme",
    "Simulation",
    "find_scheme",
    "fit_trace",
    "play",
    "playing",
    "simulate",
]
