# SPDX-License-Identifier: BSD-3-Clause
"""The script for training in slots says what it needs."""

import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")


def slot(root, *arguments):
    environment = os.environ | {"DRED": f"{sys.executable} -m dred.cli"}
    return subprocess.run(
        ["sh", str(root / "tools" / "train_slot.sh"), *map(str, arguments)],
        capture_output=True, text=True, cwd=root, env=environment,
    )  # fmt: skip


def test_wrong_usage_and_short_slots(root, folder, tmp_path):
    assert slot(root, 60, folder).returncode == 2
    short = slot(root, 5, folder, folder, tmp_path, "plc")
    assert short.returncode == 1
    assert "too short" in short.stderr


def test_a_slot_leaves_a_checkpoint_for_the_next(root, folder, tmp_path):
    options = ["--set", "minutes=0.005", "--set", "batch=2", "--set", "frames=20"]
    done = slot(root, 60, folder, folder, tmp_path, "plc", *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "plc" / "state.pt").exists()
