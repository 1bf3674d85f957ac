"""The dense side of a layer: all steps in one product, and no work for inputs that do not fire.

Row-major in and out (torch's own order). The weight is ``(n_in, n_out)``: that is the link order
of a full graph, so ``values.view(n_in, n_out)`` needs no copy, and the weights of one input are
one contiguous row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from chgraph.graph import BipartiteGraph
from chgraph.jit import frozen
from chsnn._kernels import events as event_kernels
from chsnn._kernels import links as kernels
from chsnn._kernels.buffers import POOL
from chsnn.ops.derivatives import first_derivative
from chsnn.ops.layout import as_result, check_cpu
from chsnn.ops.linear import Current, check_same_graph
from chsnn.threads import kernel_threads

# Firing rate under which summing the rows that fire beats the matrix product (measured).
SKIP_BELOW = 0.2
# Narrower weight rows are too short a stream: the matrix product is used.
FEWEST_OUTPUTS = 64


@dataclass(frozen=True)
class _Events:
    """The features that spike in every line, as neighbor lists."""

    offsets: np.ndarray
    features: np.ndarray


def _events(lines: Tensor) -> _Events | None:
    """Return the spikes of every line; None if the input is not binary or fires too often."""
    count, features = lines.shape
    flat = lines.detach().view(-1).numpy()
    counts, ok = np.empty(count, np.int64), np.empty(count, np.bool_)
    event_kernels.count_line_spikes(flat, count, features, counts, ok)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    if not ok.all() or offsets[-1] >= SKIP_BELOW * lines.numel():
        return None
    events = np.empty(offsets[-1] + 1, np.int32)
    event_kernels.list_line_spikes(flat, count, features, offsets, events)
    return _Events(frozen(offsets), frozen(events[: offsets[-1]]))


def _turned(events: _Events, features: int) -> _Events:
    """Return the lines in which every feature spikes."""
    offsets, lines = event_kernels.turn_events(events.offsets, events.features, features)
    return _Events(frozen(offsets), frozen(lines))


def _sum_rows(events: _Events, rows: Tensor, threads: int) -> Tensor:
    """Return line by line the sum of the rows of a matrix that the line's events name."""
    flat, width = rows.detach().view(-1).numpy(), rows.shape[1]
    lines = events.offsets.size - 1
    out = POOL.empty(lines * width, flat.dtype)
    bounds = kernels.row_bounds(events.offsets, threads)
    ones, start = np.ones(events.features.size, flat.dtype), np.zeros(lines, flat.dtype)
    kernels.product(bounds, events.offsets, events.features, ones, start, flat, width, out)
    return as_result(torch.from_numpy(out).view(lines, width))


class _DenseLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        lines: Tensor,
        weight: Tensor,
        graph: BipartiteGraph | None,
        current: Current | None,
    ) -> Tensor:
        ctx.events, ctx.graph, ctx.current = None, graph, current
        if weight.shape[1] >= FEWEST_OUTPUTS and lines.numel():
            with kernel_threads(SKIP_BELOW * lines.numel() * weight.shape[1]) as threads:
                ctx.events = _events(lines)
                if ctx.events is not None:
                    ctx.save_for_backward(None, weight)
                    ctx.n_in = lines.shape[1]
                    return _sum_rows(ctx.events, weight, threads)
        ctx.save_for_backward(lines, weight)
        return lines @ weight

    @staticmethod
    @first_derivative
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.graph is not None:
            check_same_graph(ctx.graph, ctx.current)
        lines, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        for_lines = gradient @ weight.t() if ctx.needs_input_grad[0] else None
        if not ctx.needs_input_grad[1]:
            return for_lines, None, None, None
        if ctx.events is None:
            return for_lines, lines.t() @ gradient, None, None
        with kernel_threads(ctx.events.features.size * gradient.shape[1]) as threads:
            turned = _turned(ctx.events, ctx.n_in)
            return for_lines, _sum_rows(turned, gradient, threads), None, None


def dense_linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    graph: BipartiteGraph | None = None,
    current: Current | None = None,
) -> Tensor:
    """Multiply by a dense weight, all leading axes at once, on the CPU.

    A binary input that fires rarely (measured each time) costs its firing rate times the
    product, forward and for the weight gradient. A constant input (expanded: stride 0 in its
    first axis) is multiplied once.

    Parameters
    ----------
    x : Tensor of float32 or float64, shape (..., n_in)
    weight : Tensor of the same type, shape (n_in, n_out)
    bias : Tensor, optional, shape (n_out,)
    graph : BipartiteGraph, optional
        The full graph whose link values are the weight.
    current : callable, optional
        As for :func:`chsnn.ops.sparse_linear`; with `graph`.

    Returns
    -------
    Tensor, shape (..., n_out)

    Raises
    ------
    ValueError
        If shapes or types do not fit.

    Examples
    --------
    >>> dense_linear(torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.]])
    """
    check_cpu("x", x)
    if weight.ndim != 2 or x.shape[-1] != weight.shape[0]:
        raise ValueError(
            f"weight must have shape ({x.shape[-1]}, n_out) for this x, got {tuple(weight.shape)}"
        )
    if x.dtype != weight.dtype:
        raise ValueError(f"weight must be {x.dtype} as x is, got {weight.dtype}")
    if x.dim() > 1 and x.shape[0] > 1 and x.stride(0) == 0 and not x.requires_grad:
        once = dense_linear(x[0], weight, bias, graph=graph, current=current)
        return once.expand(x.shape[0], *once.shape)
    lines = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]).contiguous()
    y = _DenseLinear.apply(lines, weight.contiguous(), graph, current)
    y = y.view(*x.shape[:-1], weight.shape[1])
    return y if bias is None else y + bias


class _Scatter(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        places: Tensor,
        graph: BipartiteGraph,
        current: Current | None,
    ) -> Tensor:
        ctx.places, ctx.graph, ctx.current = places, graph, current
        n_in, n_out = graph.shape
        weight = values.new_zeros(n_out * n_in).scatter_(0, places, values)
        return as_result(weight.view(n_out, n_in))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        check_same_graph(ctx.graph, ctx.current)
        return gradient.reshape(-1)[ctx.places], None, None, None


def scatter_links(
    values: Tensor, places: Tensor, graph: BipartiteGraph, current: Current | None = None
) -> Tensor:
    """Write the values of links into a dense weight, zeros where there is no link.

    Parameters
    ----------
    values : Tensor, shape (n_links,)
    places : Tensor of int64, shape (n_links,)
        Position of every link in the flattened (n_out, n_in) weight.
    graph : BipartiteGraph
    current : callable, optional
        As for :func:`chsnn.ops.sparse_linear`.

    Returns
    -------
    Tensor, shape (n_out, n_in)

    Examples
    --------
    >>> import torch
    >>> import chgraph
    >>> layer = chgraph.BipartiteGraph.from_biadjacency([[1, 0], [1, 1]])
    >>> values = torch.tensor([1.0, 2.0, 3.0])
    >>> left, right = layer.links()
    >>> places = torch.from_numpy(right * layer.n_left + left)
    >>> scatter_links(values, places, layer)
    tensor([[1., 2.],
            [0., 3.]])
    """
    return _Scatter.apply(values, places, graph, current)
