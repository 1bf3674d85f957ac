"""Rich clubs against the definition, golden values and closed forms."""

import itertools
import math

import networkx
import numba
import numpy as np
import pytest
from hypothesis import given

from chgraph import BipartiteGraph, Graph, as_graph
from chgraph.metrics import rich_club, rich_club_p
from chgraph.topology import null_model
from tests import golden, naive, zoo
from tests.frequencies import n_draws

# Two degrees nearly tie for the peak: chance decides, and p jumps with the decision.
NEARLY_TIED = ("neural_macaque_visual30",)


def real_graph(name):
    links, n_nodes = golden.one_graph(name)
    return Graph.from_links(*links, n_nodes)


@given(zoo.biadjacencies(max_nodes=9))
def test_coefficients_are_their_definition(matrix):
    size = min(matrix.shape)
    upper = np.triu(matrix[:size, :size], 1)
    expected = naive.rich_club(naive.neighbors_from_edges(size, np.argwhere(upper)))
    got = rich_club(Graph.from_adjacency(upper | upper.T))
    assert got.degrees.tolist() == list(expected)
    np.testing.assert_allclose(got.coefficients, list(expected.values()))


def test_coefficients_of_layers_are_those_of_one_graph(biadjacency):
    got = rich_club(BipartiteGraph.from_biadjacency(biadjacency))
    expected = naive.rich_club(naive.bipartite_neighbors(biadjacency))
    assert got.degrees.tolist() == list(expected)
    np.testing.assert_allclose(got.coefficients, list(expected.values()))


def test_coefficients_are_those_of_networkx():
    graph = networkx.barabasi_albert_graph(60, 3, seed=1)
    expected = networkx.rich_club_coefficient(graph, normalized=False)
    got = rich_club(graph)
    for degree, coefficient in zip(got.degrees.tolist(), got.coefficients, strict=True):
        if degree in expected and not math.isnan(coefficient):
            assert coefficient == pytest.approx(expected[degree], abs=1e-12)


@pytest.mark.parametrize("name", golden.stochastic())
def test_golden_coefficients_and_null_means(name):
    """Null means agree within 4.5 standard errors of both sides."""
    expected = golden.read_json("topological_measures.json")[name]["stochastic"]["richclub_p"]
    expected, n_nulls = expected["python_own"], n_draws(300)
    graph = real_graph(name)
    got = rich_club_p(graph, n_nulls=n_nulls, rng=0)
    coefficients = np.array(expected["richclub"], dtype=float)
    np.testing.assert_allclose(got.coefficients, coefficients, atol=1e-12)
    error = got.null_spread * math.sqrt(1 / n_nulls + 1 / expected["n_null"])
    # What happens in less than 5 of n graphs may not be seen at all: one link more or less.
    club = (graph.degree > got.degrees[:, None]).sum(axis=1)
    unseen = 5 / n_nulls * 2 / np.maximum(club * (club - 1), 1)
    deviation = np.abs(got.null_mean - np.array(expected["null_mean"], dtype=float))
    known = ~np.isnan(coefficients)
    assert (deviation[known] < (4.5 * error + unseen)[known]).all()


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="a p-value needs many null models")
@pytest.mark.parametrize("name", golden.stochastic())
def test_golden_p(name):
    expected = golden.read_json("topological_measures.json")[name]["stochastic"]["richclub_p"]
    expected, n_nulls = expected["python_own"], 300
    got = rich_club_p(real_graph(name), n_nulls=n_nulls, rng=0)
    error = np.nanmax(got.null_spread) * math.sqrt(1 / n_nulls + 1 / expected["n_null"])
    assert got.peak == pytest.approx(expected["peak"], abs=4.5 * error)
    if name in NEARLY_TIED:
        excess = np.sort(got.coefficients - got.null_mean)[:-1]
        assert excess[-1] - excess[-2] < 3 * error
        return
    assert got.degree_of_peak == expected["degree_of_peak"]
    p = expected["p"]
    error_of_p = math.sqrt(p * (1 - p) * (1 / n_nulls + 1 / expected["n_null"]))
    # The null means, and with them the peaks, have errors too: 0.03 are those of p by them.
    assert got.p.value == pytest.approx(p, abs=4.5 * error_of_p + 0.03)


def test_p_is_the_share_of_null_models_that_reach_the_peak():
    graph, n_nulls = real_graph("florentine"), 12
    got = rich_club_p(graph, n_nulls=n_nulls, rng=3)
    seed = int(np.random.default_rng(3).integers(2**63))
    nulls = [
        rich_club(
            null_model(graph, kind="cannistraci-muscoloni", rng=np.random.default_rng([seed, i]))
        ).coefficients
        for i in range(n_nulls)
    ]
    mean = np.mean(nulls, axis=0)
    np.testing.assert_allclose(got.null_mean, mean, atol=1e-12)
    np.testing.assert_allclose(got.null_spread, np.std(nulls, axis=0, ddof=1), atol=1e-12)
    excess = got.coefficients - mean
    assert got.peak == pytest.approx(np.nanmax(excess))
    assert got.degree_of_peak == got.degrees[np.nanargmax(excess)]
    peaks = np.nanmax(nulls - mean, axis=1)
    assert got.p.value == np.mean(peaks >= np.nanmax(excess) - 1e-12)
    assert got.p.n_draws == n_nulls


def test_a_clique_on_a_ring_is_a_rich_club():
    graph = networkx.cycle_graph(30)
    graph.add_edges_from(itertools.combinations(range(0, 30, 6), 2))
    got = rich_club_p(graph, n_nulls=n_draws(100), rng=0)
    assert (got.degrees.tolist(), got.coefficients.tolist()) == ([2], [1.0])
    assert (got.degree_of_peak, got.p.value, got.p.error) == (2, 0.0, 0.0)
    assert got.peak == pytest.approx(1 - got.null_mean[0])


def test_hubs_that_avoid_each_other_are_no_club():
    hubs = networkx.Graph([(hub, 10 * hub + i) for hub in range(1, 5) for i in range(6)])
    hubs.add_edges_from((10 * hub, 10 * (hub % 4 + 1) + 1) for hub in range(1, 5))
    assert rich_club_p(hubs, n_nulls=n_draws(100), rng=0).p.value > 0.9


@pytest.mark.parametrize(
    "graph",
    [
        networkx.empty_graph(0),
        networkx.empty_graph(1),
        networkx.empty_graph(4),
        networkx.star_graph(5),
        networkx.complete_graph(5),
        networkx.cycle_graph(6),
        BipartiteGraph.from_links([], [], (2, 3)),
    ],
)
def test_without_a_club_there_is_a_reason(graph):
    got = rich_club_p(graph, n_nulls=2, rng=0)
    assert math.isnan(got.p.value)
    assert got.p.reason.startswith("fewer than two nodes")
    assert math.isnan(got.peak)
    assert got.degree_of_peak == -1
    assert np.isnan(rich_club(graph).coefficients).all()


def test_every_layer_of_the_zoo_gets_a_number_or_a_reason(graph):
    got = rich_club_p(graph, n_nulls=3, rng=0)
    assert math.isnan(got.p.value) == bool(got.p.reason)
    assert got.degrees.size == got.null_mean.size == got.null_spread.size


def test_a_graph_that_is_alone_with_its_degrees_reaches_its_own_peak():
    threshold = networkx.Graph([(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3)])
    got = rich_club_p(threshold, n_nulls=5, rng=0)
    assert (got.p.value, got.peak) == (1.0, 0.0)
    assert (got.null_spread[~np.isnan(got.coefficients)] == 0).all()


def test_the_test_depends_on_the_seed_alone():
    graph = as_graph(networkx.barabasi_albert_graph(20, 2, seed=1))
    one, same, other = (rich_club_p(graph, n_nulls=10, rng=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.null_mean, same.null_mean)
    assert one.p == same.p
    assert (one.null_mean != other.null_mean).any()


def test_one_null_model_has_no_spread():
    got = rich_club_p(networkx.barabasi_albert_graph(20, 2, seed=1), n_nulls=1, rng=0)
    assert np.isnan(got.null_spread).all()
    assert math.isnan(got.p.spread)


@pytest.mark.parametrize(
    ("change", "error", "name"),
    [
        ({"n_nulls": 0}, ValueError, "n_nulls"),
        ({"n_nulls": 2.0}, TypeError, "n_nulls"),
        ({"rng": "x"}, TypeError, "rng"),
        ({"graph": "karate"}, TypeError, "expected a"),
    ],
)
def test_bad_input_is_named(change, error, name):
    arguments = {"graph": networkx.path_graph(4), **change}
    with pytest.raises(error, match=rf"^{name}\b"):
        rich_club_p(arguments.pop("graph"), **arguments)
