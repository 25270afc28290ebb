# SPDX-License-Identifier: BSD-3-Clause
"""A small weight file with every network, of seeded random weights: what the codec does with it is
noise, but all of its logic runs. Knows the layers' names and sizes, and the record layout."""

import functools
import struct

import numpy as np
import pytest

from dred.errors import ModelError
from dred.models import NETWORKS, Models, load_models

# name: (inputs, outputs). First layers and those with few outputs are float, the rest int8.
FLOAT = {
    "dense_if_upsampler_1": (88, 64),
    "enc_dense1": (40, 64),
    "dec_hidden_init": (50, 128),
    "dec_dense1": (26, 96),
    "plc_dense_in": (57, 128),
    "plc_dense_out": (192, 20),
    "cond_net_pembed": (224, 12),
    "cond_net_fdense1": (32, 64),
    "sig_net_cond_gain_dense": (80, 1),
    "sig_net_gain_dense_out": (192, 4),
}
INT8 = {
    "dense_if_upsampler_2": (64, 64),
    "dense_downsampler": (288, 64),
    "gru_1_input": (64, 192),
    "gru_1_recurrent": (64, 192),
    "dense_final_upsampler": (64, 192),
    "enc_zdense": (544, 32),
    "gdense1": (544, 128),
    "gdense2": (128, 56),
    "dec_gru_init": (128, 320),
    "dec_output": (576, 80),
    "plc_gru1_input": (128, 576),
    "plc_gru1_recurrent": (192, 576),
    "plc_gru2_input": (192, 576),
    "plc_gru2_recurrent": (192, 576),
    "cond_net_fconv1": (192, 128),
    "cond_net_fdense2": (128, 320),
    "sig_net_fwc0_conv": (328, 192),
    "sig_net_fwc0_glu_gate": (192, 192),
    "sig_net_gru1_input": (272, 480),
    "sig_net_gru1_recurrent": (160, 480),
    "sig_net_gru1_glu_gate": (160, 160),
    "sig_net_gru2_input": (240, 384),
    "sig_net_gru2_recurrent": (128, 384),
    "sig_net_gru2_glu_gate": (128, 128),
    "sig_net_gru3_input": (208, 384),
    "sig_net_gru3_recurrent": (128, 384),
    "sig_net_gru3_glu_gate": (128, 128),
    "sig_net_skip_dense": (688, 128),
    "sig_net_skip_glu_gate": (128, 128),
    "sig_net_sig_dense_out": (128, 40),
}
CONV2D = {"conv2d_1": (1, 4), "conv2d_2": (4, 1)}  # channels in, out; 3 x 3
# Latents and states large enough to be coded at all, and cheap enough to fit where real ones do.
GAINS = {"enc_zdense": 4.0, "gdense2": 10.0}

for _stage in range(5):
    _encoder, _decoder = 64 + 96 * _stage, 96 + 96 * _stage
    _number = str(_stage + 1)
    INT8 |= {
        f"enc_gru{_number}_input": (_encoder, 96),
        f"enc_gru{_number}_recurrent": (32, 96),
        f"enc_conv_dense{_number}": (_encoder + 32, 64),
        f"enc_conv{_number}": (128, 64),
        f"dec_gru{_number}_input": (_decoder, 192),
        f"dec_gru{_number}_recurrent": (64, 192),
        f"dec_glu{_number}": (64, 64),
        f"dec_conv_dense{_number}": (_decoder + 64, 32),
        f"dec_conv{_number}": (64, 32),
    }


def record(name: str, array: np.ndarray) -> bytes:
    """One record of a weight file."""
    data = array.tobytes()
    kind = {"float32": 0, "int32": 1, "int8": 3}[array.dtype.name]
    block = -(-len(data) // 64) * 64
    header = struct.pack("<4siiii44s", b"DNNw", 0, kind, len(data), block, name.encode())
    return header + data.ljust(block, b"\0")


def random_image(seed: int = 1, prefix: str = "") -> bytes:
    """The bytes of the weight file; only layers whose names begin with a prefix, if given."""
    rng = np.random.default_rng(seed)

    def uniform(shape: int | tuple[int, ...], bound: float) -> np.ndarray:
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    records = []
    for name, (inputs, outputs) in FLOAT.items():
        records.append(record(f"{name}_weights_float", uniform(inputs * outputs, inputs**-0.5)))
        if name != "cond_net_pembed":
            records.append(record(f"{name}_bias", uniform(outputs, 0.1)))
    for name, (inputs, outputs) in INT8.items():
        # 64 at most: sums of neighbouring products stay within 16 bits, as AVX2 needs.
        weights = rng.integers(-64, 65, inputs * outputs, dtype=np.int8)
        bias = uniform(outputs, 0.1)
        gain = GAINS.get(name, 1.0) * inputs**-0.5 / 64
        scale = np.full(outputs, gain / 127, np.float32)
        sums = weights.reshape(outputs // 8, inputs // 4, 8, 4).sum(axis=(1, 3), dtype=np.int64)
        subias = (bias - 127 * scale * sums.ravel()).astype(np.float32)
        parts = {"weights_int8": weights, "scale": scale, "bias": bias, "subias": subias}
        records += [record(f"{name}_{part}", array) for part, array in parts.items()]
    for name, (inputs, outputs) in CONV2D.items():
        records.append(record(f"{name}_weight_float", uniform(9 * inputs * outputs, 0.3)))
        records.append(record(f"{name}_bias", uniform(outputs, 0.1)))
    return b"".join(item for item in records if item[20:].startswith(prefix.encode()))


@functools.cache
def random_models(cpu: str | None = None) -> Models:
    """The file, loaded."""
    return Models(random_image(), "random.bin", cpu)


def embedded_models() -> Models:
    """The networks of the package; skips the test where they are not all there."""
    try:
        models = load_models()
    except ModelError as reason:
        pytest.skip(str(reason))
    if set(models.networks) != set(NETWORKS):
        pytest.skip("this installation holds only a part of the networks")
    return models
