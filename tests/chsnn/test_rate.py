"""Firing rates under a constant input, against the spikes themselves."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph
from chsnn.neurons import SURROGATES
from chsnn.ops import lif_over_time, lif_rate, mean_over_time, sparse_lif_rate, sparse_linear
from tests import zoo
from tests.chsnn.tensors import (
    DTYPES,
    LAYOUTS,
    assert_all_close,
    assert_all_equal,
    gradients,
    laid_out,
    random_graph,
    real,
    record_threads,
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("theta", [0.7, 1.0, -0.1])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 0.75, 1.0])
def test_the_rate_is_the_mean_of_the_spikes_and_so_is_its_gradient(alpha, theta, dtype, layout):
    x = real(7, 130, dtype=dtype)
    x[:, ::3] = 0  # neurons without links
    x[:, 1::7] = -x[:, 1::7].abs()
    x = laid_out(x, layout).requires_grad_()
    for method in SURROGATES:
        settings = (alpha, theta, method, 0.4)
        rate = lif_rate(x, *settings, steps=6)
        expected = mean_over_time(lif_over_time(x, *settings, steps=6)[0])
        assert 0 < rate.mean() < 1
        assert_all_equal((rate, lif_rate(x.detach(), *settings, steps=6)), (expected, expected))
        tolerance = 2e-6 if dtype == torch.float32 else 1e-14
        assert_all_close(gradients(rate, (x,)), gradients(expected, (x,)), tolerance)


def test_the_rate_passes_over_no_neuron_that_is_not_a_number():
    x = torch.zeros(1, 200)
    x[0, 150] = torch.nan
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(lif_rate(x, 0.5, 1.0, "triangle", 1.0, steps=4).sum(), x)
    assert gradient.isnan().nonzero().tolist() == [[0, 150]]


def test_the_rate_refuses_what_the_neurons_refuse():
    x = real(3, 4)
    for bad, name in (({"alpha": 2.0}, "alpha"), ({"method": "step"}, "method")):
        with pytest.raises(ValueError, match=name):
            lif_rate(x, **{"alpha": 0.5, **bad}, steps=3)
    with pytest.raises(ValueError, match="steps"):
        lif_rate(x, 0.5, steps=0)


# --------------------------------------------------------------------- sparse_lif_rate

NEURON = {"alpha": 0.5, "theta": 1.0, "method": "triangle", "surrogate_alpha": 0.3}


def two_operations(x, values, graph, bias, **settings):
    """What `sparse_lif_rate` does, one after the other."""
    return lif_rate(sparse_linear(x, values, graph, bias, look_for_spikes=False), **settings)


@given(
    st.one_of(st.sampled_from(list(zoo.BIADJACENCIES.values())), zoo.biadjacencies()),
    st.lists(st.integers(0, 5), max_size=3),
    st.sampled_from(LAYOUTS),
    st.sampled_from(DTYPES),
    st.sampled_from(SURROGATES),
    st.sampled_from([0.5, 1.0]),
    st.integers(0, 2**32 - 1),
)
def test_any_layer_in_one_operation_as_in_two(
    biadjacency, shape, layout, dtype, surrogate, theta, seed
):
    graph = BipartiteGraph.from_biadjacency(biadjacency)
    x = laid_out(real(*shape, graph.n_left, seed=seed, dtype=dtype), layout).requires_grad_()
    values = real(graph.n_links, seed=seed, dtype=dtype).requires_grad_()
    settings = {**NEURON, "theta": theta, "method": surrogate, "steps": 4}
    for bias in (None, real(graph.n_right, seed=seed, dtype=dtype).requires_grad_()):
        inputs = [x, values] if bias is None else [x, values, bias]
        got, want = (
            f(x, values, graph, bias, **settings) for f in (sparse_lif_rate, two_operations)
        )
        assert_all_equal((got,), (want,))
        assert_all_close(gradients(got, inputs), gradients(want, inputs), 1e-5)
        with torch.no_grad():
            assert_all_equal((sparse_lif_rate(x, values, graph, bias, **settings),), (want,))


def both(columns, n_right=70):
    """Rates and gradients of a layer in one operation and in two, where some get no link."""
    graph = random_graph(20, n_right, 0.1, seed=5)
    assert (np.diff(graph.right_offsets) == 0).any()
    x, values = real(columns, 20), real(graph.n_links, seed=6).requires_grad_()
    for operation in (sparse_lif_rate, two_operations):
        y = operation(x, values, graph, None, **NEURON, steps=8)
        yield (y, *gradients(y, (values,)))


@pytest.mark.parametrize("columns", [0, 1, 16, 63, 64, 65, 130, 256, 300])
def test_every_tail_of_the_columns(columns):
    (got, gradient), (want, expected) = both(columns)
    assert columns == 0 or 0 < got.mean() < 1
    assert_all_equal((got,), (want,))
    assert_all_close((gradient,), (expected,), 1e-5)


def test_one_thread_gives_the_bits_of_two(monkeypatch):
    threads_used = record_threads(monkeypatch)
    results = []
    for threads in (1, 2):
        threads_used.clear()
        torch.set_num_threads(threads)
        results.append([tensor for pair in both(2000, n_right=300) for tensor in pair])
        # Rates in one operation, product and rates in two, and the gradient of either's links.
        assert threads_used == [threads] * 5
    assert_all_equal(*results)


def test_neurons_without_links_fire_by_their_bias_only():
    graph = BipartiteGraph.from_links([0, 1], [0, 0], (2, 3))
    values = torch.ones(2, requires_grad=True)
    rate = sparse_lif_rate(torch.ones(4, 2), values, graph, **NEURON, steps=4)
    assert rate.tolist() == [[1.0, 0.0, 0.0]] * 4
    with_bias = sparse_lif_rate(
        torch.ones(4, 2), values, graph, torch.tensor([0.0, 2.0, -2.0]), **NEURON, steps=4
    )
    assert with_bias.tolist() == [[1.0, 1.0, 0.0]] * 4


@pytest.mark.parametrize("what", ["input", "values"])
def test_a_change_in_place_before_the_backward_is_noticed(what):
    graph = random_graph(6, 5, 0.4, seed=17)
    values = real(graph.n_links, seed=18).requires_grad_()
    x = real(6, 3).t()
    rate = sparse_lif_rate(x, values, graph, **NEURON, steps=3)
    with torch.no_grad():
        (x if what == "input" else values).add_(1)
    with pytest.raises(RuntimeError, match="inplace"):
        rate.sum().backward()


def test_a_layer_refuses_what_its_parts_refuse():
    graph = random_graph(6, 5, 0.4, seed=17)
    x, values = torch.ones(3, 6), torch.ones(graph.n_links)
    with pytest.raises(ValueError, match=r"^x must have 6 features"):
        sparse_lif_rate(torch.ones(3, 5), values, graph, **NEURON, steps=3)
    with pytest.raises(ValueError, match=r"^method"):
        sparse_lif_rate(x, values, graph, **{**NEURON, "method": "step"}, steps=3)
    with pytest.raises(ValueError, match=r"^steps"):
        sparse_lif_rate(x, values, graph, **NEURON, steps=0)
