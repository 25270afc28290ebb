# SPDX-License-Identifier: BSD-3-Clause
"""Deep redundancy (DRED) for Opus: speech that survives one-second loss bursts."""

from dred._version import __version__
from dred.errors import AudioError, DredError, ModelError, PacketError, TraceError
from dred.models import Models, load_models
from dred.packet import Packet
from dred.payload import Payload, decode_payload, encode_payload
from dred.receiver import Receiver
from dred.sender import Sender
from dred.simulate import SCHEMES, Simulation, simulate
from dred.stages import (
    Concealer,
    FeaturePredictor,
    Vocoder,
    burg_features,
    extract_features,
    rdovae_decode,
    rdovae_encode,
)

__all__ = [
    "SCHEMES",
    "AudioError",
    "Concealer",
    "DredError",
    "FeaturePredictor",
    "ModelError",
    "Models",
    "Packet",
    "PacketError",
    "Payload",
    "Receiver",
    "Sender",
    "Simulation",
    "TraceError",
    "Vocoder",
    "__version__",
    "burg_features",
    "decode_payload",
    "encode_payload",
    "extract_features",
    "load_models",
    "rdovae_decode",
    "rdovae_encode",
    "simulate",
]
