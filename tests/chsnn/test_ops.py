"""The CPU operations against dense algebra, Norse stepped over time, and other thread counts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from chgraph import BipartiteGraph
from chsnn._kernels.buffers import SMALLEST, BufferPool
from chsnn.ops import (
    count_events,
    dense,
    dense_linear,
    layout,
    lif_over_time,
    mean_over_time,
    sparse_linear,
)
from tests import zoo
from tests.chsnn.tensors import (
    DTYPES,
    KINDS,
    LAYOUTS,
    assert_all_close,
    assert_all_equal,
    dense_weight,
    draw,
    feature_major,
    gradients,
    laid_out,
    random_graph,
    real,
    record_threads,
    spikes,
)

SEEDS = st.integers(0, 2**32 - 1)


# ---------------------------------------------------------------------- sparse_linear


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(8, 40), (5, 3), (1, 1), (300,), (3, 2, 130)])
def test_the_sparse_product_and_its_gradients_are_the_dense_ones(shape, kind, layout):
    graph = random_graph(50, 70, 0.1, seed=1)
    plain = draw(kind, *shape, 50).requires_grad_()
    x = laid_out(plain.detach(), layout).requires_grad_()
    values, bias = real(graph.n_links, seed=2).requires_grad_(), real(70, seed=3).requires_grad_()
    y = sparse_linear(x, values, graph, bias)
    expected = functional.linear(plain, dense_weight(graph, values), bias)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    assert_all_close(gradients(y, (x, values, bias)), gradients(expected, (plain, values, bias)))


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("columns", [0, 1, 15, 16, 63, 64, 65, 128, 255, 256, 257, 300, 1024])
def test_every_tail_of_the_column_tiles(columns, kind):
    graph = random_graph(20, 9, 0.3, seed=5)
    x = feature_major(draw(kind, columns, 20)).requires_grad_()
    values = real(graph.n_links, seed=6).requires_grad_()
    y, expected = sparse_linear(x, values, graph), x @ dense_weight(graph, values).T
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    assert_all_close(gradients(y, (x, values)), gradients(expected, (x, values)))


@given(
    st.one_of(st.sampled_from(list(zoo.BIADJACENCIES.values())), zoo.biadjacencies()),
    st.lists(st.integers(0, 5), max_size=3),
    st.sampled_from(KINDS),
    st.sampled_from(LAYOUTS),
    st.sampled_from(DTYPES),
    st.booleans(),
    SEEDS,
)
def test_any_graph_and_any_shape(biadjacency, shape, kind, layout, dtype, look, seed):
    graph = BipartiteGraph.from_biadjacency(biadjacency)
    x = draw(kind, *shape, graph.n_left, seed=seed, dtype=dtype)
    x = laid_out(x, layout).requires_grad_()
    values = real(graph.n_links, seed=seed, dtype=dtype).requires_grad_()
    bias = real(graph.n_right, seed=seed, dtype=dtype).requires_grad_()
    y = sparse_linear(x, values, graph, bias, look_for_spikes=look)
    expected = functional.linear(x, dense_weight(graph, values), bias)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    assert_all_close(gradients(y, (x, values, bias)), gradients(expected, (x, values, bias)))


@pytest.mark.parametrize("kind", KINDS[:2])
def test_the_gradients_are_those_of_finite_differences(kind):
    graph = random_graph(6, 5, 0.5, seed=8)
    values = real(graph.n_links, seed=9, dtype=torch.float64).requires_grad_()
    bias = real(5, seed=10, dtype=torch.float64).requires_grad_()
    x = draw(kind, 3, 2, 6, dtype=torch.float64).requires_grad_(kind == "real")
    assert torch.autograd.gradcheck(
        lambda x, values, bias: sparse_linear(x, values, graph, bias), (x, values, bias)
    )


def test_a_layer_may_be_used_twice_in_one_graph():
    graph = random_graph(12, 12, 0.3, seed=11)
    values = real(graph.n_links, seed=12, dtype=torch.float64).requires_grad_()
    x = real(4, 12, dtype=torch.float64).requires_grad_()
    once = sparse_linear(x, values, graph)
    y = sparse_linear(once, values, graph) + once
    weight = dense_weight(graph, values)
    expected = x @ weight.T @ weight.T + x @ weight.T
    assert_all_close(gradients(y, (x, values)), gradients(expected, (x, values)), 1e-12)


@pytest.mark.parametrize("name", ["no links", "isolated nodes"])
def test_rows_without_links_give_the_bias_and_no_gradient(name):
    graph = zoo.GRAPHS[name]
    values = torch.ones(graph.n_links, requires_grad=True)
    x, bias = real(3, graph.n_left).requires_grad_(), real(graph.n_right, seed=1)
    y = sparse_linear(x, values, graph, bias)
    unlinked = graph.right_degree == 0
    assert unlinked.any()
    assert torch.equal(y[:, unlinked], bias.expand(3, -1)[:, unlinked])
    y.sum().backward()
    assert values.grad.shape == (graph.n_links,)
    assert (x.grad[:, graph.left_degree == 0] == 0).all()


def test_an_empty_batch_passes_through_forward_and_backward():
    graph = random_graph(4, 3, 0.5, seed=13)
    values = torch.ones(graph.n_links, requires_grad=True)
    z, v = lif_over_time(sparse_linear(torch.zeros(8, 0, 4), values, graph), 0.5)
    assert (z.shape, v.shape) == ((8, 0, 3), (0, 3))
    z.sum().backward()
    assert (values.grad == 0).all()


def test_a_constant_input_is_multiplied_once():
    graph = random_graph(30, 20, 0.2, seed=14)
    values = real(graph.n_links, seed=15).requires_grad_()
    image = real(7, 30)
    y = sparse_linear(image.expand(8, 7, 30), values, graph)
    assert y.shape == (8, 7, 20)
    assert y.stride(0) == 0
    expected = (image @ dense_weight(graph, values).T).expand(8, 7, 20)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    assert_all_close(gradients(y, (values,)), gradients(expected, (values,)))


def test_an_expanded_input_with_gradient_gets_one_gradient_per_step():
    graph = random_graph(6, 5, 0.4, seed=17)
    values, x = real(graph.n_links, seed=18), real(2, 6).requires_grad_()
    y = sparse_linear(x.expand(4, 2, 6), values, graph)
    expected = x.expand(4, 2, 6) @ dense_weight(graph, values).T
    assert_all_close(gradients(y, (x,)), gradients(expected, (x,)), 1e-5)


@pytest.mark.parametrize("what", ["input", "values"])
def test_a_change_in_place_before_the_backward_is_noticed(what):
    graph = random_graph(6, 5, 0.4, seed=17)
    values = real(graph.n_links, seed=18).requires_grad_()
    x = feature_major(real(3, 6))
    y = sparse_linear(x, values, graph)
    with torch.no_grad():
        (x if what == "input" else values).add_(1)
    with pytest.raises(RuntimeError, match="inplace"):
        y.sum().backward()


def test_not_a_number_is_not_lost():
    graph = random_graph(5, 4, 1.0)
    x = torch.zeros(2, 5)
    x[1, 2] = torch.nan
    y = sparse_linear(x, torch.ones(graph.n_links), graph)
    assert y[0].tolist() == [0, 0, 0, 0]
    assert y[1].isnan().all()


# ----------------------------------------------------------------------- dense_linear


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.6, 1.0])
@pytest.mark.parametrize("n_out", [10, 64, 100, 300])
def test_the_dense_product_that_skips_silent_inputs(rate, n_out):
    x = spikes(4, 9, 50, rate=rate).requires_grad_()
    weight, bias = real(50, n_out, seed=1).requires_grad_(), real(n_out, seed=2).requires_grad_()
    y, expected = dense_linear(x, weight, bias), x @ weight + bias
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    assert_all_close(gradients(y, (x, weight, bias)), gradients(expected, (x, weight, bias)))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(0,), (3, 0), (3, 5)])
def test_the_dense_product_takes_any_layout_and_no_sample(shape, layout):
    x = laid_out(spikes(*shape, 20, rate=0.1), layout).requires_grad_()
    weight = feature_major(real(20, 70)).requires_grad_()
    y = dense_linear(x, weight)
    torch.testing.assert_close(y, x @ weight)
    assert_all_close(gradients(y, (x, weight)), gradients(x @ weight, (x, weight)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_dense_gradients_are_those_of_finite_differences(kind):
    x = draw(kind, 5, 2, 7, dtype=torch.float64).requires_grad_(kind == "real")
    if kind == "rare spikes":
        x[0, 0, 0] = 1
        assert x.mean() < dense.SKIP_BELOW
    weight = real(7, 70, seed=1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(dense_linear, (x, weight))


def test_a_constant_dense_input_is_multiplied_once():
    image, weight = real(2, 7), real(7, 70, seed=1).requires_grad_()
    y = dense_linear(image.expand(4, 2, 7), weight)
    assert y.stride(0) == 0
    expected = (image @ weight).expand(4, 2, 70)
    torch.testing.assert_close(y, expected)
    assert_all_close(gradients(y, (weight,)), gradients(expected, (weight,)))


# ------------------------------------------------------------------- threads and memory


def train_once(threads):
    """Outputs and gradients of two sparse layers and a dense one with neurons between."""
    torch.set_num_threads(threads)
    graphs = random_graph(200, 600, 0.05, seed=20), random_graph(600, 200, 0.05, seed=21)
    first, second = (real(g.n_links, seed=22).requires_grad_() for g in graphs)
    weight = real(200, 256, seed=24).requires_grad_()
    x = spikes(8, 80, 200, rate=0.3)
    z, _ = lif_over_time(sparse_linear(x, first, graphs[0]), 0.5)
    y, v = lif_over_time(sparse_linear(z, second, graphs[1]), 0.5, 6.0)
    assert 0 < y.mean() < dense.SKIP_BELOW
    out = dense_linear(y, weight)
    mean = mean_over_time(y)
    gradients = torch.autograd.grad(out.sum() + v.sum() + mean.sum(), (first, second, weight))
    return [z, y, v, out, mean, *gradients]


def test_one_thread_gives_the_bits_of_two(monkeypatch):
    threads_used = record_threads(monkeypatch)
    one = train_once(1)
    assert set(threads_used) == {1}
    threads_used.clear()
    two = train_once(2)
    # Two products, two populations, the dense product, all twice, and the mean.
    assert threads_used == [2] * 11
    assert_all_equal(one, two)


def test_buffers_are_used_again_and_only_when_free():
    pool = BufferPool(idle_limit=3 * SMALLEST)
    a, b = pool.empty(SMALLEST, np.uint8), pool.empty(SMALLEST, np.uint8)
    place, view = a.ctypes.data, torch.from_numpy(a).view(-1)
    assert b.ctypes.data != place
    del a
    assert pool.idle_bytes == 0  # the tensor still looks at it
    del view
    assert pool.idle_bytes == SMALLEST
    assert pool.empty(SMALLEST // 4, np.float32).ctypes.data == place
    many = [pool.empty(SMALLEST, np.uint8) for _ in range(5)]
    del many
    assert pool.idle_bytes == 3 * SMALLEST
    pool.clear()
    assert pool.idle_bytes == 0


# ------------------------------------------------------------------------------ errors

GRAPH = BipartiteGraph.from_biadjacency(np.ones((3, 2), dtype=int))
ONES, X = torch.ones(6), torch.ones(4, 3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: sparse_linear(torch.ones(4, 5), ONES, GRAPH), "x"),
        (lambda: sparse_linear(X.half(), ONES.half(), GRAPH), "x"),
        (lambda: sparse_linear(X.to("meta"), ONES, GRAPH), "x"),
        (lambda: sparse_linear(X, ONES[:5], GRAPH), "values"),
        (lambda: sparse_linear(X, ONES.double(), GRAPH), "values"),
        (lambda: sparse_linear(X, ONES, GRAPH, torch.ones(3)), "bias"),
        (lambda: dense_linear(X.long(), ONES.view(3, 2)), "x"),
        (lambda: dense_linear(X, ONES.view(2, 3)), "weight"),
        (lambda: dense_linear(X, ONES.view(3, 2).double()), "weight"),
        (lambda: lif_over_time(X, 0.5, method="superspike"), "method"),
        (lambda: lif_over_time(X, 1.5), "alpha"),
        (lambda: lif_over_time(X.half(), 0.5), "x"),
        (lambda: lif_over_time(X, 0.5, steps=0), "steps"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        call()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(5, 4, 30), (1, 3, 2), (3, 7), (2, 600, 3)])
def test_the_mean_over_time_and_its_gradient(shape, layout, dtype):
    x = laid_out(real(*shape, dtype=dtype), layout).requires_grad_()
    assert_all_close((mean_over_time(x),), (x.mean(dim=0),), 1e-6)
    got, want = (gradients(y, (x,)) for y in (mean_over_time(x), x.mean(dim=0)))
    assert_all_close(got, want, 1e-6)


def test_the_gradient_of_a_mean_reaches_neurons_as_one_step():
    x = real(6, 5, 11).requires_grad_()
    for v0 in (None, real(5, 11, seed=1)):
        got, want = (
            gradients(mean(lif_over_time(x, 0.8, 0.5, "triangle", 1.0, v0=v0)[0]), (x,))
            for mean in (mean_over_time, lambda z: z.mean(dim=0))
        )
        assert_all_close(got, want, 1e-6)


def test_the_mean_of_a_constant_is_the_constant():
    image = real(4, 7)
    assert mean_over_time(image.expand(5, 4, 7)).data_ptr() == image.data_ptr()
    learnt = image.clone().requires_grad_()
    assert_all_close(
        gradients(mean_over_time(learnt.expand(5, 4, 7)), (learnt,)), (real(4, 7, seed=9),)
    )


@pytest.mark.parametrize(
    "x", [torch.tensor(1.0), torch.ones(0, 3), torch.ones(2, 3, dtype=torch.int)]
)
def test_a_mean_of_nothing_or_of_another_type_is_refused(x):
    with pytest.raises(ValueError, match=r"^x must"):
        mean_over_time(x)


# ------------------------------------------------------------------------ count_events


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [*DTYPES, torch.uint8, torch.float16])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(5, 4, 30), (1, 3, 2), (3, 7), (9,), (0, 6)])
def test_events_are_counted_in_any_layout(shape, kind, dtype, layout):
    x = laid_out(draw(kind, *shape).abs().to(dtype), layout)
    counts, are_spikes = count_events(x)
    assert counts.tolist() == (x != 0).reshape(-1, shape[-1]).sum(dim=0).tolist()
    assert are_spikes == bool(((x == 0) | (x == 1)).all())


def test_a_constant_input_counts_at_every_step():
    counts, are_spikes = count_events(torch.tensor([[0.0, 0.5]]).expand(6, 1, 2))
    assert counts.tolist() == [0, 6]
    assert not are_spikes
    assert not count_events(torch.tensor([torch.nan]))[1]


@pytest.mark.parametrize("columns", [3, layout.SMALL_COPY // 8, layout.SMALL_COPY // 8 + 5])
def test_memory_is_turned_feature_major_whatever_its_size(columns):
    x = real(columns, 8)
    flat = layout.feature_major(x)
    assert np.array_equal(flat.reshape(8, columns), x.numpy().T)
    turned = x.t().contiguous().t()
    assert layout.feature_major(turned).ctypes.data == turned.data_ptr()  # no copy where it lies so
