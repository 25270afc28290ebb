# SPDX-License-Identifier: BSD-3-Clause
"""Whole files in and out, `-` for the standard streams; knows no format.

Output is atomic: it is written beside its target and renamed, so that a reader never sees half a
file and a failed run leaves the old one.
"""

import os
import sys
from pathlib import Path

from dred.errors import DredError

STANDARD_STREAM = "-"


def read_bytes(path: str | os.PathLike[str], error: type[DredError]) -> bytes:
    """The content of a file, or of standard input for `-`; failures raise `error`."""
    if os.fspath(path) == STANDARD_STREAM:
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise error(f"{path}: no such file") from None
    except IsADirectoryError:
        raise error(f"{path}: is a folder; give a file inside it") from None
    except OSError as reason:
        raise error(f"{path}: cannot be read: {reason.strerror}") from reason


def write_bytes(path: str | os.PathLike[str], data: bytes, error: type[DredError]) -> None:
    """Write a file, or to standard output for `-`; failures raise `error`."""
    if os.fspath(path) == STANDARD_STREAM:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            # A device or a pipe (or a folder: that fails here, as it must) is no file to replace.
            target.write_bytes(data)
        else:
            _replace(target, data)
    except OSError as reason:
        if not target.parent.exists():
            raise error(f"{path}: cannot be written: no folder {target.parent}") from None
        raise error(f"{path}: cannot be written: {reason.strerror}") from reason


def check_writable(path: str | os.PathLike[str], error: type[DredError]) -> None:
    """Raise what `write_bytes` would, before hours are spent on what is to be written."""
    target = Path(os.path.realpath(path))
    if os.fspath(path) == STANDARD_STREAM:
        return
    if not target.parent.is_dir():
        raise error(f"{path}: cannot be written: no folder {target.parent}")
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        raise error(f"{path}: cannot be written: {'is a folder' if target.is_dir() else 'denied'}")


def _replace(target: Path, data: bytes) -> None:
    # Not tempfile: its files are readable by their owner alone, and stay so after the rename.
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
