# SPDX-License-Identifier: BSD-3-Clause
"""The vocoder's graph in torch, for training sequences; knows no data and no loss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dred.train.layers import Dense, Gate, Gru, Table, activation_noise, noise_block, share_weights

FRAME, SUBFRAME, SUBFRAMES = 160, 40, 4
BUFFER = 256
MIN_PERIOD, MAX_PERIOD = 32, 255
PIECE = 80  # conditioning values per subframe
PULSE = PIECE + SUBFRAME + 4 + SUBFRAME
Rounding = Callable[[Tensor], Tensor]


def _rounding(noise: Tensor | None, cuts: tuple[int, ...]) -> Rounding:
    """Adds to each activation in turn its cut of the noise that imitates int8 activations."""
    pieces = iter(() if noise is None else noise.split(cuts, -1))
    return lambda x: x if noise is None else x + next(pieces)


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
    CUTS = (SUBFRAME + 4, SUBFRAME, WIDTH, WIDTH, 160, 160, 128, 128, 128, 128, 128)
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
        # Inputs rounded to int8 would be heard here, as noise between the harmonics.
        self.out = Dense("sig_net_sig_dense_out", 128, SUBFRAME, int8=False)
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
        buffer, past_pulse, *recurrent = state
        rounded = _rounding(noise, self.CUTS)

        def remember(number: int, x: Tensor) -> Tensor:
            recurrent[number] = rounded(self.grus[number].cell(x, recurrent[number]))
            return recurrent[number]

        past = buffer.gather(1, taps), buffer[:, BUFFER - SUBFRAME :]
        pulse, inputs = self._pulse(piece, gain, *past, rounded)
        y = self._layers(torch.cat([past_pulse, pulse], 1), gain, *inputs, remember, rounded)
        return y, (buffer, pulse, *recurrent)

    def forced(self, pieces: Tensor, gain: Tensor, signal: Tensor, periods: Tensor) -> Tensor:
        """The same for all subframes of a known past at once, which is several times faster.

        `pieces` [batch, n, 80], `gain` [batch, n, 1] and `periods` [batch, n] of the subframes
        behind the first 256 samples of `signal` -> what follows at each of them [batch, n, 40].
        """
        count = pieces.shape[1]
        windows = signal.unfold(1, BUFFER, SUBFRAME)[:, :count]
        taps = self.taps(periods.flatten()).view(*periods.shape, -1)
        noise = noise_block((*pieces.shape[:2], self.NOISE), pieces.device)
        rounded = _rounding(noise if self.training else None, self.CUTS)
        past = windows.gather(2, taps), windows[..., BUFFER - SUBFRAME :]
        pulse, inputs = self._pulse(pieces, gain, *past, rounded)
        past_pulse = torch.cat([torch.zeros_like(pulse[:, :1]), pulse[:, :-1]], 1)

        def recur(number: int, x: Tensor) -> Tensor:
            return rounded(self.grus[number](x))

        return self._layers(torch.cat([past_pulse, pulse], 2), gain, *inputs, recur, rounded)

    @staticmethod
    def _pulse(
        piece: Tensor, gain: Tensor, at_period: Tensor, newest: Tensor, rounded: Rounding
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The input of a subframe, and of it the pitch prediction and the subframe before."""
        scale = 1.0 / (1e-5 + gain)
        predicted = rounded((at_period * scale).clamp(-1.0, 1.0))
        previous = rounded((newest * scale[..., :SUBFRAME]).clamp(-1.0, 1.0))
        return torch.cat([piece, predicted, previous], -1), (predicted, previous)

    def _layers(
        self,
        pulses: Tensor,
        gain: Tensor,
        predicted: Tensor,
        previous: Tensor,
        recur: Callable[[int, Tensor], Tensor],
        rounded: Rounding,
    ) -> Tensor:
        """From the last two pulses to the samples; `recur` runs a recurrent layer by its number."""
        x = rounded(torch.tanh(self.fwc0(pulses)))
        x = rounded(self.fwc0_gate(x))
        shares = (torch.sigmoid(self.pitch_gain(x)) @ self.spread).split(SUBFRAME, -1)
        core = predicted[..., 2:-2]
        outputs = []
        last = x
        for number, gate in enumerate(self.gates):
            last = recur(number, torch.cat([last, shares[number] * core, previous], -1))
            last = rounded(gate(last))
            outputs.append(last)
        joined = torch.cat([*outputs, x, shares[3] * core, previous], -1)
        skip = self.skip_gate(rounded(torch.tanh(self.skip(joined))))
        return gain[..., :SUBFRAME] * torch.tanh(self.out(skip))


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

    def _conditioned(self, features: Tensor) -> tuple[Tensor, Tensor]:
        pieces = activation_noise(self.conditioning(features), self.training)
        return pieces, torch.exp(self.signal.gain(pieces).clamp(-20.0, 20.0))

    def forced(self, features: Tensor, signal: Tensor, periods: Tensor) -> Tensor:
        """What the vocoder would say next, at every subframe of a known signal.

        As `forward`, but `signal` [batch, frames * 160] is the past at every step; the result
        [batch, frames - 1, 160] begins with the second given frame.
        """
        pieces, gains = (x[:, 1:].flatten(1, 2) for x in self._conditioned(features))
        blank = signal.new_zeros(signal.shape[0], BUFFER - FRAME)
        steps = periods[:, 1:].repeat_interleave(SUBFRAMES, 1)
        y = self.signal.forced(pieces, gains, torch.cat([blank, signal], 1), steps)
        return y.reshape(signal.shape[0], -1, FRAME)

    def forward(self, features: Tensor, given: Tensor, periods: Tensor | None = None) -> Tensor:
        """Pre-emphasised signal [batch, frames, 160] with the two given frames in front.

        `features` [batch, frames + 2, 20]: frame m is synthesised from vectors m, m+1, m+2 with
        the period of m+1; `given` [batch, 320]; `periods` [batch, frames] replaces those periods.
        """
        pieces, gains = self._conditioned(features)
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
