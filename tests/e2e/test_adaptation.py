# SPDX-License-Identifier: BSD-3-Clause
"""A whole call whose loss changes: reports move the sender's settings, up fast and down slowly."""

import numpy as np
import pytest

pytest.importorskip("dred._core")

from signals import voice
from weights import embedded_models

from dred.controller import Controller
from dred.net.adapt import Adaptation
from dred.net.simulated import SimulatedCall
from dred.receiver import Playout, Receiver
from dred.rtp import RtpSender
from dred.sender import Sender
from dred.traces import parse_model

RATE = 16000
CALM_S, BAD_S, AFTER_S = 6, 8, 22
BUDGET = 40000


def losses():
    """About 1 %, then 30 % in bursts, then 1 % again, 50 packets a second."""
    rng = np.random.default_rng(7)
    calm, bad = parse_model("gilbert:p=0.01,r=0.75"), parse_model("gilbert:p=0.107,r=0.25")
    parts = [(calm, CALM_S), (bad, BAD_S), (calm, AFTER_S)]
    return np.concatenate([model.draw(50 * seconds, rng) for model, seconds in parts])


@pytest.fixture(scope="module")
def call():
    models = embedded_models()
    sender, rtp = Sender(RATE, 1, bitrate=BUDGET, models=models), RtpSender()
    playout = Playout(Receiver(RATE, 1, models, 200))
    chosen = []
    adaptation = Adaptation(
        Controller(BUDGET), sender, rtp, lambda ms, setting: chosen.append((ms / 1000, setting))
    )
    lost = losses()
    simulated = SimulatedCall(
        sender, rtp, playout, lost=lost, delays_ms=np.full(len(lost), 50.0), on_report=adaptation
    )
    speech = voice(RATE, 4)
    heard = list(simulated.frames([speech] * (len(lost) // 200)))
    return chosen, simulated, playout, np.concatenate(heard), lost


def test_settings_follow_the_loss(call):
    chosen, *_ = call
    at = lambda second: [setting for when, setting in chosen if when <= second][-1]  # noqa: E731
    before, during, after = at(CALM_S), at(CALM_S + BAD_S), at(CALM_S + BAD_S + AFTER_S)
    assert during.loss_percent > before.loss_percent
    assert during.dred_ms > 0
    assert during.regular_bitrate < min(before.regular_bitrate, after.regular_bitrate)
    assert after.loss_percent < during.loss_percent
    # The first answer within four seconds, the way back by steps.
    first = next(when for when, _ in chosen if when > CALM_S)
    assert first <= CALM_S + 4
    assert at(CALM_S + BAD_S + 3).loss_percent > after.loss_percent
    assert len(chosen) <= 10


def test_what_the_receiver_made_of_it(call):
    _, simulated, playout, heard, lost = call
    frames = playout.stats.frames()
    assert simulated.rtp.reception.lost == pytest.approx(lost.sum(), abs=3)
    recovered = sum(frames.get(kind, 0) for kind in ("dred", "lbrr", "red"))
    assert recovered > 0.5 * lost.sum()
    assert simulated.kbps <= 1.1 * BUDGET / 1000
    scaled = (playout.playout.grown_ms - playout.playout.shrunk_ms) / 1000
    assert len(heard) / RATE == pytest.approx(len(lost) / 50 + scaled, abs=0.3)


def test_copies_come_and_go():
    rtp = RtpSender(sequence=0, timestamp=0)
    packet = b"\x48" + bytes(20)
    kinds, sizes = [], []
    for copies in (0, 0, 1, 1, 2, 2, 2, 0):
        rtp.repeat(copies)
        sent = rtp.send(packet)
        kinds.append(sent.payload_type)
        sizes.append(len(sent.payload))
    assert kinds == [111, 111, 63, 63, 63, 63, 63, 111]
    assert sizes == [21, 21, 22, 47, 47, 72, 72, 21]
