"""Structural consistency against the definition, golden values and closed forms."""

import math

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, as_graph
from chgraph.metrics import spectral, structural_consistency
from tests import golden, naive, zoo


def naive_shares(graph, removed, repeats, seed):
    neighbors = naive.neighbors_from_edges(graph.n_nodes, np.transpose(graph.links()))
    links, rng = np.transpose(graph.links()), np.random.default_rng(seed)
    n_removed = max(1, round(removed * graph.n_links))
    return [
        naive.structural_consistency(
            neighbors, links[rng.choice(graph.n_links, n_removed, replace=False)].tolist()
        )
        for _ in range(repeats)
    ]


@given(zoo.biadjacencies(max_nodes=8), st.sampled_from([0.0, 0.1, 0.5, 0.9]), st.booleans())
def test_the_share_is_its_definition(matrix, removed, layer):
    if layer:
        network = BipartiteGraph.from_biadjacency(matrix)
        left, right = network.links()
        graph = Graph.from_links(left, right + matrix.shape[0], sum(matrix.shape))
    else:
        size = min(matrix.shape)
        upper = np.triu(matrix[:size, :size], 1)
        network = graph = Graph.from_adjacency(upper | upper.T)
    if not graph.n_links:
        return
    got = structural_consistency(network, removed=removed, repeats=3, rng=4)
    shares = naive_shares(graph, removed, 3, 4)
    assert got.value == pytest.approx(np.mean(shares))
    assert got.spread == pytest.approx(np.std(shares, ddof=1))


@pytest.mark.parametrize("name", golden.stochastic())
def test_golden_values(name):
    """The mean over removals agrees within 4.5 standard errors of both sides, spread too."""
    expected = golden.read_json("topological_measures.json")[name]["stochastic"]["struct_cons"]
    links, n_nodes = golden.one_graph(name)
    got = structural_consistency(Graph.from_links(*links, n_nodes), repeats=60, rng=0)
    for reference in (expected["octave"], expected["python_own"]):
        error = math.hypot(got.error, reference["std"] / math.sqrt(reference["n"]))
        assert got.value == pytest.approx(reference["mean"], abs=4.5 * error)
        assert got.spread == pytest.approx(reference["std"], rel=4.5 / math.sqrt(120))


@pytest.mark.parametrize(
    "graph",
    [
        networkx.complete_graph(6),
        networkx.path_graph(2),
        networkx.complete_multipartite_graph(3, 3, 3),
    ],
)
def test_regular_graphs_are_fully_consistent(graph):
    got = structural_consistency(graph, repeats=5, rng=0)
    assert (got.value, got.spread) == (1.0, 0.0)


def test_a_random_graph_is_less_consistent_than_a_blocked_one():
    blocks = networkx.disjoint_union(networkx.complete_graph(10), networkx.complete_graph(10))
    random = networkx.gnm_random_graph(20, 90, seed=0)
    values = [structural_consistency(graph, rng=0).value for graph in (blocks, random)]
    assert values[0] > values[1] + 0.2


@pytest.mark.parametrize("n_nodes", [0, 1, 5])
def test_without_links_there_is_a_reason(n_nodes):
    got = structural_consistency(networkx.empty_graph(n_nodes), rng=0)
    assert math.isnan(got.value)
    assert got.reason.startswith("no links")


def test_every_layer_of_the_zoo_gets_a_share_or_a_reason(graph):
    got = structural_consistency(graph, repeats=2, rng=0)
    assert got.reason if not graph.n_links else 0 <= got.value <= 1


def test_the_share_depends_on_the_seed_alone():
    graph = as_graph(networkx.gnm_random_graph(20, 60, seed=0))
    one, same, other = (structural_consistency(graph, rng=seed) for seed in (0, 0, 1))
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("change", "error", "name"),
    [
        ({"removed": 1.0}, ValueError, "removed"),
        ({"removed": -0.1}, ValueError, "removed"),
        ({"repeats": 0}, ValueError, "repeats"),
        ({"repeats": 1.0}, TypeError, "repeats"),
        ({"rng": "x"}, TypeError, "rng"),
        ({"graph": "karate"}, TypeError, "expected a"),
    ],
)
def test_bad_input_is_named(change, error, name):
    arguments = {"graph": networkx.path_graph(4), **change}
    with pytest.raises(error, match=rf"^{name}\b"):
        structural_consistency(arguments.pop("graph"), **arguments)


def test_a_graph_too_large_for_dense_matrices_is_refused(monkeypatch):
    monkeypatch.setattr(spectral, "SPM_MAX_NODES", 3)
    with pytest.raises(ValueError, match=r"^graph must have at most 3 nodes.*got 4"):
        structural_consistency(networkx.path_graph(4))
