"""Tensors in every memory layout, random graphs, and gradients to compare."""

import numpy as np
import torch

from chgraph import BipartiteGraph

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
