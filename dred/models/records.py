# SPDX-License-Identifier: BSD-3-Clause
"""The table of contents of a weight file: its arrays and layers; knows no network.

The C core validates files before anything runs; this only reads headers, to describe a file.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dred.errors import ModelError

# magic, version, type, bytes of data, bytes with padding, name
HEADER = struct.Struct("<4siiii44s")
MAGIC = b"DNNw"
INT8 = 3
# Element types of the format that hold parameters; int32 arrays are indices.
ITEM_BYTES = {0: 4, 1: 4, INT8: 1}
TYPE_NAMES = {0: "float32", 1: "int32", INT8: "int8"}
# What is left of an array's name without these is the name of its layer.
PARTS = (
    "_weights_int8",
    "_weights_float",
    "_weights_idx",
    "_weights_diag",
    "_weight_float",
    "_subias",
    "_scale",
    "_bias",
)
# Arrays that are derived from others or say where they belong.
DERIVED = ("_weights_idx", "_subias", "_scale")
# Arrays of the profile, which belong to no layer.
PROFILE = "profile_"


def is_weight(name: str) -> bool:
    """Whether an array, or layer, of this name is one of a network."""
    return not name.startswith(PROFILE)


@dataclass(frozen=True)
class Record:
    """One array of a weight file."""

    name: str
    kind: int
    size: int  # bytes of data
    start: int  # of the data in the file
    end: int  # of the data and its padding

    def data(self, image: bytes) -> bytes:
        """Its content in the file it was read from."""
        return image[self.start : self.start + self.size]

    def whole(self, image: bytes) -> bytes:
        """The array as it lies in its file, with header and padding."""
        return image[self.start - HEADER.size : self.end]

    @property
    def layer(self) -> str:
        part = next((part for part in PARTS if self.name.endswith(part)), "")
        return self.name.removesuffix(part)

    @property
    def type_name(self) -> str:
        return TYPE_NAMES[self.kind]

    @property
    def parameters(self) -> int:
        """Trained numbers in it: weights and biases."""
        if not is_weight(self.name) or self.name.endswith(DERIVED):
            return 0
        return self.size // ITEM_BYTES[self.kind]


def read_records(image: bytes, file: str = "model file") -> Iterator[Record]:
    """The arrays of a weight file in order."""
    at = 0
    while at < len(image):
        if at + HEADER.size > len(image):
            raise ModelError(f"{file}: cut off in the header at byte {at}")
        magic, version, kind, size, block, raw = HEADER.unpack_from(image, at)
        if magic != MAGIC or version != 0 or kind not in ITEM_BYTES or not 0 <= size <= block:
            raise ModelError(f"{file}: is no weight file (at byte {at})")
        if block > len(image) - at - HEADER.size:
            raise ModelError(f"{file}: cut off in the array at byte {at}")
        at += HEADER.size
        name = raw.split(b"\0")[0].decode("ascii", "replace")
        yield Record(name, kind, size, at, at + block)
        at += block
