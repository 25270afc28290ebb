# SPDX-License-Identifier: BSD-3-Clause
"""Multiplications and bytes of weights of each network, counted from a weight file; measures
nothing."""

from dataclasses import dataclass

from dred.models import Models
from dred.models.records import Record, read_records

WEIGHTS = ("_weights_int8", "_weights_float", "_weight_float")
LAGS = 224  # positions at which the pitch network's convolutions are evaluated
SUBFRAMES = 4
# Layers by the beginning of their names, how often a unit of the stage uses them, and how many
# products each weight takes part in.
PITCH = (("dense_", 1, 1), ("gru_1_", 1, 1), ("conv2d_", 1, LAGS))
ENCODER = (("enc_", 1, 1), ("gdense", 1, 1))
DECODER_START = (("dec_hidden_init", 1, 1), ("dec_gru_init", 1, 1))
PREDICTOR = (("plc_", 1, 1),)
VOCODER = (("cond_net_f", 1, 1), ("sig_net_", SUBFRAMES, 1))


@dataclass(frozen=True)
class Work:
    """Of one unit of a stage. weight_bytes: read once; streamed_bytes: every time they are used."""

    products: int
    weight_bytes: int
    streamed_bytes: int


def _weights(models: Models) -> list[Record]:
    """One array per layer: the core reads the floats where a layer has both."""
    found: dict[str, Record] = {}
    for record in read_records(models.image, models.file):
        if record.name.endswith(WEIGHTS) and (
            record.layer not in found or record.name.endswith("float")
        ):
            found[record.layer] = record
    return list(found.values())


def _sum(weights: list[Record], layers: tuple[tuple[str, int, int], ...]) -> Work:
    products = once = streamed = 0
    for prefix, uses, per_weight in layers:
        for record in weights:
            if record.name.startswith(prefix):
                products += uses * per_weight * record.parameters
                once += record.size
                streamed += uses * record.size
    return Work(products, once, streamed)


def count(models: Models, chunks: int) -> dict[str, Work]:
    """By stage; the decoder's unit is a payload of `chunks`."""
    weights = _weights(models)
    start = tuple(prefix for prefix, _, _ in DECODER_START)
    rest = [record for record in weights if not record.name.startswith(start)]
    first = _sum(weights, DECODER_START)
    each = _sum(rest, (("dec_", chunks, 1),))
    return {
        "features": _sum(weights, PITCH),
        "RDO-VAE encoder": _sum(weights, ENCODER),
        "RDO-VAE decoder": Work(
            first.products + each.products,
            first.weight_bytes + each.weight_bytes,
            first.streamed_bytes + each.streamed_bytes,
        ),
        "PLC predictor": _sum(weights, PREDICTOR),
        "vocoder": _sum(weights, VOCODER),
    }
