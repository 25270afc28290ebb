# SPDX-License-Identifier: BSD-3-Clause
"""The benches of calls run and say what they should; on a few seconds of speech."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("dred._core")
pytest.importorskip("tqdm")


def bench(root, name, *options):
    done = subprocess.run(
        [sys.executable, str(root / "tools" / "bench" / name), *map(str, options)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_long_call_in_short(root, tmp_path):
    pytest.importorskip("matplotlib")
    plot = tmp_path / "call.png"
    code, out, complaints = bench(
        root, "long_call.py", "--minutes", 0.3, "--skew-ppm", 2000, "--out", plot, "--json"
    )
    assert code == 0, complaints
    report = json.loads(out)
    assert report["good"]
    assert report["minutes"] == pytest.approx(0.3, abs=0.02)
    assert report["frames"]["dred"] > 50
    assert plot.stat().st_size > 1000


def test_cells_of_the_quality_table(root, samples, tmp_path):
    pytest.importorskip("pesq")
    out = tmp_path / "table.jsonl"
    options = ("--speech", samples, "--clips", 1, "--seconds", 2, "--limit", 2, "--out", out)
    for cells in (2, 4):  # the second run goes on where the first ended
        code, _, complaints = bench(root, "controller_table.py", *options)
        assert code == 0, complaints
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert len(rows) == cells
    assert rows[0]["quality"] > rows[3]["quality"]  # without loss, and with 10 %
    assert {row["bitrate"] for row in rows} == {24000}
    assert bench(root, "controller_table.py", "--speech", tmp_path)[0] == 1


def test_the_controller_beside_another(root, samples, tmp_path):
    pytest.importorskip("pesq")
    pytest.importorskip("matplotlib")
    out = tmp_path / "controller"
    code, table, complaints = bench(
        root, "controller.py", "--speech", samples, "--seconds", 18, "--budgets", 40,
        "--only", "^plain$", "--out", out,
    )  # fmt: skip
    assert code == 0, complaints
    found = {
        record["contender"]: record for record in json.loads(out.with_suffix(".json").read_text())
    }
    assert set(found) == {"controller", "plain"}
    ours, plain = (np.mean(found[name]["pesq"]) for name in ("controller", "plain"))
    assert ours > plain
    assert len(found["controller"]["changes"]) > 1
    assert found["plain"]["kbps"] < found["controller"]["kbps"] < 1.05 * 40
    assert f"{ours - plain:.3f}" in table
    assert out.with_suffix(".png").stat().st_size > 1000
