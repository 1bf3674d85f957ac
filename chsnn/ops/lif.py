"""Operations over time: LIF over all steps, and the mean of the steps, with their gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from chgraph.checks import check_choice, check_positive_int
from chsnn._kernels import lif as kernels
from chsnn._kernels.buffers import POOL
from chsnn._kernels.lif import Neuron, Strides
from chsnn._kernels.steps import mean_steps
from chsnn.ops.derivatives import first_derivative
from chsnn.ops.layout import DTYPES, as_result, as_tensor, check_cpu, feature_major, shares_memory
from chsnn.threads import kernel_threads

# Voltages one thread keeps over all steps in the backward: 32 KiB of float32.
PIECE_CACHE = 8192


@dataclass(frozen=True)
class TimeLayout:
    """How ``[T, ...]`` lies in memory: feature-major (a row per feature) or in torch's order."""

    rows: int
    size: int
    steps: int
    features_first: bool

    @classmethod
    def of(cls, x: Tensor, shape: tuple[int, ...], steps: int) -> TimeLayout:
        """Return the layout in which `x` lies, all steps or one, so that nothing is copied."""
        turned = x.dim() > 1 and not x.is_contiguous() and x.movedim(-1, 0).is_contiguous()
        rows = shape[-1] if turned else 1
        return cls(rows, math.prod(shape) // max(1, rows), steps, turned)

    @property
    def all_steps(self) -> Strides:
        """Strides of an array with all the steps."""
        if self.features_first:
            return Strides(self.size * self.steps, self.size)
        return Strides(0, self.size)

    @property
    def one_step(self) -> Strides:
        """Strides of an array with one step that stands for all."""
        return Strides(self.size if self.features_first else 0, 0)

    @property
    def neurons(self) -> int:
        """Voltages of one step."""
        return self.rows * self.size

    @property
    def operations(self) -> int:
        """Simple operations of all neurons over all steps, roughly."""
        return 5 * self.neurons * self.steps

    @property
    def of_one_step(self) -> TimeLayout:
        """The layout of arrays with one step that stands for all: one long row, no gaps."""
        return TimeLayout(1, self.neurons, self.steps, features_first=False)

    def for_kernel(self) -> kernels.Layout:
        """Return the numbers that the kernels take."""
        piece = min(512, max(64, PIECE_CACHE // max(1, self.steps)))
        return kernels.Layout(self.rows, self.size, self.steps, piece)

    def flat(self, x: Tensor) -> np.ndarray:
        """Return the memory of a tensor in this layout, ``[T, ...]`` or one step ``[...]``."""
        return feature_major(x) if self.features_first else x.detach().contiguous().view(-1).numpy()

    def tensor(self, flat: np.ndarray, shape: tuple[int, ...]) -> Tensor:
        """Return a tensor over the memory."""
        if self.features_first:
            return as_tensor(flat, shape)
        return as_result(torch.from_numpy(flat).view(shape))


class _LifOverTime(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, v0: Tensor | None, steps: int | None, neuron: Neuron
    ) -> tuple[Tensor, Tensor]:
        count = x.shape[0] if steps is None else steps
        repeated = steps is None and _is_repeated(x)
        source = x[0] if repeated else x
        constant = repeated or steps is not None
        shape = tuple(source.shape if constant else x.shape[1:])
        layout = TimeLayout.of(source, shape, count)
        x_at = layout.one_step if constant else layout.all_steps
        with kernel_threads(layout.operations):
            current = layout.flat(source)
            first = _zeros(layout.neurons, current) if v0 is None else layout.flat(v0)
            voltage = first.copy()
            z = POOL.empty(layout.neurons * count, current.dtype)
            kernels.lif_forward(
                current, x_at, voltage, z, layout.all_steps, layout.for_kernel(), neuron
            )
        ctx.save_for_backward(x if shares_memory(current, x) else None, v0)
        ctx.arrays, ctx.layout, ctx.neuron = (current, x_at, first), layout, neuron
        ctx.shapes, ctx.summed, ctx.dtype = (x.shape, shape), steps is not None, x.dtype
        ctx.set_materialize_grads(False)
        return layout.tensor(z, (count, *shape)), layout.tensor(voltage, shape)

    @staticmethod
    @first_derivative
    def backward(ctx: Any, gz: Tensor | None, gv: Tensor | None) -> tuple[Tensor | None, ...]:
        ctx.saved_tensors  # noqa: B018  unpacking notices an input changed in place
        (current, x_at, first), layout, neuron = ctx.arrays, ctx.layout, ctx.neuron
        neurons, every = layout.neurons, layout.all_steps
        gx_at = layout.one_step if ctx.summed else every
        gx = POOL.empty(neurons * (1 if ctx.summed else layout.steps), first.dtype)
        if gz is None:
            gz = torch.zeros(1, dtype=ctx.dtype).expand(layout.steps, *ctx.shapes[1])
        repeated = _is_repeated(gz)  # as the gradient of a mean over time is
        with kernel_threads(layout.operations):
            upper = layout.flat(gz[0] if repeated else gz)
            gz_at = layout.one_step if repeated else every
            carry = _zeros(neurons, first) if gv is None else layout.flat(gv).copy()
            lies = layout
            if x_at.time == gz_at.time == gx_at.time == 0:
                lies = layout.of_one_step
                x_at = gz_at = gx_at = lies.one_step
            kernels.lif_backward(
                current, x_at, first, upper, gz_at, carry, gx, gx_at, lies.for_kernel(), neuron
            )
        for_v = layout.tensor(carry, ctx.shapes[1]) if ctx.needs_input_grad[1] else None
        return layout.tensor(gx, ctx.shapes[0]), for_v, None, None


class _MeanOverTime(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.steps, *shape = x.shape
        layout = TimeLayout.of(x, tuple(shape), ctx.steps)
        with kernel_threads(layout.operations):
            flat = layout.flat(x)
            out = POOL.empty(layout.neurons, flat.dtype)
            mean_steps(flat, layout.all_steps, out, layout.for_kernel())
        return layout.tensor(out, tuple(shape))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # The same for every step, and held in memory once.
        return (gradient / ctx.steps).expand(ctx.steps, *gradient.shape)


def _zeros(count: int, like: np.ndarray) -> np.ndarray:
    return np.zeros(count, like.dtype)


def _is_repeated(x: Tensor) -> bool:
    """Whether all steps of ``[T, ...]`` are one and the same in memory."""
    return x.shape[0] > 1 and x.stride(0) == 0


def mean_over_time(x: Tensor) -> Tensor:
    """Return the mean over the first axis, on the CPU, in the memory layout of `x`.

    Parameters
    ----------
    x : Tensor of float32 or float64, shape (T, ...)

    Returns
    -------
    Tensor, shape (...)

    Raises
    ------
    ValueError
        If `x` is of another type or has no step.

    Notes
    -----
    Torch's own reduction of feature-major memory is an order of magnitude slower, and so is
    its sum of the gradient that this operation passes on as one step that stands for all.

    Examples
    --------
    >>> mean_over_time(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    tensor([1.0000, 0.5000])
    """
    check_cpu("x", x)
    if x.dim() == 0 or x.shape[0] == 0:
        raise ValueError(f"x must have at least one step, got shape {tuple(x.shape)}")
    return x[0] if _is_repeated(x) and not x.requires_grad else _MeanOverTime.apply(x)


def lif_over_time(
    x: Tensor,
    alpha: float,
    theta: float = 1.0,
    method: str = "super",
    surrogate_alpha: float = 100.0,
    *,
    v0: Tensor | None = None,
    steps: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Run leaky integrate-and-fire neurons over all time steps at once, on the CPU.

    The same numbers, forward and backward, as Norse's ``lif_box_feed_forward_step`` stepped over
    time with ``dt * tau_mem_inv = 1 - alpha`` and the input divided by it.

    Parameters
    ----------
    x : Tensor of float32 or float64, shape (T, ...)
        Input of each step; with `steps` one input, shape (...), that is the same at every step
        (its gradient is summed over time in the kernel).
    alpha : float
        Decay of the voltage in one step, in [0, 1]. It has no gradient, as the others here.
    theta : float
        Firing threshold.
    method : {"super", "triangle", "tanh", "circ", "heavi_erfc", "heaviside", "box"}
        Norse's surrogate gradient of the spike, or a box.
    surrogate_alpha : float
        Its parameter.
    v0 : Tensor, optional
        Voltage to start from, broadcast to (...); 0 by default.
    steps : int, optional
        How often the one input is shown.

    Returns
    -------
    spikes : Tensor of 0 and 1, shape (T, ...)
    v : Tensor, shape (...)
        Voltage after the last step.

    Raises
    ------
    ValueError
        If `method` is unknown, `alpha` lies outside [0, 1] or `x` is of another type.

    Examples
    --------
    >>> spikes, v = lif_over_time(torch.tensor([[0.8], [0.8], [0.8]]), alpha=0.5)
    >>> spikes.flatten().tolist(), v
    ([0.0, 1.0, 0.0], tensor([0.8000]))
    """
    neuron = as_neuron(x, alpha, theta, method, surrogate_alpha)
    if steps is not None:
        steps = check_positive_int("steps", steps)
    if v0 is not None:
        v0 = v0.to(x.dtype).expand(x.shape if steps is not None else x.shape[1:])
    return _LifOverTime.apply(x, v0, steps, neuron)


def as_neuron(x: Tensor, alpha: float, theta: float, method: str, surrogate_alpha: float) -> Neuron:
    """Return the numbers of the neuron in the precision of `x`, as Norse's parameters are."""
    if method not in kernels.METHODS:
        check_choice("method", method, tuple(kernels.METHODS))  # raises
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must lie in [0, 1], got {alpha}")
    check_cpu("x", x)
    number = DTYPES[x.dtype]
    d = number(1) - number(alpha)
    return Neuron(d, number(theta), kernels.METHODS[method], number(surrogate_alpha))
