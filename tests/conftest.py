# SPDX-License-Identifier: BSD-3-Clause
"""What all tests share: where things are, and the data that may not be there."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# Examples take milliseconds, but a busy machine can stall any of them.
settings.register_profile("dred", deadline=None, max_examples=50)
settings.load_profile("dred")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def samples() -> Path:
    return ROOT / "samples"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The extra test data; tests that ask for it are skipped where it is not there."""
    folder = Path(os.environ.get("DRED_SHARED", ROOT.parent / "shared"))
    if not (folder / "reference").is_dir():
        pytest.skip(f"no extra data in {folder} (DRED_SHARED)")
    return folder


@pytest.fixture(scope="session")
def reference(shared: Path) -> Path:
    """Weights and vectors of Opus 1.6.1."""
    return shared / "reference" / "opus-1.6.1"


@pytest.fixture(scope="session")
def reference_weights(reference: Path) -> Path:
    return reference / "weights.bin"
