"""Deterministic measures: golden vectors, definitions, networkx, igraph, closed forms, contract."""

import math
import warnings
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, metrics
from chgraph.metrics._workspace import Workspace
from tests import golden, naive, zoo

CLOSE = {"rtol": 1e-10, "atol": 1e-12}
GOLDEN = {
    "N": metrics.n_nodes,
    "E": metrics.n_links,
    "avgdeg": metrics.average_degree,
    "density": metrics.density,
    "clustering": metrics.clustering,
    "char_path": metrics.characteristic_path_length,
    "efficiency_glob": metrics.global_efficiency,
    "efficiency_loc": metrics.local_efficiency,
    "closeness": metrics.closeness,
    "EBC": metrics.edge_betweenness,
    "BC": metrics.node_betweenness,
    "radiality": lambda graph: metrics.radiality(graph, unreachable="published"),
    "LCPcorr": metrics.lcp_corr,
    "assortativity": metrics.assortativity,
    "powerlaw_gamma": metrics.powerlaw_gamma,
    "powerlaw_xmin": lambda graph: metrics.powerlaw_fit(graph).xmin,
    "powerlaw_KS": lambda graph: metrics.powerlaw_fit(graph).ks,
    "powerlaw_gamma_uncorrected": lambda graph: metrics.powerlaw_fit(graph).exponent,
}
NAIVE = {
    metrics.n_links: naive.n_links,
    metrics.clustering: naive.clustering,
    metrics.characteristic_path_length: naive.char_path,
    metrics.global_efficiency: naive.efficiency_glob,
    metrics.local_efficiency: naive.efficiency_loc,
    metrics.closeness: naive.closeness,
    metrics.edge_betweenness: naive.mean_link_betweenness,
    metrics.node_betweenness: naive.mean_node_betweenness,
    metrics.lcp_corr: naive.lcp_corr,
    metrics.assortativity: naive.assortativity,
    metrics.n_l3_paths: naive.n_l3_paths,
}
MEASURES = [*NAIVE, metrics.n_nodes, metrics.average_degree, metrics.density, metrics.radiality]


def golden_network(entry):
    """The network of an entry of topological_measures.json."""
    folder, file = entry["edges_file"].split("/")
    data = golden.load(folder, Path(file).stem)
    if entry["bipartite_offset"]:
        return BipartiteGraph.from_biadjacency(golden.biadjacency(data))
    return Graph.from_links(*data["edges"].T, int(data["n"]))


def joined(graph):
    """A layer as a network of one kind of node."""
    if isinstance(graph, Graph):
        return graph
    left, right = graph.links()
    return Graph.from_links(left, right + graph.n_left, sum(graph.shape))


def neighbor_sets(graph):
    return naive.neighbors_from_edges(
        joined(graph).n_nodes, np.stack(joined(graph).links(), axis=1).tolist()
    )


@st.composite
def graphs(draw, max_nodes=9):
    """A random graph of one kind of node."""
    n, p = draw(st.integers(2, max_nodes)), draw(st.sampled_from([0.15, 0.3, 0.5, 0.8, 1.0]))
    upper = np.triu(np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random((n, n)) < p, 1)
    return Graph.from_adjacency(upper | upper.T)


# ----------------------------------------------------------------------------- references


@pytest.mark.parametrize("name", golden.entries("topological_measures.json"))
def test_golden_values(name):
    entry = golden.read_json("topological_measures.json")[name]
    graph, expected = golden_network(entry), entry["deterministic"]
    for key, measure in GOLDEN.items():
        if key in expected:
            np.testing.assert_allclose(measure(graph), expected[key], err_msg=key, **CLOSE)


@given(st.one_of(graphs(), zoo.biadjacencies()))
def test_measures_are_their_definitions(graph):
    graph = graph if isinstance(graph, Graph) else BipartiteGraph.from_biadjacency(graph)
    neighbors, work = neighbor_sets(graph), Workspace(graph)
    for measure, definition in NAIVE.items():
        # What needs a link or two nodes has no value here; see test_report.
        if graph.n_links:
            expected = definition(neighbors)
            np.testing.assert_allclose(measure(graph), expected, err_msg=str(measure), **CLOSE)
            assert measure(work) == measure(graph) or math.isnan(expected)


@given(graphs())
def test_distances_are_those_of_breadth_first_search(graph):
    hops = naive.hop_distances(neighbor_sets(graph))
    counts = np.bincount(hops[np.isfinite(hops)].astype(int))
    assert metrics.distance_distribution(graph).tolist() == counts.tolist()
    n, farthest = graph.n_nodes, len(counts) - 1
    near = np.where(np.isfinite(hops), farthest + 1 - hops, 0.0)
    expected = (near.sum() - (farthest + 1) * n) / (n * (n - 1))
    assert metrics.radiality(graph) == pytest.approx(expected, rel=1e-12)
    published = naive.radiality(neighbor_sets(graph))
    assert metrics.radiality(graph, unreachable="published") == pytest.approx(published, rel=1e-12)


LIBRARY_GRAPHS = {
    "karate": nx.Graph(nx.karate_club_graph().edges),
    "florentine": nx.florentine_families_graph(),
    "dense": nx.gnp_random_graph(30, 0.6, seed=1),
    "sparse, disconnected": nx.gnp_random_graph(60, 0.03, seed=2),
    "grid": nx.convert_node_labels_to_integers(nx.grid_2d_graph(5, 7)),
    "hubs": nx.barabasi_albert_graph(70, 2, seed=3),
    "davis": nx.davis_southern_women_graph(),
}


@pytest.mark.parametrize("name", LIBRARY_GRAPHS)
def test_networkx_agrees(name):
    graph = LIBRARY_GRAPHS[name]
    n = graph.number_of_nodes()
    expected = {
        metrics.density: nx.density(graph),
        metrics.clustering: nx.average_clustering(graph),
        metrics.global_efficiency: nx.global_efficiency(graph),
        metrics.local_efficiency: nx.local_efficiency(graph),
        metrics.closeness: sum(nx.harmonic_centrality(graph).values()) / n,
        metrics.node_betweenness: 2
        / n
        * sum(nx.betweenness_centrality(graph, normalized=False).values()),
        metrics.edge_betweenness: np.mean(
            list(nx.edge_betweenness_centrality(graph, normalized=False).values())
        ),
        metrics.assortativity: nx.degree_assortativity_coefficient(graph),
    }
    if nx.is_connected(graph):
        expected[metrics.characteristic_path_length] = nx.average_shortest_path_length(graph)
    for measure, value in expected.items():
        np.testing.assert_allclose(measure(graph), value, err_msg=str(measure), **CLOSE)


@pytest.mark.parametrize("name", LIBRARY_GRAPHS)
def test_igraph_agrees(name):
    import igraph

    graph = igraph.Graph.from_networkx(LIBRARY_GRAPHS[name])
    n = graph.vcount()
    expected = {
        metrics.density: graph.density(),
        metrics.clustering: graph.transitivity_avglocal_undirected(mode="zero"),
        metrics.characteristic_path_length: graph.average_path_length(unconn=True),
        metrics.closeness: np.nansum(graph.harmonic_centrality(normalized=False)) / n,
        metrics.node_betweenness: 2 * np.mean(graph.betweenness()),
        metrics.edge_betweenness: np.mean(graph.edge_betweenness()),
        metrics.assortativity: graph.assortativity_degree(directed=False),
    }
    for measure, value in expected.items():
        np.testing.assert_allclose(
            measure(LIBRARY_GRAPHS[name]), value, err_msg=str(measure), **CLOSE
        )


# --------------------------------------------------------------------------- closed forms


def values_of(graph, *measures):
    return [measure(graph) for measure in measures]


SHAPE = (
    metrics.clustering,
    metrics.characteristic_path_length,
    metrics.global_efficiency,
    metrics.local_efficiency,
    metrics.edge_betweenness,
    metrics.node_betweenness,
    metrics.radiality,
)


@pytest.mark.parametrize("n", [3, 4, 7])
def test_cliques(n):
    graph = nx.complete_graph(n)
    assert values_of(graph, *SHAPE) == pytest.approx([1, 1, 1, 1, 1, 0, 1], abs=1e-14)
    assert values_of(graph, metrics.density, metrics.closeness) == [1, n - 1]
    assert metrics.n_l3_paths(graph) == n * (n - 1) * (n - 2) * (n - 3) // 2
    assert metrics.lcp_corr(graph) == 0


@pytest.mark.parametrize("n", [2, 5, 9])
def test_stars_of_n_leaves(n):
    graph, pairs = nx.star_graph(n), n * (n + 1)
    path = (2 * n + 2 * n * (n - 1)) / pairs
    efficiency = (2 * n + n * (n - 1) / 2) / pairs
    radiality = (2 * 2 * n + n * (n - 1)) / pairs
    expected = [0, path, efficiency, 0, n, n * (n - 1) / (n + 1), radiality]
    assert values_of(graph, *SHAPE) == pytest.approx(expected, rel=1e-14)
    assert metrics.assortativity(graph) == pytest.approx(-1.0)
    assert metrics.n_l3_paths(graph) == 0


@pytest.mark.parametrize("n", [2, 3, 6, 11])
def test_paths_of_n_nodes(n):
    graph = nx.path_graph(n)
    hops = [n - d for d in range(1, n)]  # pairs at distance d
    total = sum(d * pairs for d, pairs in enumerate(hops, 1))
    harmonic = sum(pairs / d for d, pairs in enumerate(hops, 1))
    possible = n * (n - 1) / 2
    passed = 2 * (total - possible) / n
    expected = [0, total / possible, harmonic / possible, 0, total / (n - 1), passed]
    assert values_of(graph, *SHAPE[:-1]) == pytest.approx(expected, rel=1e-14)
    assert metrics.characteristic_path_length(graph) == pytest.approx((n + 1) / 3)
    assert metrics.radiality(graph) == pytest.approx(n - (n + 1) / 3)
    assert metrics.n_l3_paths(graph) == max(n - 3, 0)


@pytest.mark.parametrize("n", [4, 5, 8, 13])
def test_cycles_of_n_nodes(n):
    graph = nx.cycle_graph(n)
    hops = [min(d, n - d) for d in range(1, n)]
    mean = sum(hops) / (n - 1)
    expected = [0, mean, sum(1 / d for d in hops) / (n - 1), 0, n * mean * (n - 1) / (2 * n)]
    assert values_of(graph, *SHAPE[:5]) == pytest.approx(expected, rel=1e-14)
    assert metrics.node_betweenness(graph) == pytest.approx((n - 1) * (mean - 1))
    assert metrics.n_l3_paths(graph) == n
    assert math.isnan(metrics.assortativity(graph))


@pytest.mark.parametrize(("m", "n"), [(1, 4), (2, 2), (3, 5)])
def test_complete_layers(m, n):
    graph = BipartiteGraph.from_biadjacency(np.ones((m, n)))
    total, pairs = m + n, (m + n) * (m + n - 1)
    twos = m * (m - 1) + n * (n - 1)
    path = (2 * m * n + 2 * twos) / pairs
    efficiency = (2 * m * n + twos / 2) / pairs
    radiality = (2 * 2 * m * n + twos) / pairs
    link = (2 * m * n + 2 * twos) / (2 * m * n)
    expected = [0, path, efficiency, 0, link, twos / total, radiality]
    assert values_of(graph, *SHAPE) == pytest.approx(expected, rel=1e-14)
    assert metrics.layer_density(graph) == 1.0
    assert metrics.n_l3_paths(graph) == m * n * (m - 1) * (n - 1)
    r = metrics.assortativity(graph)
    assert math.isnan(r) if m == n else r == pytest.approx(-1.0)


def test_two_cliques_of_different_size_correlate_perfectly():
    graph = nx.disjoint_union_all([nx.complete_graph(n) for n in (4, 5)])
    assert metrics.lcp_corr(graph) == pytest.approx(1.0, abs=1e-14)
    assert metrics.assortativity(graph) == pytest.approx(1.0, abs=1e-14)


# -------------------------------------------------------------------------------- contract


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.__name__)
def test_a_layer_is_measured_as_the_network_of_both_sides(measure, graph):
    value, expected = measure(graph), measure(joined(graph))
    np.testing.assert_equal(float(value), float(expected))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.__name__)
def test_every_kind_of_input_gives_the_same_value(measure):
    network = LIBRARY_GRAPHS["hubs"]
    graph = Graph.from_networkx(network)
    expected = measure(graph)
    for same in (network, graph.to_igraph(), graph.adjacency(), graph.adjacency().toarray()):
        assert measure(same) == expected
    layer = zoo.GRAPHS["wide"]
    assert measure(layer) == measure(layer.biadjacency()) == measure(layer.biadjacency().toarray())


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.__name__)
def test_what_is_no_network_is_refused(measure):
    with pytest.raises(TypeError, match="got str"):
        measure("karate")
    with pytest.raises(ValueError, match="symmetric"):
        measure([[0, 1], [0, 0]])


def test_weights_are_said_to_be_ignored():
    from chgraph import GraphInputWarning

    with pytest.warns(GraphInputWarning, match="weights"):
        assert metrics.clustering([[0, 2, 0], [2, 0, 1], [0, 1, 0]]) == 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metrics.clustering([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) == 0.0


def test_unreachable_is_zero_or_published():
    with pytest.raises(ValueError, match="unreachable must be one of 'zero', 'published'; got 0"):
        metrics.radiality([[0, 1], [1, 0]], unreachable=0)
    pairs = Graph.from_links([0, 2], [1, 3])
    assert metrics.radiality(pairs) == pytest.approx(1 / 3)
    assert metrics.radiality(pairs, unreachable="published") == pytest.approx(5 / 3)


# -------------------------------------------------------------------------------- degrees


def test_degree_distributions():
    layer = [[1, 1, 0], [0, 0, 0]]
    assert metrics.degree_distribution(layer).tolist() == [2, 2, 1]
    assert metrics.degree_distribution(layer, side="left").tolist() == [1, 0, 1]
    assert metrics.degree_distribution(layer, side="right").tolist() == [1, 2]
    assert metrics.degree_distribution(nx.star_graph(4)).tolist() == [0, 4, 0, 0, 1]
    assert metrics.degree_distribution(np.zeros((0, 0)), side="left").tolist() == []


@given(zoo.biadjacencies())
def test_degree_distributions_count_every_node(matrix):
    for side, degree in (("left", matrix.sum(axis=1)), ("right", matrix.sum(axis=0))):
        counts = metrics.degree_distribution(matrix, side=side)
        assert counts.tolist() == np.bincount(degree).tolist()


def test_sides_are_those_of_layers():
    with pytest.raises(ValueError, match="side must be one of 'left', 'right'; got 'top'"):
        metrics.degree_distribution([[1, 0]], side="top")
    with pytest.raises(TypeError, match="BipartiteGraph"):
        metrics.degree_distribution(Graph.from_links([0], [1]), side="left")


def test_sums_of_products_are_exact_beyond_int64():
    from chgraph.metrics.sizes import sum_of_products

    large = np.array([3 * 10**9, 2 * 10**9, -1])
    assert sum_of_products(large, large) == 13 * 10**18 + 1
    assert sum_of_products(large[:0], large[:0]) == 0
