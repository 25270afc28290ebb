# SPDX-License-Identifier: BSD-3-Clause
"""The vocoder's graph in torch, for training sequences; knows no data and no loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dred.train.layers import Dense, Gate, Gru, Table, activation_noise, noise_block, share_weights

FRAME, SUBFRAME, SUBFRAMES = 160, 40, 4
BUFFER = 256
PREEMPHASIS = 0.85
MIN_PERIOD, MAX_PERIOD = 32, 255
PIECE = 80  # conditioning values per subframe
PULSE = PIECE + SUBFRAME + 4 + SUBFRAME


def period_of(pitch: Tensor) -> Tensor:
    """Period in samples of pitch feature 18, kept inside the pitch buffer."""
    period = torch.floor(0.5 + 256.0 / torch.exp2(pitch.clamp(-1.5, 1.5) + 1.5))
    return period.clamp(MIN_PERIOD, MAX_PERIOD).long()


class Conditioning(nn.Module):
    """Features [batch, time + 2, 20] -> pieces [batch, time, 4, 80]."""

    def __init__(self) -> None:
        super().__init__()
        self.pembed = Table("cond_net_pembed", 224, 12)
        self.fdense1 = Dense("cond_net_fdense1", 32, 64, int8=False)
        self.fconv1 = Dense("cond_net_fconv1", 192, 128)
        self.fdense2 = Dense("cond_net_fdense2", 128, PIECE * SUBFRAMES)

    def forward(self, features: Tensor) -> Tensor:
        noisy = self.training
        index = (period_of(features[..., 18]) - MIN_PERIOD).clamp(0, 223)
        a = torch.tanh(self.fdense1(torch.cat([features, self.pembed(index)], -1)))
        a = activation_noise(a, noisy)
        c = torch.tanh(self.fconv1(torch.cat([a[:, :-2], a[:, 1:-1], a[:, 2:]], -1)))
        c = torch.tanh(self.fdense2(activation_noise(c, noisy)))
        return c.view(*c.shape[:2], SUBFRAMES, PIECE)


class SignalNet(nn.Module):
    """One subframe of 40 pre-emphasised samples from a conditioning piece and the past signal."""

    UNITS = (160, 128, 128)
    WIDTH = 192
    CUTS = (SUBFRAME + 4, SUBFRAME, WIDTH, WIDTH, 160, 160, 128, 128, 128, 128, 128, 128)
    NOISE = sum(CUTS)  # values of noise per subframe, in the order of use

    def __init__(self) -> None:
        super().__init__()
        width = self.WIDTH
        self.gain = Dense("sig_net_cond_gain_dense", PIECE, 1, int8=False)
        self.fwc0 = Dense("sig_net_fwc0_conv", 2 * PULSE, width)
        self.fwc0_gate = Gate("sig_net_fwc0_glu_gate", width)
        self.grus, self.gates = nn.ModuleList(), nn.ModuleList()
        inputs = width
        for number, units in enumerate(self.UNITS, 1):
            self.grus.append(Gru(f"sig_net_gru{number}", inputs + 2 * SUBFRAME, units, bias=False))
            self.gates.append(Gate(f"sig_net_gru{number}_glu_gate", units))
            inputs = units
        self.skip = Dense("sig_net_skip_dense", sum(self.UNITS) + width + 2 * SUBFRAME, 128)
        self.skip_gate = Gate("sig_net_skip_glu_gate", 128)
        self.out = Dense("sig_net_sig_dense_out", 128, SUBFRAME)
        self.pitch_gain = Dense("sig_net_gain_dense_out", width, SUBFRAMES, int8=False)
        # repeats each of four gates 40 times; as a product, because its gradient is a product too
        spread = torch.eye(SUBFRAMES).repeat_interleave(SUBFRAME, 1)
        self.register_buffer("spread", spread, persistent=False)

    @staticmethod
    def taps(period: Tensor) -> Tensor:
        """Buffer positions [batch, 44] of the pitch prediction for a period [batch]."""
        offset = torch.arange(-2, SUBFRAME + 2, device=period.device)
        position = BUFFER - period[:, None] + offset
        position = torch.where(position >= BUFFER, position - period[:, None], position)
        return position.clamp_min(0)

    def start(self, buffer: Tensor) -> tuple[Tensor, ...]:
        """The state of a sequence: pitch buffer, previous pulse, GRU states."""
        zeros = [buffer.new_zeros(buffer.shape[0], n) for n in (PULSE, *self.UNITS)]
        return (buffer, *zeros)

    def forward(
        self,
        piece: Tensor,
        gain: Tensor,
        taps: Tensor,
        state: tuple[Tensor, ...],
        noise: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Excitation [batch, 40] and the next state, whose buffer is left to the caller.

        `piece` [batch, 80]; `gain` [batch, 44], one value repeated; `noise` [batch, NOISE] imitates
        the rounding of activations (drawn outside: a call per layer would cost more than layers).
        """
        cuts = iter(() if noise is None else noise.split(self.CUTS, 1))

        def rounded(x: Tensor) -> Tensor:
            return x if noise is None else x + next(cuts)

        buffer, past_pulse, *recurrent = state
        scale = 1.0 / (1e-5 + gain)
        predicted = rounded((buffer.gather(1, taps) * scale).clamp(-1.0, 1.0))
        previous = rounded((buffer[:, BUFFER - SUBFRAME :] * scale[:, :SUBFRAME]).clamp(-1.0, 1.0))
        pulse = torch.cat([piece, predicted, previous], 1)
        x = rounded(torch.tanh(self.fwc0(torch.cat([past_pulse, pulse], 1))))
        x = rounded(self.fwc0_gate(x))
        shares = (torch.sigmoid(self.pitch_gain(x)) @ self.spread).split(SUBFRAME, 1)
        core = predicted[:, 2:-2]
        outputs = []
        last = x
        for number, (gru, gate) in enumerate(zip(self.grus, self.gates, strict=True)):
            last = torch.cat([last, shares[number] * core, previous], 1)
            recurrent[number] = rounded(gru.cell(last, recurrent[number]))
            last = rounded(gate(recurrent[number]))
            outputs.append(last)
        joined = torch.cat([*outputs, x, shares[3] * core, previous], 1)
        skip = rounded(self.skip_gate(rounded(torch.tanh(self.skip(joined)))))
        return gain[:, :SUBFRAME] * torch.tanh(self.out(skip)), (buffer, pulse, *recurrent)


class Fargan(nn.Module):
    """The whole vocoder on sequences that start with two given frames."""

    def __init__(self) -> None:
        super().__init__()
        self.conditioning = Conditioning()
        self.signal = SignalNet()

    @staticmethod
    def _noise(like: Tensor) -> list[Tensor]:
        shape = (SUBFRAMES, like.shape[0], SignalNet.NOISE)
        return list(noise_block(shape, like.device))

    def forward(self, features: Tensor, given: Tensor, periods: Tensor | None = None) -> Tensor:
        """Pre-emphasised signal [batch, frames, 160] with the two given frames in front.

        `features` [batch, frames + 2, 20]: frame m is synthesised from vectors m, m+1, m+2 with
        the period of m+1; `given` [batch, 320]; `periods` [batch, frames] replaces those periods.
        """
        pieces = activation_noise(self.conditioning(features), self.training)
        gains = torch.exp(self.signal.gain(pieces).clamp(-20.0, 20.0))
        if periods is None:
            periods = period_of(features[:, 1:-1, 18])
        past = given.view(-1, 2 * SUBFRAMES, SUBFRAME)
        blank = given.new_zeros(given.shape[0], BUFFER - FRAME)
        state = self.signal.start(torch.cat([blank, given[:, :FRAME]], 1))
        produced = []
        share_weights(self.signal, True)
        piece_of = pieces.flatten(1, 2).unbind(1)
        gain_of = gains.flatten(1, 2).expand(-1, -1, SUBFRAME + 4).contiguous().unbind(1)
        for frame in range(1, pieces.shape[1]):
            taps = SignalNet.taps(periods[:, frame])
            noise = self._noise(given) if self.training else [None] * SUBFRAMES
            for sub in range(SUBFRAMES):
                index = frame * SUBFRAMES + sub
                y, state = self.signal(piece_of[index], gain_of[index], taps, state, noise[sub])
                if frame == 1:
                    y = past[:, index]
                else:
                    produced.append(y)
                state = (torch.cat([state[0][:, SUBFRAME:], y], 1), *state[1:])
        share_weights(self.signal, False)
        signal = torch.cat([given, *produced], 1)
        return signal.view(given.shape[0], -1, FRAME)
