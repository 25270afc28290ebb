# SPDX-License-Identifier: BSD-3-Clause
"""Deep redundancy (DRED) for Opus: speech that survives one-second loss bursts.

Names are loaded when they are first used: importing this package loads nothing else, not even
numpy."""

import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dred._version import __version__
from dred.errors import AudioError, DredError, ModelError, PacketError, TraceError

if TYPE_CHECKING:
    from dred.models import Models, load_models
    from dred.packet import Packet
    from dred.payload import Payload, decode_payload, encode_payload
    from dred.profile import Profile
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
    "Profile",
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

_MODULES = {
    "models": ("Models", "load_models"),
    "packet": ("Packet",),
    "payload": ("Payload", "decode_payload", "encode_payload"),
    "profile": ("Profile",),
    "receiver": ("Receiver",),
    "sender": ("Sender",),
    "simulate": ("SCHEMES", "Simulation", "simulate"),
    "stages": (
        "Concealer",
        "FeaturePredictor",
        "Vocoder",
        "burg_features",
        "extract_features",
        "rdovae_decode",
        "rdovae_encode",
    ),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, or a module of the package, when it is first asked for."""
    if name in _HOMES:
        value = getattr(importlib.import_module(f"dred.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if not name.startswith("__") and importlib.util.find_spec(f"dred.{name}") is not None:
        return importlib.import_module(f"dred.{name}")
    raise AttributeError(f"module 'dred' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """`dred.simulate` is the function, also after something has imported the module of that
    name, which the import system would put in its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "simulate" and isinstance(value, ModuleType):
            value = value.simulate
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
