# SPDX-License-Identifier: BSD-3-Clause
"""Buffers and return codes at the border to the C core; knows no audio and no packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dred._core import ffi, lib
from dred.errors import DredError, ModelError, PacketError

if TYPE_CHECKING:
    from dred.models import Models

Floats = npt.NDArray[np.float32]
_FLOATS = ffi.typeof("float[]")

_ERRORS: dict[int, type[Exception]] = {
    lib.DRED_ERR_ARGUMENT: ValueError,
    lib.DRED_ERR_MEMORY: MemoryError,
    lib.DRED_ERR_MODEL: ModelError,
    lib.DRED_ERR_MISSING: ModelError,
    lib.DRED_ERR_PACKET: PacketError,
}


def check(code: int, what: str = "") -> int:
    """Return a result of the core that is not an error, raise the exception of one that is."""
    if code >= 0:
        return code
    text: str = ffi.string(lib.dred_strerror(code)).decode()
    raise _ERRORS.get(code, DredError)(f"{what}: {text}" if what else text)


def floats(array: npt.ArrayLike, shape: tuple[int, ...], name: str) -> Floats:
    """A C-contiguous float32 array of this shape (-1: any size), or a ValueError naming it."""
    result = np.ascontiguousarray(array, dtype=np.float32)
    if result.ndim != len(shape) or any(
        want not in (-1, have) for have, want in zip(result.shape, shape, strict=True)
    ):
        wanted = ", ".join("n" if want == -1 else str(want) for want in shape)
        raise ValueError(f"{name}: expected shape [{wanted}], got {list(result.shape)}")
    return result


def pointer(array: Floats) -> Any:
    """The array's memory as `float *`; the array must stay alive meanwhile."""
    return ffi.from_buffer(_FLOATS, array, require_writable=False)


def address(array: Floats) -> int:
    """Where the array's memory is, for what is called through ctypes; `array.ctypes` takes several
    times as long to tell."""
    return int(ffi.cast("intptr_t", ffi.from_buffer(array)))


class Handle:
    """A C object created from models, destroyed with this one."""

    def __init__(self, kind: str, models: Models) -> None:
        error = ffi.new("int *")
        raw = getattr(lib, f"dred_{kind}_create")(models.handle, error)
        if raw == ffi.NULL:
            if error[0] == lib.DRED_ERR_MISSING:
                raise ModelError(
                    f"{models.file}: holds only {', '.join(models.networks)}, but the "
                    f"{kind.replace('_', ' ')} needs more; join files with: dred models combine",
                    error[0],
                )
            check(error[0], kind.replace("_", " "))
        self._models = models  # must outlive the handle
        self.raw = ffi.gc(raw, getattr(lib, f"dred_{kind}_destroy"))
