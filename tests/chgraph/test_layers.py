"""Bipartite clustering and nestedness: definitions, networkx, closed forms."""

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given

from chgraph import BipartiteGraph, Graph, as_bipartite, metrics
from chgraph.metrics.layers import LATAPY_MODES
from tests import naive, zoo

CLOSE = {"rtol": 1e-12, "atol": 1e-14}


@given(zoo.biadjacencies(max_nodes=9))
def test_measures_are_their_definitions(matrix):
    graph, neighbors = as_bipartite(matrix), naive.bipartite_neighbors(matrix)
    for mode in LATAPY_MODES:
        got = np.concatenate(metrics.latapy_coefficients(graph, mode=mode))
        np.testing.assert_allclose(got, naive.latapy_clustering(neighbors, mode), **CLOSE)
        assert metrics.latapy_clustering(graph, mode=mode) == pytest.approx(got.mean())
    assert metrics.n_four_cycles(graph) == naive.n_four_cycles(neighbors)
    if naive.n_l3_paths(neighbors):
        expected = naive.robins_alexander(neighbors)
        np.testing.assert_allclose(metrics.robins_alexander_clustering(graph), expected, **CLOSE)
    if max(matrix.shape) > 1:
        np.testing.assert_allclose(metrics.nodf(graph), naive.nodf(matrix), **CLOSE)


@pytest.mark.parametrize("seed", range(3))
def test_networkx_agrees(seed):
    matrix = np.random.default_rng(seed).random((12, 9)) < 0.3
    graph = as_bipartite(matrix)
    network = graph.to_networkx()
    for mode in LATAPY_MODES:
        expected = nx.bipartite.latapy_clustering(network, mode=mode)
        got = np.concatenate(metrics.latapy_coefficients(graph, mode=mode))
        np.testing.assert_allclose(got, [expected[node] for node in network], **CLOSE)
        mean = nx.bipartite.average_clustering(network, mode=mode)
        np.testing.assert_allclose(metrics.latapy_clustering(graph, mode=mode), mean, **CLOSE)
    expected = nx.bipartite.robins_alexander_clustering(network)
    np.testing.assert_allclose(metrics.robins_alexander_clustering(graph), expected, **CLOSE)


@pytest.mark.parametrize(("m", "n"), [(2, 2), (3, 4), (5, 2)])
def test_complete_layers(m, n):
    graph = as_bipartite(np.ones((m, n)))
    for mode in LATAPY_MODES:
        assert metrics.latapy_clustering(graph, mode=mode) == 1.0
    assert metrics.n_four_cycles(graph) == math.comb(m, 2) * math.comb(n, 2)
    assert metrics.robins_alexander_clustering(graph) == 1.0
    assert metrics.nodf(graph) == 0.0  # all degrees are equal


def test_a_star_shares_all_it_has_and_closes_nothing():
    star = np.ones((1, 6))
    left, right = metrics.latapy_coefficients(star)
    assert (left.tolist(), right.tolist()) == ([0.0], [1.0] * 6)
    assert metrics.n_four_cycles(star) == 0
    assert math.isnan(metrics.robins_alexander_clustering(star))


def test_nestedness():
    triangle = np.tril(np.ones((5, 5)))
    assert metrics.nodf(as_bipartite(triangle)) == 100.0
    shuffled = triangle[[3, 0, 4, 2, 1]][:, [1, 4, 0, 2, 3]]
    assert metrics.nodf(as_bipartite(shuffled)) == 100.0
    # The worked example of Almeida-Neto et al. 2008, figure 2.
    figure = [[1, 0, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 0]]
    assert metrics.nodf(as_bipartite(figure)) == pytest.approx(58.33, abs=0.01)


@pytest.mark.parametrize(
    "measure",
    [
        metrics.latapy_clustering,
        metrics.latapy_coefficients,
        metrics.n_four_cycles,
        metrics.robins_alexander_clustering,
        metrics.nodf,
        metrics.layer_density,
    ],
)
def test_networks_of_one_kind_of_node_are_refused(measure):
    with pytest.raises(TypeError, match=r"expected a BipartiteGraph.*got Graph"):
        measure(Graph.from_links([0], [1]))


def test_what_is_missing_is_undefined(biadjacency):
    graph = BipartiteGraph.from_biadjacency(biadjacency)
    assert math.isnan(metrics.latapy_clustering(graph)) == (sum(graph.shape) == 0)
    assert math.isnan(metrics.nodf(graph)) == (max(graph.shape) < 2)
    assert math.isnan(metrics.layer_density(graph)) == (0 in graph.shape)
    no_paths = metrics.n_l3_paths(graph) == 0
    assert math.isnan(metrics.robins_alexander_clustering(graph)) == no_paths


def test_modes_are_named():
    with pytest.raises(ValueError, match="mode must be one of 'dot', 'min', 'max'; got 'mean'"):
        metrics.latapy_clustering([[1, 0]], mode="mean")
