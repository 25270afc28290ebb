# SPDX-License-Identifier: BSD-3-Clause
"""Networks: the embedded ones or those of a file, loaded, verified, described. Runs none of them.

The embedded models are the files *.bin of this folder; together they are one weight file.
MODEL_CARD.md says how they were made and what they reach.
"""

import functools
import hashlib
import itertools
import os
from importlib import resources
from typing import Any

from dred._core import ffi, lib
from dred.errors import ModelError
from dred.io.files import read_bytes
from dred.models.records import is_weight, read_records
from dred.profile import Profile

NETWORKS = {
    "pitch": lib.DRED_NET_PITCH,
    "encoder": lib.DRED_NET_ENCODER,
    "decoder": lib.DRED_NET_DECODER,
    "plc": lib.DRED_NET_PLC,
    "fargan": lib.DRED_NET_FARGAN,
}

MESSAGE_SIZE = 256


class Models:
    """The networks of one weight file; immutable, shared by any number of objects and threads.

    handle: the `dred_models *` of the C core, valid as long as this object lives."""

    def __init__(self, image: bytes, file: str, cpu: str | None = None) -> None:
        """image: a weight file. file: where it comes from, for messages. cpu: kernels to use, as
        `dred bench` lists them; default the best of this processor."""
        error = ffi.new("int *")
        message = ffi.new("char[]", MESSAGE_SIZE)
        name = ffi.NULL if cpu is None else cpu.encode("ascii")
        raw = lib.dred_models_create(image, len(image), name, error, message, MESSAGE_SIZE)
        if raw == ffi.NULL:
            if error[0] == lib.DRED_ERR_ARGUMENT:
                raise ValueError(f"no kernels named {cpu!r} on this processor")
            reason = _text(message) or _text(lib.dred_strerror(error[0]))
            raise ModelError(f"{file}: {reason}", error[0])
        self.handle = ffi.gc(raw, lib.dred_models_destroy)
        self.image = image
        self.file = file

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks that are there."""
        present = lib.dred_models_networks(self.handle)
        return tuple(name for name, bit in NETWORKS.items() if present & bit)

    @property
    def cpu(self) -> str:
        """The kernels in use."""
        return _text(lib.dred_models_cpu(self.handle))

    @property
    def profile(self) -> Profile:
        """What payloads of this encoder mean, and of which kind this decoder understands."""
        return Profile(lib.dred_models_profile(self.handle), self.handle)

    def describe(self) -> dict[str, Any]:
        records = list(read_records(self.image, self.file))
        return {
            "profile": self.profile.name,
            "file": self.file,
            "sha256": hashlib.sha256(self.image).hexdigest(),
            "layers": len({record.layer for record in records if is_weight(record.name)}),
            "parameters": sum(record.parameters for record in records),
            "bytes": len(self.image),
            "networks": list(self.networks),
            "cpu": self.cpu,
        }

    def __repr__(self) -> str:
        return f"<dred.Models {self.file}: {', '.join(self.networks) or 'no networks'}>"


def load_models(path: str | os.PathLike[str] | None = None, cpu: str | None = None) -> Models:
    """The networks of a weight file, or the embedded ones. A broken file is a ModelError."""
    if path is None:
        return _load_embedded(cpu)
    return Models(read_bytes(path, ModelError), os.fspath(path), cpu)


def kernel_sets() -> tuple[str, ...]:
    """Names that `cpu` may have on this processor, slowest first."""
    names = itertools.takewhile(bool, map(lib.dred_cpu_name, itertools.count()))
    return tuple(_text(name) for name in names)


def embedded_files() -> dict[str, bytes]:
    """The weight files of the package, by name."""
    folder = resources.files(__name__)
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".bin"))
    return {name: (folder / name).read_bytes() for name in found}


@functools.cache
def _load_embedded(cpu: str | None) -> Models:
    files = embedded_files()
    if not files:
        raise ModelError("this installation holds no models; name a file: --models FILE")
    return Models(b"".join(files.values()), "embedded", cpu)


def _text(chars: Any) -> str:
    text: str = ffi.string(chars).decode("utf-8", "replace")
    return text
