"""L3 paths, credit-assigned paths and active neurons, against counting one by one."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, metrics
from tests import naive


@st.composite
def networks(draw, max_layers=3):
    """Draw the layers of a small network."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=max_layers + 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.3, 0.6, 1.0]))
    return [rng.random(shape) < density for shape in itertools.pairwise(sizes)]


@given(networks())
def test_paths_and_neurons_are_counted(layers):
    assert metrics.credit_assigned_paths(layers) == naive.input_output_paths(layers)
    assert metrics.active_neurons(layers) == pytest.approx(naive.share_active(layers), rel=1e-15)


def test_complete_networks():
    layers = [np.ones((3, 4)), np.ones((4, 5)), np.ones((5, 2))]
    assert metrics.credit_assigned_paths(layers) == 3 * 4 * 5 * 2
    assert metrics.active_neurons(layers) == 1.0


def test_counts_beyond_64_bits_are_exact():
    layers = [BipartiteGraph.from_biadjacency(np.ones((20, 20)))] * 30
    assert metrics.credit_assigned_paths(layers) == 20**31


def test_a_single_layer_has_a_path_per_link():
    layer = [[1, 1, 0], [0, 0, 0]]
    assert metrics.credit_assigned_paths([layer]) == 2
    assert metrics.active_neurons([layer]) == pytest.approx(3 / 5)


def test_percolation_goes_back_and_forth():
    # Hidden neuron 1 of the second layer has no way out; its only way in comes from neuron 1
    # of the first, which then leads nowhere, and so does input 1.
    chain = np.eye(2)
    assert metrics.active_neurons([chain, chain, [[1], [0]]]) == pytest.approx(4 / 7)
    assert metrics.credit_assigned_paths([chain, chain, [[1], [0]]]) == 1


def test_l3_paths_of_dense_graphs_are_exact():
    n = 60
    clique = np.ones((n, n)) - np.eye(n)
    assert metrics.n_l3_paths(clique) == n * (n - 1) * (n - 2) * (n - 3) // 2


def test_layers_must_fit():
    with pytest.raises(ValueError, match=r"graphs\[0\] has 2 right nodes but graphs\[1\] has 3"):
        metrics.credit_assigned_paths([np.ones((2, 2)), np.ones((3, 2))])
    with pytest.raises(ValueError, match="at least one graph"):
        metrics.active_neurons([])
    with pytest.raises(TypeError, match="sequence of layers"):
        metrics.active_neurons(BipartiteGraph.from_biadjacency([[1]]))
    with pytest.raises(ValueError, match="two-dimensional"):
        metrics.credit_assigned_paths([[1, 0], [0, 1]])


def test_no_neurons_no_share():
    value = metrics.active_neurons([np.zeros((0, 0))])
    assert math.isnan(value)
    assert value.reason == "the network has no neurons"
