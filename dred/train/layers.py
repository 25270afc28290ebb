# SPDX-License-Identifier: BSD-3-Clause
"""Layers in torch with the run-time arithmetic (gate order z, r, h; reset after); know no task.

Every layer carries the name of its records in a weight file and says how it is stored there, so
that export and import need no table of their own.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from dred.train.blob import LARGEST, LARGEST_PAIR

ACTIVATION_STEP = 1.0 / 127.0
_POOL_SIZE = 1 << 22
_pools: dict[torch.device, Tensor] = {}


def noise_block(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Uniform noise of one int8 step, cut from a fixed pool at a random place.

    Drawing fresh numbers would cost more than the layers themselves.
    """
    size = math.prod(shape)
    pool = _pools.get(device)
    if pool is None or pool.numel() < 2 * size:
        pool = (torch.rand(max(_POOL_SIZE, 4 * size), device=device) - 0.5) * ACTIVATION_STEP
        _pools[device] = pool
    start = int(torch.randint(pool.numel() - size, ()))
    return pool[start : start + size].view(shape)


def activation_noise(x: Tensor, active: bool) -> Tensor:
    """Imitates the rounding of activations to int8 by uniform noise of one step."""
    return x + noise_block(tuple(x.shape), x.device) if active else x


def _without_autocast(function: Any, *args: Any) -> Tensor:
    """Our functions with a backward pass by hand work in one precision, that of the weights."""
    device = next(a.device.type for a in args if isinstance(a, Tensor))
    if not torch.is_autocast_enabled(device):
        return function.apply(*args)
    with torch.autocast(device, enabled=False):
        return function.apply(*(a.float() if isinstance(a, Tensor) else a for a in args))


class Dense(nn.Module):
    """y = W x + b. `bias`: "learned", "zero" (stored as zeros) or "none" (not stored)."""

    def __init__(
        self,
        record: str,
        inputs: int,
        outputs: int,
        *,
        int8: bool = True,
        bias: str = "learned",
        gain: float = 1.0,
        stored_outputs: int | None = None,
    ):
        super().__init__()
        self.record, self.int8, self.bias_kind = record, int8, bias
        self.inputs, self.outputs = inputs, outputs
        self.stored_outputs = stored_outputs or outputs
        self.fake_int8 = False
        self.scale: Tensor | None = None  # as stored, where the int8 grid must not move
        self.lr_scale = 1.0
        self._shared: tuple[Tensor, _Uses] | None = None
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        nn.init.uniform_(self.weight, -gain * inputs**-0.5, gain * inputs**-0.5)
        if bias == "learned":
            self.bias = nn.Parameter(torch.zeros(outputs))
        else:
            self.register_parameter("bias", None)

    def matrix(self) -> Tensor:
        """The weights as used: rounded to the int8 grid (straight through) once switched on."""
        if not (self.fake_int8 and self.int8):
            return self.weight
        with torch.no_grad():
            step = self.grid_step()
            delta = (self.weight / step).round().clamp(-LARGEST, LARGEST) * step - self.weight
        return self.weight + delta

    def grid_step(self) -> Tensor:
        """Distance of neighbouring int8 weights, [outputs, 1]."""
        if self.scale is not None:
            return self.scale[: self.outputs, None] / ACTIVATION_STEP
        pairs = (self.weight[:, 0::2] + self.weight[:, 1::2]).abs().amax(1) / LARGEST_PAIR
        step = torch.maximum(self.weight.abs().amax(1) / LARGEST, pairs)
        return step.clamp_min(1e-12)[:, None]

    def fix_grid(self, scale: Tensor) -> None:
        """Keeps the int8 grid of a weight file; `scale` [stored outputs] as it is stored there."""
        self.scale = scale.to(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        if self._shared is None:
            return fn.linear(x, self.matrix(), self.bias)
        return _without_autocast(_SharedLinear, x, *self._shared)

    def share(self, active: bool) -> None:
        """Prepares many calls before one backward pass: their weight gradients become one product.

        `share(True)` before the first call of a sequence, `share(False)` after the last.
        """
        self._shared = None
        if active and torch.is_grad_enabled():
            uses = _Uses(self.matrix().detach(), None if self.bias is None else self.bias.detach())
            token = _SharedWeights.apply(uses, self.matrix(), self.bias)
            self._shared = (token, uses)


class _Uses:
    """The inputs and output gradients of all calls of a shared layer."""

    def __init__(self, weight: Tensor, bias: Tensor | None):
        self.weight, self.bias = weight, bias
        self.inputs: list[Tensor] = []
        self.gradients: list[Tensor] = []


class _SharedWeights(torch.autograd.Function):
    """Source of a token that every call takes: its backward pass runs after all of theirs."""

    @staticmethod
    def forward(ctx, uses, weight, bias):
        ctx.uses = uses
        return weight.new_zeros(())

    @staticmethod
    def backward(ctx, _):
        uses = ctx.uses
        gradients = torch.cat(uses.gradients)
        weight = gradients.t() @ torch.cat(uses.inputs)
        bias = None if uses.bias is None else gradients.sum(0)
        uses.inputs.clear()
        uses.gradients.clear()
        return None, weight, bias


class _SharedLinear(torch.autograd.Function):
    """One call of a shared layer: input gradient now, weight gradient later."""

    @staticmethod
    def forward(ctx, x, token, uses):
        ctx.uses, ctx.zero = uses, token
        ctx.save_for_backward(x)
        return fn.linear(x, uses.weight, uses.bias)

    @staticmethod
    def backward(ctx, gradient):
        uses = ctx.uses
        uses.inputs.append(ctx.saved_tensors[0])
        uses.gradients.append(gradient)
        return gradient @ uses.weight, ctx.zero, None


class Gate(nn.Module):
    """Gated linear unit y = x * sigmoid(G x), trained without bias."""

    def __init__(self, record: str, units: int):
        super().__init__()
        self.dense = Dense(record, units, units, bias="zero")

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.dense(x))


class Table(nn.Module):
    """An embedding: row = index."""

    def __init__(self, record: str, rows: int, width: int):
        super().__init__()
        self.record = record
        self.weight = nn.Parameter(torch.randn(rows, width) * 0.1)

    def forward(self, index: Tensor) -> Tensor:
        return fn.embedding(index, self.weight)


class Conv2d(nn.Module):
    """3 x 3 convolution over [batch, channel, time, lag]: causal in time, zero-padded in lag."""

    def __init__(self, record: str, inputs: int, outputs: int):
        super().__init__()
        self.record = record
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3) * (9 * inputs) ** -0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return fn.conv2d(fn.pad(x, (1, 1, 2, 0)), self.weight, self.bias)


class CausalConv(nn.Module):
    """Kernel-2 convolution over [batch, time, channel] at a dilation, oldest input first."""

    def __init__(self, record: str, inputs: int, outputs: int, dilation: int):
        super().__init__()
        self.dilation = dilation
        self.dense = Dense(record, 2 * inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        past = fn.pad(x, (0, 0, self.dilation, 0))[:, : x.shape[1]]
        return self.dense(torch.cat([past, x], -1))


class _GruSequence(torch.autograd.Function):
    """The recurrence over a whole sequence, with the backward pass by hand.

    Autograd would keep a dozen small nodes per step; here the weight gradient is one product
    after the loop. Small steps cost what their calls cost: so there are few, and what they work on
    is cut into steps before.
    """

    @staticmethod
    def forward(ctx, u, matrix, bias, state):
        batch, steps, width = u.shape
        units = width // 3
        u = u.transpose(0, 1).contiguous()
        states = u.new_empty(steps + 1, batch, units)
        gates = u.new_empty(steps, batch, 2 * units)
        v = u.new_empty(steps, batch, width)
        candidate = u.new_empty(steps, batch, units)
        states[0] = state
        transposed = matrix.t()
        before, *after = states.unbind()
        outer, inner = u[..., : 2 * units].unbind(), u[..., 2 * units :].unbind()
        z, r = gates[..., :units].unbind(), gates[..., units:].unbind()
        v_gates, v_inner = v[..., : 2 * units].unbind(), v[..., 2 * units :].unbind()
        for t, (after_t, v_t, gates_t, candidate_t) in enumerate(
            zip(after, v.unbind(), gates.unbind(), candidate.unbind(), strict=True)
        ):
            torch.addmm(bias, before, transposed, out=v_t)
            torch.add(outer[t], v_gates[t], out=gates_t).sigmoid_()
            torch.addcmul(inner[t], r[t], v_inner[t], out=candidate_t).tanh_()
            before = torch.lerp(candidate_t, before, z[t], out=after_t)
        ctx.save_for_backward(states, gates, v[..., 2 * units :], candidate, matrix)
        return states[1:].transpose(0, 1)

    @staticmethod
    def backward(ctx, grad):
        states, gates, inner, candidate, matrix = ctx.saved_tensors
        steps, batch, units = candidate.shape
        grad = grad.transpose(0, 1)
        z, r = gates[..., :units], gates[..., units:]
        # The gradients at u and v are that at the state times factors without any recursion.
        along_h = (1 - z) * (1 - candidate * candidate)
        along_z = (states[:-1] - candidate) * z * (1 - z)
        along_r = along_h * inner * r * (1 - r)
        factors = torch.stack([along_z, along_r, along_h * r], 2)
        back = torch.empty_like(factors)  # gradient at v
        total = grad.new_empty(steps, batch, 1, units)  # at the state
        flat = back.view(steps, batch, 3 * units)
        carry = grad.new_zeros(batch, units)
        rows = [x.unbind() for x in (grad, total, total[:, :, 0], factors, back, flat, z)]
        for grad_t, wide_t, total_t, factors_t, back_t, flat_t, z_t in reversed(
            list(zip(*rows, strict=True))
        ):
            torch.add(grad_t, carry, out=total_t)
            torch.mul(wide_t, factors_t, out=back_t)
            carry = torch.addmm(total_t * z_t, flat_t, matrix)
        into = torch.cat([flat[..., : 2 * units], total[:, :, 0] * along_h], -1)  # gradient at u
        flat = flat.view(-1, 3 * units)
        return (into.transpose(0, 1), flat.t() @ states[:-1].reshape(-1, units), flat.sum(0), carry)


class _GruCell(torch.autograd.Function):
    """The element-wise part of one step, with the backward pass by hand (a third of the calls)."""

    @staticmethod
    def forward(ctx, u, v, state):
        n = state.shape[1]
        gates = torch.sigmoid(u[:, : 2 * n] + v[:, : 2 * n])
        inner = v[:, 2 * n :]
        candidate = torch.tanh(torch.addcmul(u[:, 2 * n :], gates[:, n:], inner))
        ctx.save_for_backward(gates, inner, candidate, state)
        return torch.lerp(candidate, state, gates[:, :n])

    @staticmethod
    def backward(ctx, grad):
        gates, inner, candidate, state = ctx.saved_tensors
        n = state.shape[1]
        z, r = gates[:, :n], gates[:, n:]
        into = grad.new_empty(grad.shape[0], 3 * n)
        carry = grad * z
        h = (grad - carry) * (1 - candidate * candidate)
        into[:, 2 * n :] = h
        torch.mul(grad, state - candidate, out=into[:, :n])
        torch.mul(h, inner, out=into[:, n : 2 * n])
        into[:, : 2 * n] *= gates - gates * gates
        back = into.clone()
        back[:, 2 * n :] *= r
        return into, back, carry


class Gru(nn.Module):
    """Gated recurrent unit; `bias=False` for the vocoder's, which have none."""

    def __init__(self, record: str, inputs: int, units: int, *, bias: bool = True):
        super().__init__()
        self.units = units
        kind = "learned" if bias else "none"
        self.input = Dense(f"{record}_input", inputs, 3 * units, bias=kind)
        self.recurrent = Dense(f"{record}_recurrent", units, 3 * units, bias=kind)
        for gate in range(3):
            nn.init.orthogonal_(self.recurrent.weight.data[gate * units : (gate + 1) * units])

    def cell(self, x: Tensor, state: Tensor) -> Tensor:
        """One step."""
        u, v, n = self.input(x), self.recurrent(state), self.units
        if torch.compiler.is_compiling():
            gates = torch.sigmoid(u[:, : 2 * n] + v[:, : 2 * n])
            candidate = torch.tanh(u[:, 2 * n :] + gates[:, n:] * v[:, 2 * n :])
            return candidate + gates[:, :n] * (state - candidate)
        return _without_autocast(_GruCell, u, v, state)

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """A sequence [batch, time, inputs] -> states [batch, time, units]."""
        if state is None:
            state = x.new_zeros(x.shape[0], self.units)
        bias = self.recurrent.bias
        if bias is None:
            bias = x.new_zeros(3 * self.units)
        return _without_autocast(_GruSequence, self.input(x), self.recurrent.matrix(), bias, state)


def set_fake_int8(module: nn.Module, active: bool) -> None:
    """Switches the rounding of weights to the int8 grid on or off in a whole network."""
    for layer in module.modules():
        if isinstance(layer, Dense):
            layer.fake_int8 = active


def keep_float(module: nn.Module) -> None:
    """Has all layers stored with float weights, to measure what int8 costs."""
    for layer in module.modules():
        if isinstance(layer, Dense):
            layer.int8 = False


def share_weights(module: nn.Module, active: bool) -> None:
    """`Dense.share` for a whole network that is called step by step."""
    for layer in module.modules():
        if isinstance(layer, Dense):
            layer.share(active)
