"""SparseLinear against a masked dense layer."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from chgraph import BipartiteGraph, as_bipartite
from chsnn import SparseLinear
from chsnn.layers import BACKENDS
from tests import zoo

SEEDS = st.integers(0, 2**32 - 1)
backends = pytest.mark.parametrize("backend", BACKENDS)


def layer_and_weight(graph, backend="auto", seed=0, **options):
    """A layer with random values and the same weight as a dense (n_out, n_in) matrix."""
    layer = SparseLinear(graph, backend=backend, **options)
    values = np.random.default_rng(seed).standard_normal(graph.n_links).astype(np.float32)
    layer.set_values(values)
    weight = np.zeros(graph.shape[::-1], dtype=np.float32)
    left, right = graph.links()
    weight[right, left] = values
    return layer, torch.from_numpy(weight)


@backends
def test_the_product_is_that_of_the_dense_weight(graph, backend):
    layer, weight = layer_and_weight(graph, backend)
    x = torch.randn(3, 5, graph.n_left, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(layer(x), functional.linear(x, weight))
    torch.testing.assert_close(layer(x[0]), functional.linear(x[0], weight))


@given(zoo.biadjacencies(), SEEDS, st.sampled_from(BACKENDS), st.booleans())
def test_gradients_are_those_of_the_dense_layer_on_the_links(matrix, seed, backend, bias):
    graph, generator = as_bipartite(matrix), torch.Generator().manual_seed(seed % 2**31)
    layer, weight = layer_and_weight(graph, backend, seed, bias=bias)
    x = torch.randn(4, 2, graph.n_left, generator=generator)
    mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    weight.requires_grad_()
    offset = torch.zeros(graph.n_right, requires_grad=True) if bias else None
    out, expected = layer(mine), functional.linear(theirs, weight, offset)
    torch.testing.assert_close(out, expected)
    gradient = torch.randn(out.shape, generator=generator)
    out.backward(gradient)
    expected.backward(gradient)
    left, right = graph.links()
    torch.testing.assert_close(layer.values.grad, weight.grad[right, left])
    torch.testing.assert_close(mine.grad, theirs.grad)
    if bias:
        torch.testing.assert_close(layer.bias.grad, offset.grad)


@backends
def test_gradients_pass_the_numerical_check(backend):
    layer, _ = layer_and_weight(zoo.GRAPHS["dense"], backend, bias=True)
    layer = layer.to(torch.float64)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 7, dtype=torch.float64, generator=generator, requires_grad=True)

    def product(x, values, bias):
        parameters = {"values": values, "bias": bias}
        return torch.func.functional_call(layer, parameters, (x,))

    assert torch.autograd.gradcheck(product, (x, layer.values, layer.bias))


@backends
def test_an_input_that_is_the_same_at_every_step_gives_the_same_result(backend):
    layer, _ = layer_and_weight(zoo.GRAPHS["sparse"], backend)
    image = torch.rand(5, 12, generator=torch.Generator().manual_seed(2))
    once, often = image.clone().requires_grad_(), image.clone().requires_grad_()
    constant, copied = layer(once.expand(6, 5, 12)), layer(often.repeat(6, 1, 1))
    torch.testing.assert_close(constant, copied)
    torch.testing.assert_close(layer(image.expand(6, 5, 12)), copied)
    constant.sum().backward()
    of_constant, layer.values.grad = layer.values.grad, None
    copied.sum().backward()
    torch.testing.assert_close(of_constant, layer.values.grad)
    torch.testing.assert_close(once.grad, often.grad)


def test_derived_weights_and_masks_are_as_torch_has_them(graph):
    layer, weight = layer_and_weight(graph)
    torch.testing.assert_close(layer.dense_weight(), weight, rtol=0, atol=0)
    np.testing.assert_array_equal(layer.weight_mask(), graph.biadjacency().toarray().T != 0)


def test_there_is_one_parameter_per_link(graph):
    layer = SparseLinear(graph)
    assert [(name, tuple(p.shape)) for name, p in layer.named_parameters()] == [
        ("values", (graph.n_links,))
    ]
    assert not layer.values.any()


@given(zoo.biadjacencies(), SEEDS)
def test_a_new_graph_carries_the_values_of_links_that_stay(matrix, seed):
    before = as_bipartite(matrix)
    after = as_bipartite(np.random.default_rng(seed).random(matrix.shape) < 0.5)
    layer, weight = layer_and_weight(before, seed=seed)
    source = layer.set_graph(after)
    assert layer.graph is after
    left, right = after.links()
    np.testing.assert_array_equal(source, before.link_ids(left, right))
    # Dense weights are 0 where there was no link, which is what new links start from.
    torch.testing.assert_close(layer.values, weight[right, left], rtol=0, atol=0, check_dtype=False)
    expected = torch.where(layer.weight_mask(), weight, 0)
    torch.testing.assert_close(layer.dense_weight(), expected, rtol=0, atol=0)
    x = torch.ones(2, matrix.shape[0])
    torch.testing.assert_close(layer(x), functional.linear(x, expected))


def test_new_links_take_the_values_given_to_them():
    layer, _ = layer_and_weight(BipartiteGraph.from_links([0, 1], [0, 1], (2, 2)))
    kept = layer.values[1].item()
    layer.set_graph(as_bipartite([[0, 1], [1, 1]]), new_values=[5.0, 6.0])
    assert layer.values.tolist() == [5.0, 6.0, kept]
    layer.set_graph(as_bipartite([[1, 1], [1, 1]]), new_values=7.0)
    assert layer.values.tolist() == [7.0, 5.0, 6.0, kept]


def test_the_parameter_object_survives_a_change_of_links():
    layer, _ = layer_and_weight(zoo.GRAPHS["path"])
    parameter = layer.values
    layer(torch.ones(1, 3)).sum().backward()
    layer.set_graph(zoo.GRAPHS["cycle"])
    assert layer.values is parameter
    assert parameter.grad is None
    layer(torch.ones(1, 3)).sum().backward()
    assert parameter.grad.shape == (6,)


def test_outputs_without_links_get_the_bias_alone():
    layer = SparseLinear(BipartiteGraph.from_links([], [], (3, 2)), bias=True)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([1.0, -2.0]))
    assert layer(torch.ones(1, 3)).tolist() == [[1.0, -2.0]]


@pytest.mark.parametrize(
    ("call", "error", "name"),
    [
        (lambda: SparseLinear(np.eye(3)), TypeError, "graph"),
        (lambda: SparseLinear(zoo.GRAPHS["path"], backend="cuda"), ValueError, "backend"),
        (lambda: SparseLinear(zoo.GRAPHS["path"]).set_values([1.0]), ValueError, "values"),
        (
            lambda: SparseLinear(zoo.GRAPHS["path"]).set_graph(zoo.GRAPHS["star"]),
            ValueError,
            "new_graph",
        ),
        (
            lambda: SparseLinear(zoo.GRAPHS["path"]).set_graph(
                zoo.GRAPHS["cycle"], new_values=[1.0]
            ),
            ValueError,
            "new_values",
        ),
    ],
)
def test_bad_input_is_named(call, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        call()


def test_a_refused_graph_changes_nothing():
    layer, weight = layer_and_weight(zoo.GRAPHS["path"])
    with pytest.raises(ValueError, match="new_values"):
        layer.set_graph(zoo.GRAPHS["cycle"], new_values=[1.0])
    assert layer.graph is zoo.GRAPHS["path"]
    torch.testing.assert_close(layer.dense_weight(), weight, rtol=0, atol=0)


def test_the_route_follows_the_density():
    narrow, wide = (as_bipartite(np.ones((4, n), dtype=int)) for n in (63, 64))
    few = as_bipartite(np.eye(4, 64, dtype=int))
    routes = [SparseLinear(g).uses_sparse_kernels for g in (narrow, wide, few)]
    assert routes == [True, False, True]
    assert SparseLinear(wide, backend="sparse").uses_sparse_kernels
    assert not SparseLinear(few, backend="dense").uses_sparse_kernels
