"""Tensors in every memory layout, random graphs, and gradients to compare."""

from contextlib import contextmanager

import numba
import numpy as np
import pytest
import torch
from torch import nn

from chgraph import BipartiteGraph
from chsnn import SparseLinear, threads

LAYOUTS = ("row-major", "feature-major", "strided")
KINDS = ("real", "spikes", "rare spikes")
DTYPES = (torch.float32, torch.float64)


def random_graph(n_left, n_right, density, seed=0):
    rng = np.random.default_rng(seed)
    return BipartiteGraph.from_biadjacency(rng.random((n_left, n_right)) < density)


def real(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def spikes(*shape, rate=0.2, seed=0, dtype=torch.float32):
    chance = torch.rand(*shape, generator=torch.Generator().manual_seed(seed))
    return (chance < rate).to(dtype)


def draw(kind, *shape, seed=0, dtype=torch.float32):
    if kind == "real":
        return real(*shape, seed=seed, dtype=dtype)
    return spikes(*shape, rate=0.2 if kind == "spikes" else 0.004, seed=seed, dtype=dtype)


def feature_major(x):
    return x.movedim(-1, 0).contiguous().movedim(0, -1)


def laid_out(x, layout):
    """The same tensor with another order in memory."""
    if layout == "row-major":
        return x.contiguous()
    if layout == "feature-major":
        return feature_major(x)
    wide = torch.zeros(*x.shape[:-1], 2 * x.shape[-1], dtype=x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def dense_weight(graph, values):
    """The torch weight (n_out, n_in), differentiable in the values."""
    left, right = (torch.from_numpy(side) for side in graph.links())
    weight = torch.zeros(graph.shape[::-1], dtype=values.dtype)
    return weight.index_put((right, left), values)


def gradients(y, inputs, seed=9):
    return torch.autograd.grad(y, inputs, real(*y.shape, seed=seed, dtype=y.dtype))


def assert_all_close(got, want, tolerance=1e-4):
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def assert_all_equal(got, want):
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


def layer_and_twin(graph, kind=SparseLinear, *, seed=0, **options):
    """A layer with random values, and nn.Linear with the same weights, zeros where no link is."""
    layer = kind(graph, **options)
    layer.set_values(real(graph.n_links, seed=seed))
    twin = nn.Linear(*graph.shape, bias=layer.bias is not None)
    left, right = graph.links()
    with torch.no_grad():
        twin.weight.zero_()
        twin.weight[right, left] = layer.values
        if layer.bias is not None:
            layer.bias.copy_(real(graph.n_right, seed=seed + 1))
            twin.bias.copy_(layer.bias)
    return layer, twin


def at_links(layer, weight):
    """The entries of a dense (n_out, n_in) tensor at a layer's links."""
    left, right = layer.graph.links()
    return weight[right, left]


def record_threads(monkeypatch):
    """Return a list that takes the number of threads of every kernel launch; skip with only one."""
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("numba has one thread only")
    used = []

    limit = threads._NumbaLimit

    @contextmanager
    def recorded(n_threads):
        with limit(n_threads) as granted:
            used.append(granted)
            yield granted

    monkeypatch.setattr(threads, "_NumbaLimit", recorded)
    return used
