# SPDX-License-Identifier: BSD-3-Clause
"""Model updates: small, exact, for one base only, and never trusted."""

import hashlib
import struct
import zlib

import numpy as np
import pytest

from dred.cli import main
from dred.errors import ModelError
from dred.models import embedded_files
from dred.models.records import HEADER, read_records
from dred.models.update import ENTRY, HEAD, UPDATE_MAGIC, VERSION, WHOLE, diff, patch


@pytest.fixture(scope="module")
def old():
    files = embedded_files()
    if not files:
        pytest.skip("this installation holds no models")
    return files["pitch.bin"]


def with_blocks_changed(image, count, seed=0):
    """The model with `count` blocks of its largest int8 matrix moved by small steps."""
    record = max((r for r in read_records(image) if r.kind == 3), key=lambda r: r.size)
    data = np.frombuffer(record.data(image), np.int8).reshape(-1, 32).copy()
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(data), count, replace=False)
    data[chosen] = np.clip(data[chosen] // 2 + rng.integers(1, 3, (count, 32)), -60, 60)
    return image[: record.start] + data.tobytes() + image[record.start + record.size :]


@pytest.fixture(scope="module")
def new(old):
    return with_blocks_changed(old, 40)


def test_an_update_is_small_and_exact(old, new):
    update = diff(old, new)
    assert update.changed == 40
    assert len(update.data) < 40 * 32 + 1500
    assert patch(old, update.data) == new
    assert patch(new, diff(new, old).data) == old
    assert len(diff(old, old).data) < 300


def test_arrays_can_come_go_and_move(old):
    records = list(read_records(old))
    pieces = [old[r.start - HEADER.size : r.start + -(-r.size // 64) * 64] for r in records]
    other = b"".join([pieces[-1], *pieces[1:-1]])
    assert patch(old, diff(old, other).data) == other
    assert patch(other, diff(other, old).data) == old


def test_any_other_base_is_refused(old, new):
    update = diff(old, new).data
    for wrong in (new, with_blocks_changed(old, 3, seed=1), b"", old[:-64]):
        with pytest.raises(ModelError, match="not the model that") as caught:
            patch(wrong, update)
        assert "\n" not in str(caught.value)


def test_damaged_updates_are_refused(old, new):
    update = diff(old, new).data
    rng = np.random.default_rng(2)
    damaged = [update[: int(len(update) * share)] for share in (0, 0.02, 0.5, 0.99)]
    damaged.append(update + b"more")
    for at in rng.integers(0, len(update), 60):
        damaged.append(update[:at] + bytes([update[at] ^ 1 << rng.integers(8)]) + update[at + 1 :])
    for bad in damaged:
        with pytest.raises(ModelError):
            patch(old, bad)


def forged(old, body, new_size=1000):
    ends = (hashlib.sha256(old).digest(), len(old), bytes(32), new_size)
    return HEAD.pack(UPDATE_MAGIC, VERSION, *ends, len(body)) + zlib.compress(body)


@pytest.mark.parametrize(
    "body",
    [
        ENTRY.pack(0, 10**6),
        ENTRY.pack(1, 0),
        ENTRY.pack(7, 0),
        ENTRY.pack(WHOLE, 64) + struct.pack("<4siiii44s", b"DNNw", 0, 3, -5, 64, b"x"),
        ENTRY.pack(WHOLE, 64) + struct.pack("<4siiii44s", b"DNNw", 0, 3, 2**31 - 1, 64, b"x"),
        ENTRY.pack(0, 0) * 5000,
    ],
)
def test_forged_entries_are_refused(old, body):
    with pytest.raises(ModelError, match="damaged"):
        patch(old, forged(old, body))


def test_an_update_inflates_no_further_than_it_says(old):
    bomb = forged(old, bytes(100))[: HEAD.size] + zlib.compress(bytes(10**7))
    with pytest.raises(ModelError, match="damaged"):
        patch(old, bomb)


def test_command_line(old, new, tmp_path, capsys):
    (tmp_path / "old.bin").write_bytes(old)
    (tmp_path / "new.bin").write_bytes(new)
    files = [str(tmp_path / name) for name in ("old.bin", "new.bin", "update", "got.bin")]
    assert main(["models", "diff", files[0], files[1], "-o", files[2]]) == 0
    assert "40 of " in capsys.readouterr().out
    assert main(["models", "patch", files[0], files[2], "-o", files[3]]) == 0
    assert (tmp_path / "got.bin").read_bytes() == new
    assert main(["models", "patch", files[1], files[2], "-o", files[3]]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "new.bin: not the model that" in error


def test_no_input_is_overwritten(old, new, tmp_path, capsys):
    for name, image in (("old", old), ("new", new), ("update", diff(old, new).data)):
        (tmp_path / name).write_bytes(image)
    paths = {name: str(tmp_path / name) for name in ("old", "new", "update")}
    for output in ("old", "new"):
        assert main(["models", "diff", paths["old"], paths["new"], "-o", paths[output]]) == 2
    assert main(["models", "patch", paths["old"], paths["update"], "-o", paths["update"]]) == 2
    assert capsys.readouterr().err.count("would overwrite its input") == 3
    assert (tmp_path / "old").read_bytes() == old
    # a device that has no room for two puts the new one in the place of the old one
    assert main(["models", "patch", paths["old"], paths["update"], "-o", paths["old"]]) == 0
    assert (tmp_path / "old").read_bytes() == new
