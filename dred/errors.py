# SPDX-License-Identifier: BSD-3-Clause
"""The exceptions of the package, a leaf of the import tree: it knows no module that raises them.

Every exception has a `code`: the `dred_error` of the C core where the failure came from there
(-1 and below), or a number of its own class (-100 and below). Each also is the builtin exception
that callers would expect, so that `except ValueError` and `except OSError` work as usual.
"""


class DredError(Exception):
    """Base of all errors of this package."""

    code: int = -100

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class ModelError(DredError, ValueError):
    """A model file is malformed, or lacks the network that is asked for."""

    code = -3


class PacketError(DredError, ValueError):
    """An Opus packet, its padding or a DRED payload is malformed."""

    code = -5


class AudioError(DredError, OSError):
    """A sound file cannot be read or written."""

    code = -101


class TraceError(DredError, ValueError):
    """A loss trace or loss model cannot be understood."""

    code = -102


class UnavailableError(DredError, ImportError):
    """A feature needs an optional package that is not installed."""

    code = -103


# Class for each dred_error of dred.h. DRED_ERR_ARGUMENT is a bug of the caller and not in the
# table: see `error_for`.
CODES: dict[int, type[DredError]] = {
    -2: DredError,
    -3: ModelError,
    -4: ModelError,
    -5: PacketError,
    -6: PacketError,
    -7: DredError,
    -8: DredError,
}
ARGUMENT = -1


def error_for(code: int, message: str) -> Exception:
    """The exception for a negative return code of the C core, ready to raise."""
    if code == ARGUMENT:
        return ValueError(message)
    return CODES.get(code, DredError)(message, code)
