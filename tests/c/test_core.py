# SPDX-License-Identifier: BSD-3-Clause
"""Builds and runs the C unit tests (csrc/tests), as released and under ASan and UBSan."""

import os
import shutil
import subprocess

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("target", ["ctest", "ctest-asan"])
def test_c_unit_tests(root, target):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    # Not the flags of a `make test` that may have started us.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        ["make", "-s", target], cwd=root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert ", 0 failed" in done.stdout
