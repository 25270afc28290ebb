# SPDX-License-Identifier: BSD-3-Clause
"""Losses, quantiser, data and the loop on tiny synthetic material."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dred.train import losses, tasks  # noqa: E402
from dred.train.config import TrainConfig  # noqa: E402
from dred.train.data import SpeechData, shift_level  # noqa: E402
from dred.train.fargan import FarganConfig, FarganTask  # noqa: E402
from dred.train.loop import Run  # noqa: E402
from dred.train.plc import PlcConfig, flags, gilbert  # noqa: E402
from dred.train.quantiser import Quantiser, chunk_levels  # noqa: E402


class Halves:
    """A profile with one dimension that is never coded."""

    def tables(self, kind):
        scales, dead, r, p0 = (np.full((16, 25), value, np.uint8) for value in (128, 10, 128, 128))
        p0[:, -1] = 255
        return {"quant_scales_q8": scales, "dead_zone_q8": dead, "r_q8": r, "p0_q8": p0}


def test_quantiser_counts_bits_and_skips_dead_dimensions():
    quantiser = Quantiser(Halves(), "latent")
    x = torch.zeros(1, 25)
    x[0, 0], x[0, 1], x[0, -1] = 2.0, -6.0, 50.0
    level = torch.tensor([3])
    restored, q = quantiser.quantise(x, level)
    assert q[0, :3].tolist() == [1.0, -3.0, 0.0]
    assert q[0, -1] == 0
    assert restored[0, :2].tolist() == [2.0, -6.0]
    # p0 = 1/2, r = 1/2: zero costs 1 bit, +-1 costs 3, every further step 1 more
    assert float(quantiser.bits(q, level).sum()) == pytest.approx(22 + 3 + 5)


def test_levels_follow_the_bitstream():
    levels = chunk_levels(np.array([4]), np.array([5]), np.array([15]), 11)
    assert levels[0].tolist() == [4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]


def test_level_shift_moves_only_the_first_cepstrum_of_loud_frames():
    features = np.zeros((1, 3, 20), np.float32)
    features[..., 0] = 10.0
    shifted = shift_level(features, np.array([-10.0]))
    np.testing.assert_allclose(shifted[..., 0] - 10.0, -0.1 * np.sqrt(18) * 10, atol=1e-3)
    np.testing.assert_allclose(shifted[..., 1:], 0.0, atol=1e-3)


def test_distortion_and_spectral_loss_are_zero_for_equals():
    features = torch.randn(2, 8, 20)
    assert float(losses.feature_distortion(features, features).abs().max()) < 1e-6
    signal = torch.randn(1, 4000)
    assert float(losses.spectral_loss(signal, signal)) == 0.0
    assert float(losses.continuity_loss(signal, -signal)) == pytest.approx(2.0)


def test_bursts_have_the_asked_length_and_share():
    rng = np.random.default_rng(0)
    lost = gilbert(rng, np.full(200, 0.2), np.full(200, 3.0), 2000)
    bursts = (lost[:, 1:] & ~lost[:, :-1]).sum()
    assert lost.mean() == pytest.approx(0.2, abs=0.01)
    assert lost.sum() / bursts == pytest.approx(3.0, abs=0.2)
    flag = flags(rng, PlcConfig(), 20, 300)
    assert flag.shape == (20, 300)
    assert set(np.unique(flag)) == {-1.0, 0.0, 1.0}


def test_excerpts_stay_inside_files(folder):
    data = SpeechData(folder)
    starts = data.starts(np.random.default_rng(0), 500, 50)
    assert ((starts % 200) + 50 < 200).all()


def test_settings_are_checked():
    config = TrainConfig()
    config.override(["batch=7", "lr=0.5"])
    assert (config.batch, config.lr) == (7, 0.5)
    with pytest.raises(ValueError, match="no setting"):
        config.override(["bach=7"])
    assert tasks.config_of("plc").frames == 300


def test_training_improves_and_resumes(folder, tmp_path):
    config = FarganConfig(
        minutes=0.05, batch=2, frames=15, long_share=0.0, warmup_steps=2, log_seconds=1.0
    )
    task = FarganTask(config, folder, folder)
    task.evaluate = lambda model: {"spec": 0.0}
    run = Run(task, tmp_path, resume=False)
    run.train()
    assert run.step > 0
    assert (tmp_path / "fargan.bin").exists()
    assert (tmp_path / "curve.csv").read_text().count("\n") > 2
    again = Run(FarganTask(config, folder, folder), tmp_path, resume=True)
    assert again.step == run.step
    for a, b in zip(again.average.parameters(), run.average.parameters(), strict=True):
        torch.testing.assert_close(a, b)
