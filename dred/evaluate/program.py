# SPDX-License-Identifier: BSD-3-Clause
"""What results depend on beside their inputs: this program and the codec library. Measures
nothing."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import dred
from dred.opus import library_version

# Neither training nor the command line says what a simulation gives.
APART = ("train", "cli")


@functools.cache
def program() -> str:
    """A hash of the package's code, the compiled core included, and of the version of libopus."""
    folder = Path(dred.__file__).parent
    digest = hashlib.sha256(library_version().encode())
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.suffix in (".py", ".so", ".pyd", ".json") and name.parts[0] not in APART:
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
