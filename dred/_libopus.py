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
# DRED came with libopus 1.5: these are None in older ones.
_DRED_PROTOTYPES: dict[str, tuple[Any, list[Any]]] = {
    "dred_decoder_get_size": (ctypes.c_int, []),
    "dred_decoder_init": (ctypes.c_int, [ctypes.c_void_p]),
    "dred_get_size": (ctypes.c_int, []),
    "dred_alloc": (ctypes.c_void_p, [ctypes.c_void_p]),
    "dred_free": (None, [ctypes.c_void_p]),
    "dred_parse": (
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p]
        + [ctypes.c_int32] * 3
        + [ctypes.c_void_p, ctypes.c_int],
    ),
    "dred_process": (ctypes.c_int, [ctypes.c_void_p] * 3),
    "decoder_dred_decode_float": (
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32],
    ),
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
        for name, (result, arguments) in {**_PROTOTYPES, **_DRED_PROTOTYPES}.items():
            function = getattr(library, f"opus_{name}", None)
            if function is None and name in _PROTOTYPES:
                raise DredError(f"{library._name}: not libopus: it lacks opus_{name}")
            if function is not None:
                address = ctypes.cast(function, ctypes.c_void_p).value
                function = ctypes.CFUNCTYPE(result, *arguments)(address or 0)
            setattr(self, name, function)

    @property
    def knows_dred(self) -> bool:
        """Whether it has the functions for DRED; a build without it may have them all the same."""
        return all(getattr(self, name) is not None for name in _DRED_PROTOTYPES)

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
