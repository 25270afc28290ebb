# SPDX-License-Identifier: BSD-3-Clause
"""One weight file of several, of which the later ones come first; runs no network."""

from __future__ import annotations

from collections.abc import Iterable

from dred.models.records import is_weight, read_records

# What the profile belongs to: layers of encoder and decoder begin so.
CODER = ("enc_", "gdense", "dec_")


def combine(files: Iterable[tuple[bytes, str]]) -> bytes:
    """Every layer from the last of the files (image, name) that has it; the profile from the last
    one that has any layer of a coder, so that no coder is taken for another one's."""
    layers: dict[str, list[bytes]] = {}
    for image, name in files:
        records = list(read_records(image, name))
        if any(record.layer.startswith(CODER) for record in records):
            layers = {layer: arrays for layer, arrays in layers.items() if is_weight(layer)}
        for record in records:
            layers.pop(record.layer, None)
        for record in records:
            layers.setdefault(record.layer, []).append(record.whole(image))
    return b"".join(array for arrays in layers.values() for array in arrays)
