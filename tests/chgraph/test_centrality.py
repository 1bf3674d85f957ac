"""Centralities of single nodes and links against networkx, igraph and closed forms."""

import networkx as nx
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, as_graph, metrics
from chgraph.threads import thread_limit
from tests import zoo

NETWORKS = {
    "florentine": nx.convert_node_labels_to_integers(nx.florentine_families_graph()),
    "kite": nx.krackhardt_kite_graph(),
    "two cliques and a node": nx.disjoint_union_all(
        [nx.complete_graph(4), nx.complete_graph(3), nx.empty_graph(1)]
    ),
    "grid": nx.convert_node_labels_to_integers(nx.grid_2d_graph(6, 7)),
    "many blocks of sources": nx.gnm_random_graph(540, 700, seed=3),
    "one node": nx.empty_graph(1),
    "one link": nx.path_graph(2),
    "no node": nx.empty_graph(0),
}
OF_NODES = (
    metrics.closeness_centrality,
    metrics.harmonic_centrality,
    metrics.betweenness_centrality,
)
ALL = (*OF_NODES, metrics.edge_betweenness_centrality)


def in_order(network, of_links):
    """Values by link in the order of the links of our graph."""
    values = {frozenset(link): value for link, value in of_links.items()}
    return [values[frozenset(link)] for link in zip(*ends(network), strict=True)]


def ends(network):
    return [side.tolist() for side in as_graph(network).links()]


@pytest.mark.parametrize("name", NETWORKS)
def test_networkx_has_the_same_values(name):
    graph = NETWORKS[name]
    close = {"rtol": 1e-12, "atol": 1e-12}
    for wf_improved in (True, False):
        expected = list(nx.closeness_centrality(graph, wf_improved=wf_improved).values())
        got = metrics.closeness_centrality(graph, wf_improved=wf_improved)
        np.testing.assert_allclose(got, expected, **close)
    harmonic = nx.harmonic_centrality(graph)  # in an order of its own
    expected = [harmonic[node] for node in graph]
    np.testing.assert_allclose(metrics.harmonic_centrality(graph), expected, **close)
    for normalized in (True, False):
        expected = list(nx.betweenness_centrality(graph, normalized=normalized).values())
        got = metrics.betweenness_centrality(graph, normalized=normalized)
        np.testing.assert_allclose(got, expected, **close)
        expected = nx.edge_betweenness_centrality(graph, normalized=normalized)
        got = metrics.edge_betweenness_centrality(graph, normalized=normalized)
        np.testing.assert_allclose(got, in_order(graph, expected), **close)


@pytest.mark.parametrize("name", NETWORKS)
def test_igraph_has_the_same_values(name):
    network = NETWORKS[name]
    graph = as_graph(network).to_igraph()
    close = {"rtol": 1e-10, "atol": 1e-9}
    expected = np.nan_to_num(graph.closeness())  # NaN for nodes without links
    got = metrics.closeness_centrality(network, wf_improved=False)
    np.testing.assert_allclose(got, expected, **close)
    got = metrics.betweenness_centrality(network, normalized=False)
    np.testing.assert_allclose(got, graph.betweenness(), **close)
    got = metrics.edge_betweenness_centrality(network, normalized=False)
    np.testing.assert_allclose(got, graph.edge_betweenness(), **close)


@given(zoo.biadjacencies(max_nodes=9))
def test_a_layer_is_one_network_of_both_sides(matrix):
    layer = BipartiteGraph.from_biadjacency(matrix)
    left, right = layer.links()
    whole = Graph.from_links(left, right + layer.n_left, sum(layer.shape))
    for measure in ALL:
        np.testing.assert_array_equal(measure(layer), measure(whole))
    if layer.n_links:
        tall = nx.Graph()
        tall.add_nodes_from(range(sum(layer.shape)))
        tall.add_edges_from(zip(left.tolist(), (right + layer.n_left).tolist(), strict=True))
        expected = nx.edge_betweenness_centrality(tall)
        np.testing.assert_allclose(
            metrics.edge_betweenness_centrality(layer), in_order(whole, expected), atol=1e-12
        )


@given(st.integers(1, 30), st.floats(0.0, 0.3), st.integers(0, 99))
def test_the_means_of_the_summary_are_means_of_these(n, density, seed):
    graph = as_graph(nx.gnp_random_graph(n, density, seed=seed))
    through = metrics.betweenness_centrality(graph, normalized=False)
    assert metrics.node_betweenness(graph) == pytest.approx(2 * through.mean())
    if n > 1:
        assert metrics.closeness(graph) == pytest.approx(metrics.harmonic_centrality(graph).mean())
    if graph.n_links:
        across = metrics.edge_betweenness_centrality(graph, normalized=False)
        assert metrics.edge_betweenness(graph) == pytest.approx(across.mean())


def test_closeness_of_the_summary_has_its_right_name_beside_the_published_one():
    assert metrics.closeness is metrics.mean_harmonic_centrality
    summary = metrics.summary(nx.star_graph(3), rng=0)
    assert summary["closeness"] == 2.25
    assert "harmonic" in summary.meanings["closeness"]


def test_values_are_the_same_at_any_number_of_threads():
    graph = as_graph(NETWORKS["many blocks of sources"])
    for measure in ALL:
        alone, together = [], []
        for n_threads, found in ((1, alone), (2, together)):
            with thread_limit(n_threads):
                found.append(measure(graph))
        np.testing.assert_array_equal(alone, together)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="a minute of plain Python")
def test_more_paths_than_a_float_holds_are_refused():
    """A chain of squares has 2 ** n shortest paths from end to end."""

    def chain(n):
        corner = 3 * np.arange(n)
        ends = [(0, 1), (0, 2), (1, 3), (2, 3)]
        first, second = (np.concatenate([corner + link[i] for link in ends]) for i in (0, 1))
        return Graph.from_links(first, second)

    assert metrics.betweenness_centrality(chain(500), normalized=False).max() > 500**2
    for measure in (metrics.betweenness_centrality, metrics.edge_betweenness_centrality):
        with pytest.raises(ValueError, match="more than 1e308 shortest paths"):
            measure(chain(1100))


@pytest.mark.parametrize(
    ("measure", "option"),
    [
        (metrics.closeness_centrality, "wf_improved"),
        (metrics.betweenness_centrality, "normalized"),
        (metrics.edge_betweenness_centrality, "normalized"),
    ],
)
def test_bad_options_are_named(measure, option):
    with pytest.raises(TypeError, match=f"{option} must be True or False, got 1"):
        measure(nx.path_graph(3), **{option: 1})
