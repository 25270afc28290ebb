# SPDX-License-Identifier: BSD-3-Clause
"""A tiny data folder for tests of the training code."""

import json

import numpy as np
import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two pieces of noise with made-up features."""
    path = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    steps = 200
    arrays = {
        "pcm16.i16": (3000 * rng.standard_normal(2 * steps * 160)).astype("<i2"),
        "feat.f32": (0.3 * rng.standard_normal((2 * steps, 20))).astype("<f4"),
        "burg.f32": (0.3 * rng.standard_normal((2 * steps, 36))).astype("<f4"),
    }
    for name, array in arrays.items():
        array.tofile(path / name)
    files = [
        {"file": f"{k}.wav", "source": "x", "first_step": k * steps, "steps": steps}
        for k in range(2)
    ]
    (path / "files.json").write_text(json.dumps(files))
    return path
