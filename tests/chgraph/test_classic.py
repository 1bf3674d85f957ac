"""Classic link predictors against networkx, the slow oracles and closed forms."""

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, as_bipartite, as_graph
from chgraph.linkpred import _classic_dense, classic
from chgraph.linkpred._pairs import joined
from chgraph.linkpred.classic import (
    CLASSIC_METHODS,
    classic_methods,
    classic_pair_scores,
    classic_scores,
    katz_matrix,
    spm_matrix,
)
from tests import golden, naive, zoo
from tests.golden import TOLERANCE

LOCAL = ("CN", "JC", "AA", "RA", "PA")
MONOPARTITE = (*LOCAL, "Katz", "SPM")
BIPARTITE = ("CN", "JC", "CAR", "CJC", "CPA", "RA", "AA", "CRA", "CAA", "PA")
NETWORKX = {
    "JC": networkx.jaccard_coefficient,
    "AA": networkx.adamic_adar_index,
    "RA": networkx.resource_allocation_index,
    "PA": networkx.preferential_attachment,
}
ADJACENCIES = {
    "no nodes": np.zeros((0, 0)),
    "one node": np.zeros((1, 1)),
    "no links": np.zeros((4, 4)),
    "one link": 1 - np.eye(2),
    "complete": 1 - np.eye(5),
    "star": networkx.to_numpy_array(networkx.star_graph(5)),
    "path": networkx.to_numpy_array(networkx.path_graph(6)),
    "components": np.kron(np.eye(2), 1 - np.eye(3)),
    "isolated node": np.pad(networkx.to_numpy_array(networkx.cycle_graph(5)), (1, 0)),
    "karate": networkx.to_numpy_array(networkx.karate_club_graph(), weight=None),
}


@pytest.fixture(params=list(ADJACENCIES))
def network(request):
    """Every monopartite graph of the list in turn."""
    return as_graph(ADJACENCIES[request.param])


@st.composite
def adjacencies(draw, max_nodes=12):
    """Draw a graph of any density."""
    n = draw(st.integers(1, max_nodes))
    density = draw(st.sampled_from([0.1, 0.3, 0.6]))
    upper = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random((n, n)) < density
    return np.triu(upper, 1) | np.triu(upper, 1).T


def neighbor_sets(graph):
    return naive.neighbors_from_edges(graph.n_nodes, zip(*graph.links(), strict=True))


def matrix_of(graph, method, **options):
    """All chunks in one matrix; checks that no pair comes twice, linked, or without score."""
    pairs = joined(list(classic_scores(graph, method, **options)))
    assert pairs.source.dtype == pairs.target.dtype == np.int64
    assert (pairs.score > 0).all()
    if isinstance(graph, Graph):
        assert (pairs.source < pairs.target).all()
        assert not graph.has_links(pairs.source, pairs.target).any()
    else:
        assert (graph.link_ids(pairs.source, pairs.target) == -1).all()
    scores = np.zeros(graph.shape)
    np.add.at(scores, (pairs.source, pairs.target), 1)
    assert scores.max(initial=0) <= 1
    scores[pairs.source, pairs.target] = pairs.score
    return scores


def naive_monopartite(graph, method):
    neighbors, expected = neighbor_sets(graph), np.zeros(graph.shape)
    for u, v in naive.all_pairs(neighbors):
        expected[u, v] = naive.classic_score(neighbors, u, v, method)
    return expected


def unlinked_only(graph, matrix):
    """The upper triangle with zeros at the links."""
    return np.triu(np.where(graph.adjacency().toarray(), 0.0, matrix), 1)


def naive_forms(matrix, method):
    matrix, expected = np.asarray(matrix, dtype=int), np.zeros(np.shape(matrix))
    for u, v in np.argwhere(matrix == 0).tolist():
        expected[u, v] = naive.daminelli_scores(matrix, u, v)[method]
    return expected


# ------------------------------------------------------------------------ monopartite


@pytest.mark.parametrize("method", LOCAL)
def test_local_scores_against_the_definition(network, method):
    expected = naive_monopartite(network, method)
    got = matrix_of(network, method)
    np.testing.assert_allclose(got, unlinked_only(network, expected), **TOLERANCE)
    pairs = np.array(naive.all_pairs(neighbor_sets(network)), dtype=int).reshape(-1, 2)
    got = classic_pair_scores(network, method, *pairs.T)
    np.testing.assert_allclose(got, expected[tuple(pairs.T)], **TOLERANCE)


@given(adjacencies(), st.sampled_from(LOCAL))
def test_local_scores_of_random_graphs(adjacency, method):
    graph = as_graph(adjacency)
    expected = unlinked_only(graph, naive_monopartite(graph, method))
    np.testing.assert_allclose(matrix_of(graph, method), expected, **TOLERANCE)


@pytest.mark.parametrize("method", NETWORKX)
@pytest.mark.parametrize("name", ["les_miserables", "florentine", "synthetic_disconnected"])
def test_local_scores_against_networkx(name, method):
    data = golden.load("linkpred_monopartite", name)
    graph = Graph.from_links(*data["edges"].T, int(data["n"]))
    peer = graph.to_networkx()
    expected = np.zeros(graph.shape)
    for u, v, score in NETWORKX[method](peer):
        expected[min(u, v), max(u, v)] = score
    np.testing.assert_allclose(matrix_of(graph, method), expected, **TOLERANCE)
    linked = [score for _, _, score in NETWORKX[method](peer, list(peer.edges))]
    got = classic_pair_scores(graph, method, *np.array(list(peer.edges)).T)
    np.testing.assert_allclose(got, linked, **TOLERANCE)


@pytest.mark.parametrize("method", LOCAL)
def test_chunks_do_not_change_a_bit(monkeypatch, method):
    graph = as_graph(ADJACENCIES["karate"])
    whole = matrix_of(graph, method)
    pairs = np.nonzero(whole)
    scores = classic_pair_scores(graph, method, *pairs)
    monkeypatch.setattr(classic, "_CHUNK_PAIRS", 100)
    assert len(list(classic_scores(graph, method))) > 5
    np.testing.assert_array_equal(matrix_of(graph, method), whole)
    np.testing.assert_array_equal(classic_pair_scores(graph, method, *pairs), scores)


@pytest.mark.parametrize("beta", [None, 0.01, 0.1])
def test_katz_against_the_inverse(beta):
    graph = as_graph(ADJACENCIES["karate"])
    largest = np.linalg.eigvalsh(ADJACENCIES["karate"])[-1]
    expected = naive.katz_matrix(neighbor_sets(graph), 0.5 / largest if beta is None else beta)
    np.testing.assert_allclose(katz_matrix(graph, beta), expected, **TOLERANCE)


def test_katz_scores_are_the_matrix(network):
    expected = unlinked_only(network, katz_matrix(network))
    np.testing.assert_array_equal(matrix_of(network, "Katz"), expected)


def test_katz_finds_the_largest_eigenvalue_of_larger_networks():
    wheel = as_graph(networkx.wheel_graph(101))  # 1 + sqrt(1 + n) with n on the rim
    assert _classic_dense.largest_eigenvalue(wheel) == pytest.approx(1 + np.sqrt(101), rel=1e-12)
    ring = as_graph(networkx.cycle_graph(80))
    assert _classic_dense.largest_eigenvalue(ring) == pytest.approx(2, rel=1e-12)


def test_katz_keeps_the_digits_of_far_pairs():
    # On a long path K(0, n - 1) is beta^(n - 1) over a determinant: far below rounding errors.
    n, beta = 40, 0.01
    got = katz_matrix(as_graph(networkx.path_graph(n)), beta)[0, -1]
    determinants = [1.0, 1.0]
    for _ in range(n - 1):
        determinants.append(determinants[-1] - beta**2 * determinants[-2])
    assert got == pytest.approx(beta ** (n - 1) / determinants[-1], rel=1e-12)


def test_katz_leaves_the_own_link_of_a_pair_out(network):
    u, v = network.links()
    chosen = np.arange(0, u.size, -(-max(u.size, 1) // 15))
    beta = _classic_dense.katz_beta(network)
    expected = []
    for i in chosen:
        rest = Graph.from_links(np.delete(u, i), np.delete(v, i), network.n_nodes)
        expected.append(katz_matrix(rest, beta)[u[i], v[i]])
    got = classic_pair_scores(network, "Katz", u[chosen], v[chosen])
    np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-14)
    assert (got[np.array(expected, dtype=float) == 0] == 0).all()


@pytest.mark.parametrize("name", ["karate", "star", "complete", "components", "isolated node"])
def test_spm_against_the_definition(name):
    graph = as_graph(ADJACENCIES[name])
    neighbors, links = neighbor_sets(graph), np.column_stack(graph.links())
    rng, n_removed = np.random.default_rng(5), max(1, round(0.1 * graph.n_links))
    expected = np.zeros(graph.shape)
    for _ in range(3):
        removed = links[rng.choice(graph.n_links, n_removed, replace=False)]
        expected += naive.spm_matrix(neighbors, removed) / 3
    got = spm_matrix(graph, repeats=3, rng=5)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-10)


def test_spm_scores_are_the_positive_part_of_its_matrix(network):
    expected = np.maximum(spm_matrix(network), 0)
    got = matrix_of(network, "SPM")
    np.testing.assert_allclose(got, unlinked_only(network, expected), atol=1e-12)
    pairs = np.array(naive.all_pairs(neighbor_sets(network)), dtype=int).reshape(-1, 2).T
    got = classic_pair_scores(network, "SPM", *pairs)
    np.testing.assert_allclose(got, expected[tuple(pairs)], atol=1e-12)


def test_spm_follows_its_seed():
    graph = as_graph(ADJACENCIES["karate"])
    one, same, other = (spm_matrix(graph, repeats=2, rng=seed) for seed in (0, 0, 1))
    np.testing.assert_allclose(one, same, atol=1e-12)
    assert np.abs(one - other).max() > 0.01


# -------------------------------------------------------------------------- bipartite


@pytest.mark.parametrize("method", BIPARTITE)
def test_forms_of_the_zoo_against_the_definition(biadjacency, method):
    got = matrix_of(as_bipartite(biadjacency), method)
    np.testing.assert_allclose(got, naive_forms(biadjacency, method), **TOLERANCE)


@given(zoo.biadjacencies(), st.sampled_from(BIPARTITE))
def test_forms_of_random_graphs_against_the_definition(matrix, method):
    got = matrix_of(as_bipartite(matrix), method)
    np.testing.assert_allclose(got, naive_forms(matrix, method), **TOLERANCE)


@given(zoo.biadjacencies(), st.sampled_from(BIPARTITE))
def test_pairs_leave_their_own_link_out(matrix, method):
    left, right = (index.reshape(-1) for index in np.indices(matrix.shape))
    expected = []
    for u, v in zip(left, right, strict=True):
        without = matrix.astype(int)
        without[u, v] = 0
        expected.append(naive.daminelli_scores(without, u, v)[method])
    got = classic_pair_scores(as_bipartite(matrix), method, left, right)
    np.testing.assert_allclose(got, expected, **TOLERANCE)


def test_forms_by_hand():
    # u=0 - {0, 1} and v=2 - {1, 2}; one link between them, 0 - 1; left 2 hangs on v alone.
    matrix = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1]])
    graph = as_bipartite(matrix)
    expected = {
        "CN": 2,
        "JC": 2 / 4,
        "CAR": 2,
        "CJC": 2 / 4,
        "CPA": 1 * 1 + 1 * 2 + 1 * 2 + 4,
        "RA": 1 / 2 + 1 / 2,
        "AA": 2.0,
        "CRA": 1 / 2 + 1 / 2,
        "CAA": 2.0,
        "PA": 4,
    }
    got = {method: classic_pair_scores(graph, method, [0], [2])[0] for method in BIPARTITE}
    assert got == pytest.approx(expected)


@pytest.mark.parametrize("method", BIPARTITE)
def test_threads_and_chunks_do_not_change_the_forms(monkeypatch, method):
    graph = as_bipartite(golden.biadjacency(golden.load("linkpred_bipartite", "mask_100x40_d05")))
    one, two = (matrix_of(graph, method, n_threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)
    monkeypatch.setattr(classic, "_CHUNK_PAIRS", 400)
    assert len(list(classic_scores(graph, method))) == 10
    np.testing.assert_array_equal(matrix_of(graph, method), one)


# ------------------------------------------------------------------------------- both


def test_which_methods_serve_which_graph():
    assert classic_methods(as_graph(ADJACENCIES["path"])) == MONOPARTITE
    assert set(classic_methods(zoo.GRAPHS["path"])) == {*BIPARTITE}
    assert {*MONOPARTITE, *BIPARTITE} == {*CLASSIC_METHODS}


@pytest.mark.parametrize("method", CLASSIC_METHODS)
@pytest.mark.parametrize("graph", [zoo.GRAPHS["sparse"], as_graph(ADJACENCIES["karate"])])
def test_progress_sums_to_the_whole(graph, method):
    if method not in classic_methods(graph):
        pytest.skip("not defined for this kind of graph")
    told = []
    chunks = joined(list(classic_scores(graph, method, progress=told.append)))
    assert sum(told) == pytest.approx(1)
    assert chunks.score.size == np.count_nonzero(matrix_of(graph, method))


@pytest.mark.parametrize(
    ("graph", "method", "message"),
    [
        (as_graph(ADJACENCIES["path"]), "CAR", "'CAR' is not defined for networks of one kind"),
        (zoo.GRAPHS["path"], "Katz", "'Katz' is not defined for bipartite networks.*CAR"),
        (zoo.GRAPHS["path"], "XX", "method must be one of 'CN'.*got 'XX'"),
    ],
)
def test_methods_that_do_not_serve_are_refused(graph, method, message):
    with pytest.raises(ValueError, match=message):
        classic_scores(graph, method)
    with pytest.raises(ValueError, match=message):
        classic_pair_scores(graph, method, [0], [1])


@pytest.mark.parametrize(("method", "limit"), [("Katz", 10_000), ("SPM", 5_000)])
def test_large_networks_are_refused_with_advice(method, limit):
    graph = Graph.from_links([0], [1], limit + 1)
    with pytest.raises(ValueError, match=rf"{method} .* at most {limit:,} nodes.*CH3-L3"):
        classic_scores(graph, method)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ([0], [9], r"target must lie in \[0, 6\), got 9"),
        ([0, 1], [2], "source and target must have equal length, got 2 and 1"),
        ([1], [1], "source and target must be two different nodes"),
    ],
)
def test_bad_pairs_are_named(source, target, message):
    with pytest.raises(ValueError, match=message):
        classic_pair_scores(as_graph(ADJACENCIES["path"]), "RA", source, target)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda graph: katz_matrix(graph, 0.0), "beta must be above 0"),
        (lambda graph: katz_matrix(graph, -1.0), "beta must be at least 0"),
        (lambda graph: katz_matrix(graph, 0.5), r"beta must be below .* = 0\.14.*diverges"),
        (lambda graph: spm_matrix(graph, removed=1.0), r"removed must be in \[0, 1\)"),
        (lambda graph: spm_matrix(graph, repeats=0), "repeats must be at least 1"),
    ],
)
def test_bad_parameters_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(as_graph(ADJACENCIES["karate"]))


def test_no_pairs_and_a_wide_layer():
    graph = BipartiteGraph.from_links([0, 1, 1], [5, 65_541, 5], (2, 70_001))
    for method in BIPARTITE:
        assert classic_pair_scores(graph, method, [], []).size == 0
    assert matrix_of(graph, "CN")[0, 65_541] == 2
