"""A step of the LIF neuron with a box for its surrogate gradient, which Norse does not have.

Hardware can tell whether a potential is near its threshold, and little more. The arithmetic is
Norse's (``lif_box_feed_forward_step``, ``lif_feed_forward_step``), operation by operation.
"""

from __future__ import annotations

from typing import Any

import torch
from norse.torch.functional.lif import LIFParameters
from norse.torch.functional.lif_box import LIFBoxParameters
from torch import Tensor


class _BoxSpike(torch.autograd.Function):
    """A step at 0, whose derivative is taken to be a box of height `height` and area 1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, height: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.height = height
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        inside = x.abs() * (2.0 * ctx.height) < 1.0
        return gradient * inside.to(gradient.dtype) * ctx.height, None


def step_with_box(
    x: Tensor, v: Tensor, i: Tensor | None, p: LIFBoxParameters | LIFParameters
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Run one step from potential `v` and synaptic current `i` (None in the box model).

    Parameters
    ----------
    x : Tensor
        Input, as Norse's step takes it.
    v, i : Tensor
    p : LIFBoxParameters or LIFParameters
        Of leak and reset 0; `alpha` is the height of the box.

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
    z = _BoxSpike.apply(decayed - p.v_th, float(p.alpha))
    return z, (1 - z) * decayed + z * p.v_reset, i
