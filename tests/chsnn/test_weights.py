"""Initial weights: variances of SSWI, and the firing rate they settle at."""

import math

import norse.torch as norse
import numpy as np
import pytest
import torch
from torch import nn

from chgraph import as_bipartite
from chgraph.topology import regular
from chsnn import LIF, SparseLIF, SparseLinear
from chsnn.fused import SparseReadout
from chsnn.weights import WEIGHTS, initial_weights, input_gain, kaiming, sswi

N_IN, N_OUT = 200, 400
GAIN = math.sqrt(math.pi) / (math.sqrt(2) * math.exp(-0.5))


def assert_normal(values, variance):
    """Mean, variance and kurtosis of a normal law, within 5 standard errors."""
    n, sigma = values.size, math.sqrt(variance)
    assert abs(values.mean()) < 5 * sigma / math.sqrt(n)
    assert abs(values.var() / variance - 1) < 5 * math.sqrt(2 / n)
    assert abs((values**4).mean() / variance**2 - 3) < 5 * math.sqrt(96 / n)


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("v_th", [1.0, 0.5])
def test_hidden_layers_scale_with_threshold_and_links(sparsity, v_th):
    graph = regular(N_IN, N_OUT, sparsity, rng=0)
    values = sswi(graph, v_th=v_th, rng=1)
    assert (values.dtype, values.shape) == (np.float32, (graph.n_links,))
    assert_normal(values.astype(float), v_th**2 * GAIN / (N_IN * (1 - sparsity)))


@pytest.mark.parametrize("silence", [0.2, 0.9, 1.0])
def test_the_layer_that_reads_the_input_scales_with_its_silence(silence):
    graph = regular(N_IN, N_OUT, 0.8, rng=0)
    values = sswi(graph, v_th=3.0, activity_sparsity=silence, rng=2)
    assert_normal(values.astype(float), silence / (N_IN * 0.2))


def test_inputs_that_always_fire_give_weights_of_zero():
    assert not sswi(regular(9, 9, 0.5, rng=0), activity_sparsity=0.0, rng=0).any()


def test_kaiming_has_a_variance_of_two_over_the_links_of_a_node():
    graph = regular(N_IN, N_OUT, 0.8, rng=0)
    assert_normal(kaiming(graph, rng=3).astype(float), 2 / (N_IN * 0.2))


def test_the_names_choose_the_rule():
    graph = regular(20, 30, 0.5, rng=0)
    options = {"v_th": 0.7, "activity_sparsity": 0.4, "rng": 5}
    expected = sswi(graph, v_th=0.7, activity_sparsity=0.4, rng=5)
    np.testing.assert_array_equal(initial_weights(graph, "SSWI", **options), expected)
    np.testing.assert_array_equal(
        initial_weights(graph, "kaiming", **options), kaiming(graph, rng=5)
    )


@pytest.mark.parametrize("kind", WEIGHTS)
def test_a_graph_without_links_has_no_weights(kind):
    empty = as_bipartite(np.zeros((3, 4)))
    options = {"v_th": 1.0, "activity_sparsity": None, "rng": 0}
    assert initial_weights(empty, kind, **options).shape == (0,)


def test_hidden_layers_settle_at_a_firing_probability_of_0_238():
    """The fixed point of the exact map: y = W x, next x = [y >= theta / 2] (definitions.md 3)."""
    rng, theta, width = np.random.default_rng(0), 0.7, 1000
    x, rates = rng.random(width) < 0.6, []
    for _ in range(25):
        graph = regular(width, width, 0.9, rng=rng)
        weight = graph.biadjacency().astype(np.float64)
        weight.data = sswi(graph, v_th=theta, rng=rng).astype(np.float64)
        x = weight.T @ x.astype(float) >= theta / 2
        rates.append(x.mean())
    assert np.mean(rates[5:]) == pytest.approx(0.238, abs=0.012)


@pytest.mark.parametrize(
    ("options", "error", "name"),
    [
        ({"v_th": -1.0}, ValueError, "v_th"),
        ({"activity_sparsity": 1.1}, ValueError, "activity_sparsity"),
        ({"activity_sparsity": -0.1}, ValueError, "activity_sparsity"),
        ({"rng": "x"}, TypeError, "rng"),
    ],
)
def test_bad_input_is_named(options, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        sswi(regular(4, 4, 0.5, rng=0), **options)


def test_an_unknown_rule_is_named():
    with pytest.raises(ValueError, match=r"^weights\b.*'SSWI'"):
        initial_weights(
            regular(4, 4, 0.5, rng=0), "xavier", v_th=1.0, activity_sparsity=None, rng=0
        )


def graph_of(n_in, n_out):
    return as_bipartite(np.ones((n_in, n_out)))


def norse_cell(v_th, rate=100.0):
    numbers = norse.LIFBoxParameters(v_th=torch.as_tensor(v_th), tau_mem_inv=torch.as_tensor(rate))
    return norse.LIFBoxCell(numbers, dt=0.002)


@pytest.mark.parametrize("kind", [nn.Sequential, norse.SequentialState])
def test_in_a_row_the_neurons_are_those_before_the_next_weights(kind):
    model = kind(
        nn.Linear(2, 2), nn.BatchNorm1d(2), norse_cell(0.5), nn.Linear(2, 2), nn.Linear(2, 2), LIF()
    )
    assert input_gain(model, "0") == pytest.approx((0.5, 0.2))
    assert input_gain(model, "3") == (1.0, 1.0)
    assert input_gain(model, "4") == (1.0, 1.0)
    assert input_gain(nn.Sequential(nn.Linear(2, 2), nn.Conv1d(2, 2, 1), LIF(v_th=3)), "0")[0] == 1


def test_numbers_for_each_neuron_count_by_their_mean():
    assert input_gain(nn.Sequential(nn.Linear(2, 2), LIF(v_th=[0.5, 1.5])), "0") == (1.0, 1.0)
    cell = norse_cell([1.0, 3.0], [100.0, 300.0])
    assert input_gain(nn.Sequential(nn.Linear(2, 2), cell), "0") == pytest.approx((2.0, 0.4))


def test_outside_a_row_the_order_of_the_modules_says_nothing():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first_neurons = LIF(v_th=0.25)
            self.fc1, self.fc2 = nn.Linear(2, 2), nn.Linear(2, 2)
            self.cell = norse_cell(0.5)
            self.fc3 = nn.Linear(2, 2)

    assert input_gain(Net(), "fc1") == pytest.approx((0.5, 0.2))
    assert input_gain(Net(), "fc3") == (0.25, 1.0)


def test_fused_layers_have_neurons_of_their_own_and_lend_them_to_nobody():
    layers = nn.ModuleList([SparseLinear(graph_of(2, 2)), SparseLIF(graph_of(2, 2), LIF(v_th=0.5))])
    layers.append(SparseReadout(graph_of(2, 2)))
    assert [input_gain(layers, str(i))[0] for i in range(3)] == [1.0, 0.5, 1.0]
