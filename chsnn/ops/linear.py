"""The sparse linear map with its gradients: every product costs O(links x columns)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from chgraph.graph import BipartiteGraph
from chsnn._kernels import links as kernels
from chsnn._kernels.buffers import POOL
from chsnn._on_links import plain
from chsnn.ops.derivatives import first_derivative
from chsnn.ops.layout import DTYPES, as_tensor, check_cpu, feature_major, shares_memory
from chsnn.threads import kernel_threads

# What graph the values belong to by the time of the backward pass.
Current = Callable[[], BipartiteGraph]
# Bounds of the threads' rows, offsets, neighbors, weights and what the sums start from.
Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Input:
    """A layer's input as the kernels read it: real values, or (`words` > 0) spikes as bits."""

    columns: int
    data: np.ndarray
    words: int = 0


def _read_input(x: Tensor, look: bool) -> Input:
    """Read spikes if every value is 0 or 1, otherwise (or unless to `look`) real values."""
    columns = math.prod(x.shape[:-1])
    spikes = _pack(x, columns) if look and x.numel() and _may_be_spikes(x) else None
    return spikes or Input(columns, feature_major(x))


def _may_be_spikes(x: Tensor) -> bool:
    """Whether the first sample is binary: real values mostly show there, without a whole pass."""
    first = x.detach()[(0,) * (x.dim() - 1)].numpy()
    return bool(((first == 0) | (first == 1)).all())


def _pack(x: Tensor, columns: int) -> Input | None:
    """Return the bits of `x`, None if it is not binary."""
    features, words = x.shape[-1], (columns + kernels.WORD - 1) // kernels.WORD
    bits = POOL.empty(features * words, np.uint64)
    moved = x.detach().movedim(-1, 0)
    if moved.is_contiguous():
        ok = np.empty(features, np.bool_)
        kernels.pack_rows(moved.reshape(-1).numpy(), features, columns, bits, words, ok)
    else:
        ok = np.empty(words, np.bool_)
        flat = x.detach().contiguous().view(-1).numpy()
        kernels.pack_columns(flat, features, columns, bits, words, ok)
    return Input(columns, bits, words) if ok.all() else None


def _forward(
    source: Input, values: np.ndarray, bias: np.ndarray, graph: BipartiteGraph, threads: int
) -> np.ndarray:
    rows = weighted_rows(values, bias, graph, threads)
    out = POOL.empty(graph.n_right * source.columns, values.dtype)
    if source.words:
        kernels.spike_product(*rows, source.data, source.words, source.columns, out)
    else:
        kernels.product(*rows, source.data, source.columns, out)
    return out


def weighted_rows(
    values: np.ndarray, bias: np.ndarray, graph: BipartiteGraph, threads: int
) -> Rows:
    """Return what the products take of a layer: a row of weighted links for every output."""
    weights = POOL.empty(values.size, values.dtype)
    kernels.take(values, graph.right_links, weights)
    bounds = _row_bounds(graph.right_offsets, threads)
    return bounds, graph.right_offsets, graph.right_neighbors, weights, bias


def _row_bounds(offsets: np.ndarray, threads: int) -> np.ndarray:
    """Cut rows into as many runs of about equal work as there are threads."""
    whole = threads == 1  # not worth the call of a kernel
    return np.array((0, offsets.size - 1)) if whole else kernels.row_bounds(offsets, threads)


def _input_gradient(
    g: np.ndarray, values: np.ndarray, columns: int, graph: BipartiteGraph, threads: int
) -> np.ndarray:
    bounds = _row_bounds(graph.left_offsets, threads)
    out = POOL.empty(graph.n_left * columns, values.dtype)
    nothing = np.zeros(graph.n_left, values.dtype)
    head = (bounds, graph.left_offsets, graph.left_neighbors, values, nothing)
    kernels.product(*head, g, columns, out)
    return out


def _value_gradient(
    g: np.ndarray, source: Input, graph: BipartiteGraph, threads: int
) -> np.ndarray:
    bounds = _row_bounds(graph.right_offsets, threads)
    out = np.empty(graph.n_links, g.dtype)
    head = (bounds, graph.right_offsets, graph.right_neighbors, graph.right_links)
    if source.words:
        kernels.spike_link_gradient(*head, source.data, source.words, source.columns, g, out)
    else:
        kernels.link_gradient(*head, source.data, source.columns, g, out)
    return out


def _bias_gradient(g: np.ndarray, columns: int, graph: BipartiteGraph) -> np.ndarray:
    out = np.empty(graph.n_right, g.dtype)
    kernels.row_sums(g, graph.n_right, columns, out)
    return out


def layer_gradients(
    ctx: Any, g: np.ndarray, values: Tensor, threads: int
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients of input, values and bias that are needed, `g` being the output's.

    The context holds the graph, the `source` read in the forward and the shape of the input.
    """
    graph, columns = ctx.graph, ctx.source.columns
    for_x = for_values = for_bias = None
    if ctx.needs_input_grad[0]:
        lower = _input_gradient(g, numbers_of(values), columns, graph, threads)
        for_x = as_tensor(lower, ctx.shape)
    if ctx.needs_input_grad[1]:
        for_values = torch.from_numpy(_value_gradient(g, ctx.source, graph, threads))
    if ctx.needs_input_grad[2]:
        for_bias = torch.from_numpy(_bias_gradient(g, columns, graph))
    return for_x, for_values, for_bias


def bias_or_zeros(bias: Tensor | None, graph: BipartiteGraph, like: np.ndarray) -> np.ndarray:
    """Return what the sum of every output starts from."""
    return np.zeros(graph.n_right, like.dtype) if bias is None else numbers_of(bias)


class _SparseLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        values: Tensor,
        bias: Tensor | None,
        graph: BipartiteGraph,
        look: bool,
        current: Current | None,
    ) -> Tensor:
        numbers = numbers_of(values)
        start = bias_or_zeros(bias, graph, numbers)
        with kernel_threads(operations(x, graph)) as threads:
            source = _read_input(x, look)
            out = _forward(source, numbers, start, graph, threads)
        ctx.save_for_backward(values, x if shares_memory(source.data, x) else None)
        ctx.graph, ctx.shape, ctx.current = graph, x.shape, current
        # Without a gradient of the values only the width of the input is of use.
        ctx.source = source if ctx.needs_input_grad[1] else Input(source.columns, np.empty(0))
        return as_tensor(out, (*x.shape[:-1], graph.n_right))

    @staticmethod
    @first_derivative
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        check_same_graph(ctx.graph, ctx.current)
        values = ctx.saved_tensors[0]  # unpacking notices an input or weights changed in place
        with kernel_threads(operations(gradient, ctx.graph)) as threads:
            found = layer_gradients(ctx, feature_major(gradient), values, threads)
        return *found, None, None, None


def check_same_graph(graph: BipartiteGraph, current: Current | None) -> None:
    """Raise if the values have got other links since the forward pass.

    Raises
    ------
    RuntimeError
        If so: the gradients would go to the wrong links.
    """
    if current is not None and current() is not graph:
        raise RuntimeError(
            "the graph of a layer was changed between forward and backward: its gradients belong "
            "to links that are gone; change graphs after backward(), or run the forward pass again"
        )


def operations(x: Tensor, graph: BipartiteGraph) -> int:
    """Return the multiply-adds of a product over the links, for every column of `x`."""
    return graph.n_links * math.prod(x.shape[:-1]) + x.numel()


def numbers_of(parameter: Tensor) -> np.ndarray:
    """Return the memory of a parameter."""
    return plain(parameter).detach().contiguous().numpy()


def sparse_linear(
    x: Tensor,
    values: Tensor,
    graph: BipartiteGraph,
    bias: Tensor | None = None,
    *,
    look_for_spikes: bool = True,
    current: Current | None = None,
) -> Tensor:
    """Multiply by a weight that exists at the links of a graph only, on the CPU.

    ``y[..., j] = bias[j] + sum over the links (i, j) of values[i, j] * x[..., i]``. The product
    and each gradient cost O(links x columns), with the columns all the leading axes; no
    ``(n_in, n_out)`` array is made. The sums have one fixed order: the result does not depend on
    the number of threads. A constant input (expanded: stride 0 in its first axis) is
    multiplied once.

    Parameters
    ----------
    x : Tensor of float32 or float64, shape (..., n_in)
    values : Tensor of the same type, shape (n_links,)
        In the graph's link order.
    graph : BipartiteGraph
        Inputs left, outputs right.
    bias : Tensor, optional, shape (n_out,)
    look_for_spikes : bool
        Whether to see if `x` holds only zeros and ones, one pass over it. Such an input is
        packed to bits: less than half the time, and a thirtieth of the memory kept for the
        backward.
    current : callable, optional
        Returns the graph that the values have when the backward pass comes; one that is not
        `graph` any more makes it raise.

    Returns
    -------
    Tensor, shape (..., n_out)
        Feature-major in memory, see ``chsnn.ops.layout``.

    Raises
    ------
    ValueError
        If shapes or types do not fit the graph.

    Examples
    --------
    >>> graph = BipartiteGraph.from_biadjacency([[1, 0], [1, 1], [0, 1]])
    >>> sparse_linear(torch.ones(1, 3), torch.tensor([1.0, 2.0, 3.0, 4.0]), graph)
    tensor([[3., 7.]])
    """
    check_fit(x, values, graph, bias)
    if x.dim() > 1 and x.shape[0] > 1 and x.stride(0) == 0 and not x.requires_grad:
        once = _SparseLinear.apply(x[0], values, bias, graph, look_for_spikes, current)
        return once.expand(x.shape[0], *once.shape)
    return _SparseLinear.apply(x, values, bias, graph, look_for_spikes, current)


def check_fit(x: Tensor, values: Tensor, graph: BipartiteGraph, bias: Tensor | None) -> None:
    """Raise ValueError unless input and parameters fit the graph."""
    is_plain = x.dtype in DTYPES and x.is_cpu and x.shape[-1] == graph.n_left
    if (
        is_plain
        and _is_like(x, values, graph.n_links)
        and (bias is None or _is_like(x, bias, graph.n_right))
    ):
        return  # what nearly every call is, found out fast
    check_cpu("x", x)
    if x.shape[-1] != graph.n_left:
        raise ValueError(f"x must have {graph.n_left} features, got {x.shape[-1]}")
    parameters = [("values", values, graph.n_links)]
    if bias is not None:
        parameters.append(("bias", bias, graph.n_right))
    for name, parameter, size in parameters:
        check_cpu(name, parameter)
        if parameter.shape != (size,):
            raise ValueError(f"{name} must have shape ({size},), got {tuple(parameter.shape)}")
        if parameter.dtype != x.dtype:
            raise ValueError(f"{name} must be {x.dtype} as x is, got {parameter.dtype}")


def _is_like(x: Tensor, parameter: Tensor, size: int) -> bool:
    return parameter.is_cpu and parameter.dtype == x.dtype and parameter.shape == (size,)
