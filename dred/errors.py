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


class LossModelError(TraceError):
    """A loss model cannot be understood: what was asked for is at fault, and no file."""

    code = -104


class UnavailableError(DredError, ImportError):
    """A feature needs an optional package that is not installed."""

    code = -103
