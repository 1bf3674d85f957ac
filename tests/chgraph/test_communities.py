"""Communities: modularity of partitions, and how good the ones found are."""

import random

import igraph
import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, as_bipartite, metrics
from tests import golden, naive, zoo
from tests.chgraph.test_metrics import golden_network, graphs, neighbor_sets

SEEDS = st.integers(0, 2**32 - 1)
GOLDEN = golden.read_json("topological_measures.json")
STOCHASTIC = [name for name, entry in GOLDEN.items() if "stochastic" in entry]


@given(graphs(), SEEDS)
def test_modularity_is_its_definition(graph, seed):
    labels = np.random.default_rng(seed).integers(-1, 3, graph.n_nodes)
    if graph.n_links:
        expected = naive.newman_modularity(neighbor_sets(graph), labels.tolist())
        assert metrics.modularity(graph, labels) == pytest.approx(expected, abs=1e-14)


@given(zoo.biadjacencies(), SEEDS)
def test_barber_modularity_is_its_definition(matrix, seed):
    rng, graph = np.random.default_rng(seed), as_bipartite(matrix)
    labels = [rng.integers(2, 5, n) for n in matrix.shape]
    if graph.n_links:
        expected = naive.barber_modularity(matrix, *labels)
        assert metrics.barber_modularity(graph, labels) == pytest.approx(expected, abs=1e-14)


def test_libraries_agree_on_a_partition():
    network = nx.florentine_families_graph()
    labels = np.arange(15) % 4
    parts = [[name for name, g in zip(network, labels, strict=True) if g == c] for c in range(4)]
    expected = nx.community.modularity(network, parts)
    assert metrics.modularity(network, labels) == pytest.approx(expected, abs=1e-14)
    peer = igraph.Graph.from_networkx(network).modularity(labels.tolist())
    assert metrics.modularity(network, labels) == pytest.approx(peer, abs=1e-14)


@given(graphs(max_nodes=7), SEEDS)
def test_the_best_partition_of_a_small_graph_is_found(graph, seed):
    if graph.n_links:
        best = naive.best_modularity(neighbor_sets(graph))
        found = metrics.modularity(graph, n_starts=20, rng=seed)
        assert found == pytest.approx(best, abs=1e-12)


@given(zoo.biadjacencies(max_nodes=4), SEEDS)
def test_the_best_partition_of_a_small_layer_is_found(matrix, seed):
    if matrix.any():
        n_left = len(matrix)
        best = max(
            naive.barber_modularity(matrix, labels[:n_left], labels[n_left:])
            for labels in naive.partitions(sum(matrix.shape))
        )
        assert metrics.barber_modularity(as_bipartite(matrix), rng=seed) == pytest.approx(
            best, abs=1e-12
        )


@pytest.mark.parametrize("name", STOCHASTIC)
def test_no_run_of_the_published_tool_finds_more(name):
    entry = GOLDEN[name]
    runs = entry["stochastic"]["modularity"]
    found = metrics.modularity(golden_network(entry), n_starts=20, rng=0)
    assert found >= max(runs["octave"]["max"], runs["python_own"]["max"]) - 1e-12


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("davis_southern_women", 0.3455),  # the best known (Barber 2007; Liu and Murata 2010)
        ("mask_64x96_d10", 0.0),
        ("mask_100x40_d05", 0.0),
    ],
)
def test_layers_are_searched_as_well_as_leiden_searches(name, published):
    graph = BipartiteGraph.from_biadjacency(
        golden.biadjacency(golden.load("linkpred_bipartite", name))
    )
    found = metrics.barber_modularity(graph, rng=0)
    labels = metrics.find_communities(graph, n_starts=10, rng=0)
    leiden = metrics.barber_modularity(graph, (labels[: graph.n_left], labels[graph.n_left :]))
    assert found >= max(leiden - 0.005, published)


def test_blocks_are_found():
    rng = np.random.default_rng(0)
    truth = np.arange(12) % 3, np.arange(18) % 3
    inside = truth[0][:, None] == truth[1]
    matrix = rng.random((12, 18)) < np.where(inside, 0.9, 0.05)
    left, right = metrics.find_layer_communities(matrix, rng=1)
    # Labels go by first appearance: those of the truth already do.
    assert (left.tolist(), right.tolist()) == (truth[0].tolist(), truth[1].tolist())
    cliques = nx.disjoint_union_all([nx.complete_graph(5)] * 3)
    assert metrics.find_communities(cliques, rng=1).tolist() == np.repeat(range(3), 5).tolist()
    assert metrics.modularity(cliques, rng=1) == pytest.approx(2 / 3)


def test_seeds_decide():
    layer = as_bipartite(np.random.default_rng(5).random((30, 40)) < 0.1)
    for find in (metrics.find_communities, metrics.find_layer_communities):
        options = {"n_starts": 1} if find is metrics.find_communities else {"n_rounds": 1}
        runs = [np.hstack(find(layer, rng=seed, **options)) for seed in (1, 1, 2, 3)]
        np.testing.assert_array_equal(runs[0], runs[1])
        assert any((runs[0] != run).any() for run in runs[2:])


def test_python_s_random_numbers_are_left_alone():
    random.seed(7)
    expected = random.random()
    random.seed(7)
    metrics.modularity(nx.path_graph(6), rng=0)
    assert random.random() == expected


def test_isolated_nodes_are_alone():
    layer = as_bipartite([[1, 0, 0], [0, 0, 0], [0, 0, 1]])
    left, right = metrics.find_layer_communities(layer, rng=0)
    assert (left.tolist(), right.tolist()) == ([0, 1, 2], [0, 3, 2])
    assert metrics.find_communities(Graph.from_links([0], [1], 4), rng=0).tolist() == [0, 0, 1, 2]


def test_without_links_there_is_no_modularity():
    empty = as_bipartite(np.zeros((2, 3)))
    assert np.isnan([metrics.modularity(empty), metrics.barber_modularity(empty)]).all()
    assert [side.tolist() for side in metrics.find_layer_communities(empty)] == [[0, 1], [2, 3, 4]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda g: metrics.modularity(g, [0, 1]), ValueError, r"communities must .*shape \(5,\)"),
        (lambda g: metrics.modularity(g, [0.5] * 5), ValueError, "dtype float64"),
        (lambda g: metrics.barber_modularity(g, [0, 1, 0]), ValueError, "must be a pair"),
        (lambda g: metrics.barber_modularity(g, ([0], [1])), ValueError, r"communities\[0\]"),
        (lambda g: metrics.modularity(g, n_starts=0), ValueError, "n_starts must be at least 1"),
        (lambda g: metrics.barber_modularity(g, n_rounds=0), ValueError, "n_rounds must be at le"),
        (lambda g: metrics.modularity(g, rng="seed"), TypeError, "rng must be"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(as_bipartite([[1, 1, 0], [0, 1, 1]]))
