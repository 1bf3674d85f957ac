"""Firing rates under a constant input, with their gradients: the steps are never written down."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from chgraph.checks import check_positive_int
from chgraph.graph import BipartiteGraph
from chsnn._kernels import rate
from chsnn._kernels.buffers import POOL
from chsnn._kernels.lif import Neuron
from chsnn.ops.derivatives import first_derivative
from chsnn.ops.layout import as_tensor, feature_major, shares_memory
from chsnn.ops.lif import TimeLayout, as_neuron
from chsnn.ops.linear import (
    Current,
    Input,
    bias_or_zeros,
    check_fit,
    check_same_graph,
    layer_gradients,
    numbers_of,
    operations,
    weighted_rows,
)
from chsnn.threads import kernel_threads

Watch = Callable[[Tensor], None]


class _LifRate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: int, neuron: Neuron) -> Tensor:
        layout = TimeLayout.of(x, tuple(x.shape), steps)
        with kernel_threads(layout.operations):
            current = layout.flat(x)
            out = POOL.empty(current.size, current.dtype)
            slope = POOL.empty(current.size if ctx.needs_input_grad[0] else 0, current.dtype)
            rate.lif_rate(current, out, slope, steps, neuron)
        if ctx.needs_input_grad[0]:
            ctx.slope = layout.tensor(slope, tuple(x.shape))
        return layout.tensor(out, tuple(x.shape))

    @staticmethod
    @first_derivative
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return gradient * ctx.slope, None, None


class _SparseLifRate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        values: Tensor,
        bias: Tensor | None,
        graph: BipartiteGraph,
        steps: int,
        neuron: Neuron,
        current: Current | None,
        watch: Watch | None,
    ) -> Tensor:
        numbers = numbers_of(values)
        start = bias_or_zeros(bias, graph, numbers)
        columns = math.prod(x.shape[:-1])
        size = graph.n_right * columns
        out = POOL.empty(size, numbers.dtype)
        slope = POOL.empty(size if any(ctx.needs_input_grad) else 0, numbers.dtype)
        with kernel_threads(operations(x, graph) + 5 * size * steps) as threads:
            flat = feature_major(x)
            rows = weighted_rows(numbers, start, graph, threads)
            rate.product_rate(*rows, flat, columns, out, slope, steps, neuron)
        ctx.save_for_backward(values, x if shares_memory(flat, x) else None)
        ctx.graph, ctx.shape, ctx.source, ctx.slope = graph, x.shape, Input(columns, flat), slope
        ctx.current, ctx.watch = current, watch
        return as_tensor(out, (*x.shape[:-1], graph.n_right))

    @staticmethod
    @first_derivative
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        check_same_graph(ctx.graph, ctx.current)
        values = ctx.saved_tensors[0]  # unpacking notices an input or weights changed in place
        with kernel_threads(operations(gradient, ctx.graph)) as threads:
            g = POOL.empty(ctx.slope.size, ctx.slope.dtype)
            np.multiply(feature_major(gradient), ctx.slope, out=g)
            found = layer_gradients(ctx, g, values, threads)
        if ctx.watch is not None:
            ctx.watch(as_tensor(g, gradient.shape))
        return *found, None, None, None, None, None


def lif_rate(
    x: Tensor,
    alpha: float,
    theta: float = 1.0,
    method: str = "super",
    surrogate_alpha: float = 100.0,
    *,
    steps: int,
) -> Tensor:
    """Return the mean spikes over time of neurons at rest that get one input `steps` times.

    The numbers of :func:`lif_over_time` and :func:`mean_over_time`, the rates bit for bit and
    their gradient to rounding; but the spikes are never written down, the gradient is computed
    on the way, and neurons that nothing drives cost nothing: a third of the time and less.

    Parameters
    ----------
    x : Tensor of float32 or float64, shape (...)
    alpha, theta, method, surrogate_alpha
        As for :func:`lif_over_time`.
    steps : int

    Returns
    -------
    Tensor, shape (...)

    Raises
    ------
    ValueError
        As from :func:`lif_over_time`.

    Examples
    --------
    >>> lif_rate(torch.tensor([0.4, 0.8, 2.0]), alpha=0.5, steps=4)
    tensor([0.0000, 0.5000, 1.0000])
    """
    neuron = as_neuron(x, alpha, theta, method, surrogate_alpha)
    return _LifRate.apply(x, check_positive_int("steps", steps), neuron)


def sparse_lif_rate(
    x: Tensor,
    values: Tensor,
    graph: BipartiteGraph,
    bias: Tensor | None = None,
    *,
    alpha: float,
    theta: float = 1.0,
    method: str = "super",
    surrogate_alpha: float = 100.0,
    steps: int,
    current: Current | None = None,
    watch: Watch | None = None,
) -> Tensor:
    """Return the firing rates of neurons behind the links of a graph, for a constant input.

    :func:`lif_rate` of :func:`sparse_linear` in one: what the neurons receive never leaves the
    cache, and neurons without links are not simulated.

    Parameters
    ----------
    x, values, graph, bias
        As for :func:`sparse_linear`; `x` is one step, that is shown `steps` times.
    alpha, theta, method, surrogate_alpha, steps
        As for :func:`lif_rate`.
    current : callable, optional
        As for :func:`sparse_linear`.
    watch : callable, optional
        Called in the backward pass with the gradient of what the neurons receive, summed over
        the steps, shape (..., n_out).

    Returns
    -------
    Tensor, shape (..., n_out)

    Raises
    ------
    ValueError
        As from :func:`sparse_linear` and :func:`lif_rate`.

    Examples
    --------
    >>> graph = BipartiteGraph.from_biadjacency([[1, 0], [1, 1], [0, 1]])
    >>> values = torch.tensor([0.4, 0.4, 1.0, 1.0])
    >>> sparse_lif_rate(torch.ones(1, 3), values, graph, alpha=0.5, steps=4)
    tensor([[0.5000, 1.0000]])
    """
    check_fit(x, values, graph, bias)
    neuron = as_neuron(x, alpha, theta, method, surrogate_alpha)
    steps = check_positive_int("steps", steps)
    return _SparseLifRate.apply(x, values, bias, graph, steps, neuron, current, watch)
