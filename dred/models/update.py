# SPDX-License-Identifier: BSD-3-Clause
"""A model update as a small difference of two weight files; runs and trains nothing.

An update holds the SHA-256 of both ends, then, deflated, one entry per array of the new file: the
number of an unchanged array of the old one, or of a changed one with the pieces that differ, or a
whole array. A piece is a block of 8 outputs x 4 inputs of an int8 matrix, or one number of any
other array; what is stored of it is the difference of its bytes, which deflates well. Updates come
from outside: everything is checked, and a result that is not the one promised is never returned.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from dred.errors import ModelError
from dred.models.records import HEADER, INT8, MAGIC, Record, read_records

# magic, version, digest and bytes of the old file, the same of the new one, bytes when inflated
HEAD = struct.Struct("<8sI32sI32sII")
UPDATE_MAGIC = b"DREDdiff"
VERSION = 1
LARGEST = 1 << 28  # bytes, of a weight file or of what an update inflates to

SAME, PIECES, WHOLE = 0, 1, 2
ENTRY = struct.Struct("<BI")  # how, and the number of the old array or the length of the header
ALIGN = 64
BLOCK, NUMBER = 32, 4  # bytes of a piece


@dataclass(frozen=True)
class Difference:
    """An update and how much of the model it changes."""

    data: bytes
    pieces: int  # int8 blocks in the new file
    changed: int  # those that differ


def _piece(record: Record) -> int:
    return BLOCK if record.kind == INT8 else NUMBER


def _pieces(data: bytes, size: int) -> np.ndarray:
    """Bytes [pieces, size], the last one filled up with zeros."""
    return np.frombuffer(data + bytes(-len(data) % size), np.uint8).reshape(-1, size)


def _padded(header: bytes, data: bytes) -> bytes:
    return header + data + bytes(-len(data) % ALIGN)


def diff(old: bytes, new: bytes, names: tuple[str, str] = ("old", "new")) -> Difference:
    """The update that makes `new` of `old`; `names` are for messages of bad files."""
    before = {r.name: (i, r) for i, r in enumerate(read_records(old, names[0]))}
    body = bytearray()
    blocks = changed = 0
    for record in read_records(new, names[1]):
        data = record.data(new)
        header = new[record.start - HEADER.size : record.start]
        number, base = before.get(record.name, (0, None))
        if base is None or old[base.start - HEADER.size : base.start] != header:
            body += ENTRY.pack(WHOLE, HEADER.size) + header + data
            differs = np.ones(-(-record.size // _piece(record)), bool)
        elif base.data(old) == data:
            body += ENTRY.pack(SAME, number)
            differs = np.zeros(-(-record.size // _piece(record)), bool)
        else:
            ours, theirs = (_pieces(part, _piece(record)) for part in (data, base.data(old)))
            differs = (ours != theirs).any(1)
            body += ENTRY.pack(PIECES, number) + np.packbits(differs).tobytes()
            body += (ours[differs] - theirs[differs]).tobytes()
        if record.kind == INT8:
            blocks, changed = blocks + len(differs), changed + int(differs.sum())
    head = HEAD.pack(UPDATE_MAGIC, VERSION, *_end(old), *_end(new), len(body))
    result = head + zlib.compress(bytes(body), 9)
    if patch(old, result) != new:
        raise ModelError(f"{names[1]}: not in the layout of weight files; export it again")
    return Difference(result, blocks, changed)


def _end(image: bytes) -> tuple[bytes, int]:
    return hashlib.sha256(image).digest(), len(image)


def patch(old: bytes, update: bytes, names: tuple[str, str] = ("old", "update")) -> bytes:
    """The new weight file. Another base than the update's, or a damaged update: ModelError."""
    base, name = names
    if len(update) < HEAD.size or not update.startswith(UPDATE_MAGIC):
        raise ModelError(f"{name}: is no model update")
    _, version, old_digest, old_size, new_digest, new_size, body_size = HEAD.unpack_from(update)
    if version != VERSION:
        raise ModelError(f"{name}: model update of version {version}, this program knows {VERSION}")
    if (old_digest, old_size) != _end(old):
        raise ModelError(
            f"{base}: not the model that {name} updates: SHA-256 "
            f"{hashlib.sha256(old).hexdigest()[:16]}..., needed {old_digest.hex()[:16]}..."
        )
    body = _inflate(update[HEAD.size :], body_size, name)
    new = _apply(old, body, min(new_size, LARGEST), name)
    if (new_digest, new_size) != _end(new):
        raise ModelError(f"{name}: damaged: the result has another SHA-256 than promised")
    return new


def _inflate(packed: bytes, size: int, name: str) -> bytes:
    if size > LARGEST:
        raise ModelError(f"{name}: impossible size")
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(packed, size + 1)  # not a byte more, whatever the stream holds
    except zlib.error:
        body = b""
    if len(body) != size or not stream.eof or stream.unused_data:
        raise ModelError(f"{name}: damaged")
    return body


class _Reader:
    """Takes bytes from the front, never more than there are."""

    def __init__(self, data: bytes, name: str):
        self.data, self.name, self.at = data, name, 0

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.at:
            raise ModelError(f"{self.name}: damaged: an entry is cut off")
        self.at += count
        return self.data[self.at - count : self.at]

    def left(self) -> bool:
        return self.at < len(self.data)


def _apply(old: bytes, body: bytes, limit: int, name: str) -> bytes:
    records = list(read_records(old, "old"))
    reader = _Reader(body, name)
    new = bytearray()
    while reader.left():
        how, number = ENTRY.unpack(reader.take(ENTRY.size))
        if how == WHOLE:
            header = reader.take(HEADER.size)
            magic, _, _, size, _, _ = HEADER.unpack(header)
            if magic != MAGIC or number != HEADER.size:
                raise ModelError(f"{name}: damaged: an entry is no array")
            new += _padded(header, reader.take(size))
        elif how in (SAME, PIECES) and number < len(records):
            base = records[number]
            data = base.data(old)
            if how == PIECES:
                data = _changed(data, _piece(base), reader)
            new += _padded(old[base.start - HEADER.size : base.start], data)
        else:
            raise ModelError(f"{name}: damaged: unknown entry")
        if len(new) > limit:
            raise ModelError(f"{name}: damaged: the result is larger than promised")
    return bytes(new)


def _changed(data: bytes, size: int, reader: _Reader) -> bytes:
    pieces = _pieces(data, size).copy()
    bits = np.frombuffer(reader.take(-(-len(pieces) // 8)), np.uint8)
    differs = np.unpackbits(bits, count=len(pieces)).astype(bool)
    delta = np.frombuffer(reader.take(int(differs.sum()) * size), np.uint8)
    pieces[differs] += delta.reshape(-1, size)
    return pieces.tobytes()[: len(data)]
