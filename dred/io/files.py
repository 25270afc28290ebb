# SPDX-License-Identifier: BSD-3-Clause
"""Files in and out, `-` for the standard streams; knows no format.

Output is atomic: it is written beside its target and renamed, so that a reader never sees half a
file and a failed run leaves the old one.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

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
    with written(path, error) as file, refusing(path, error):
        file.write(data)


@contextmanager
def written(path: str | os.PathLike[str], error: type[DredError]) -> Iterator[BinaryIO]:
    """What is to become a file, or to go to standard output for `-`; one can go back in it. It
    takes its place at the end, unless something was raised. Failures to begin and to end raise
    `error`, but for those of standard output; those between are the caller's, who can use
    `refusing`."""
    target = Path(os.path.realpath(path))
    if os.fspath(path) == STANDARD_STREAM:
        memory = io.BytesIO()
        yield memory
        sys.stdout.buffer.write(memory.getbuffer())
        sys.stdout.buffer.flush()
    elif target.exists() and not target.is_file():
        # A device or a pipe (or a folder: that fails here, as it must) is no file to replace.
        memory = io.BytesIO()
        with refusing(path, error):
            device = target.open("wb")
        with device:
            yield memory
            with refusing(path, error):
                device.write(memory.getbuffer())
                device.flush()
    else:
        # Not tempfile: its files are readable by their owner alone, and stay so after the rename.
        temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
        with refusing(path, error):
            file = temporary.open("wb")
        try:
            with file:
                yield file
                with refusing(path, error):
                    file.flush()
            with refusing(path, error):
                os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def refusing(path: str | os.PathLike[str], error: type[DredError]) -> Iterator[None]:
    """Raises `error`, in words, where the system refuses to write a file. What others have put into
    words stays as it is."""
    try:
        yield
    except DredError:
        raise
    except OSError as reason:
        folder = Path(os.path.realpath(path)).parent
        if not folder.exists():
            raise error(f"{path}: cannot be written: no folder {folder}") from None
        raise error(f"{path}: cannot be written: {reason.strerror}") from reason


def make_folder(path: str | os.PathLike[str], error: type[DredError]) -> None:
    """Make a folder, and those above it, where there is none; failures raise `error`."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        why = (reason.strerror or "").lower()
        raise error(f"{path}: is no folder and cannot become one ({why}); name another") from None


def check_writable(path: str | os.PathLike[str], error: type[DredError]) -> None:
    """Raise what `write_bytes` would, before hours are spent on what is to be written."""
    target = Path(os.path.realpath(path))
    if os.fspath(path) == STANDARD_STREAM:
        return
    if not target.parent.is_dir():
        raise error(f"{path}: cannot be written: no folder {target.parent}")
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        raise error(f"{path}: cannot be written: {'is a folder' if target.is_dir() else 'denied'}")
