# SPDX-License-Identifier: BSD-3-Clause
"""A run that is to go on from a checkpoint, and finds none, says so."""

import pytest

pytest.importorskip("torch")

from dred.train.loop import Run
from dred.train.plc import PlcConfig, PlcTask


def test_a_missing_checkpoint_is_told(folder, tmp_path, capsys):
    def start(name, resume):
        config = PlcConfig(batch=2, frames=20, warmup_steps=1, minutes=0.0)
        return Run(PlcTask(config, folder, folder), tmp_path / name, resume)

    start("runs", False).checkpoint()
    assert capsys.readouterr().out == ""
    start("nothere", True)
    said = f"plc: no checkpoint in {tmp_path / 'nothere'} to resume; begins from the start\n"
    assert capsys.readouterr().out == said
    start("runs", True)
    assert "no checkpoint" not in capsys.readouterr().out
