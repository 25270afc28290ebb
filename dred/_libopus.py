# SPDX-License-Identifier: BSD-3-Clause
"""The shared library libopus with typed functions, loaded at first use; knows no settings.

It is the one that opuslib finds on the system, or the file that the environment variable
DRED_LIBOPUS names: programs often bring a newer libopus than the system has.
"""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from typing import Any

from dred.errors import DredError

# opuslib sets argument types of its own on shared functions: ours are separate prototypes.
# The control functions are variadic: ctypes passes what follows the declared arguments so.
_PROTOTYPES: dict[str, tuple[Any, list[Any]]] = {
    "encoder_get_size": (ctypes.c_int, [ctypes.c_int]),
    "encoder_init": (ctypes.c_int, [ctypes.c_void_p] + [ctypes.c_int32] * 3),
    "encoder_ctl": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]),
    "encode_float": (
        ctypes.c_int32,
        [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int32],
    ),
    "decoder_get_size": (ctypes.c_int, [ctypes.c_int]),
    "decoder_init": (ctypes.c_int, [ctypes.c_void_p] + [ctypes.c_int32] * 2),
    "decoder_ctl": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]),
    "decode_float": (
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_void_p] + [ctypes.c_int] * 2,
    ),
    "strerror": (ctypes.c_char_p, [ctypes.c_int]),
    "get_version_string": (ctypes.c_char_p, []),
}


def _shared_library() -> Any:
    chosen = os.environ.get("DRED_LIBOPUS")
    if chosen:
        try:
            return ctypes.CDLL(chosen)
        except OSError as error:
            raise DredError(f"DRED_LIBOPUS: libopus cannot be loaded ({error})") from error
    try:
        from opuslib.api import libopus
    except Exception as error:  # opuslib raises a bare Exception where the library is missing
        raise DredError(
            f"libopus cannot be loaded ({error}); install it, on Debian: apt-get install libopus0"
        ) from error
    return libopus


class LibOpus:
    """Functions `opus_NAME` of the library as attributes NAME."""

    def __init__(self, library: Any) -> None:
        for name, (result, arguments) in _PROTOTYPES.items():
            try:
                function = getattr(library, f"opus_{name}")
            except AttributeError:
                raise DredError(f"{library._name}: not libopus: it lacks opus_{name}") from None
            address = ctypes.cast(function, ctypes.c_void_p).value
            setattr(self, name, ctypes.CFUNCTYPE(result, *arguments)(address or 0))

    def __getattr__(self, name: str) -> Any:  # what __init__ sets, to type checkers
        raise AttributeError(name)

    def checked(self, code: int, what: str) -> int:
        """The code of a call, or DredError with libopus's own words where it is negative."""
        if code < 0:
            raise DredError(f"libopus: {what}: {self.strerror(code).decode()}")
        return code


@lru_cache(maxsize=1)
def libopus() -> LibOpus:
    """The library; DredError with the mend where there is none."""
    return LibOpus(_shared_library())
