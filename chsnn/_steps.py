"""A step of the LIF neuron with spikes that Norse does not have.

A box for the surrogate gradient: hardware can tell whether a potential is near its threshold, and
little more. And every surrogate as transforms of functions (``torch.func``) and programs that are
written down (``torch.export``) take it. The arithmetic of a step is Norse's
(``lif_box_feed_forward_step``, ``lif_feed_forward_step``), operation by operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from norse.torch.functional.lif import LIFParameters
from norse.torch.functional.lif_box import LIFBoxParameters
from torch import Tensor

from chsnn._plain_operations import is_captured

Spike = Callable[[Tensor, float], Tensor]  # of the potential above the threshold, and a parameter

# Of each surrogate, as Norse has it: the derivative at x, with parameter k.
_SLOPES: dict[str, Spike] = {
    "super": lambda x, _: 1 / (x.abs() + 1).square(),  # Norse 1.1 ignores the parameter
    "triangle": lambda x, k: k * (1 - x.abs()).clamp(min=0),
    "tanh": lambda x, k: 1 - (k * x).tanh().square(),
    "circ": lambda x, k: k**3 / (k * k + x * x).pow(1.5),
    "heavi_erfc": lambda x, k: 2 / math.sqrt(math.pi) * (-(k * x).square()).exp(),
    "box": lambda x, k: k * (x.abs() * (2 * k) < 1).to(x.dtype),
}


class _Spike(torch.autograd.Function):
    """A step at 0, whose derivative is taken to be that of a surrogate."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, surrogate: str, parameter: float) -> Tensor:
        return (x > 0).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        x, ctx.surrogate, ctx.parameter = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return gradient * _SLOPES[ctx.surrogate](x, ctx.parameter), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        (x,) = ctx.saved_tensors
        return tangent * _SLOPES[ctx.surrogate](x, ctx.parameter)


def _captured_spike(x: Tensor, surrogate: str, parameter: float) -> Tensor:
    """Return the same without a Function, which no program can hold: the derivative adds 0."""
    fired = (x > 0).to(x.dtype)
    # torch.jit.trace compares the program with one that it writes down without gradients.
    if not (torch.is_grad_enabled() or torch.jit.is_tracing()):
        return fired
    return fired + _SLOPES[surrogate](x.detach(), parameter) * (x - x.detach())


def spike_of(surrogate: str) -> Spike:
    """Return the spike with a surrogate derivative."""
    function = _captured_spike if is_captured() else _Spike.apply
    return lambda x, parameter: function(x, surrogate, parameter)


def step_with(
    spike: Spike,
    x: Tensor,
    v: Tensor,
    i: Tensor | None,
    p: LIFBoxParameters | LIFParameters,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Run one step from potential `v` and synaptic current `i` (None in the box model).

    Parameters
    ----------
    spike : callable
        From the potential above the threshold, and ``p.alpha``, to spikes.
    x : Tensor
        Input, as Norse's step takes it.
    v, i : Tensor
    p : LIFBoxParameters or LIFParameters
        Of leak and reset 0; `alpha` is the parameter of the surrogate.

    Returns
    -------
    z, v, i : Tensor
        Spikes, and the state after them.
    """
    if i is not None:
        x = i + x
        decayed = v + p.tau_mem_inv * ((p.v_leak - v) + x)
        i = x - p.tau_syn_inv * x
    else:
        decayed = v + p.tau_mem_inv * (x + p.v_leak - v)
    z = spike(decayed - p.v_th, float(p.alpha))
    return z, (1 - z) * decayed + z * p.v_reset, i
