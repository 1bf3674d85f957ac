"""Bipartite link-prediction scores against golden vectors, oracles and closed forms."""

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, as_bipartite
from chgraph.linkpred import BIPARTITE_METHODS, _bipartite_core, automata, score_blocks
from tests import golden, naive, zoo
from tests.golden import TOLERANCE


def scores(graph, method="CH3-L3", **options):
    """All blocks in one matrix."""
    blocks = [block for _, block in score_blocks(graph, method, **options)]
    return np.vstack(blocks) if blocks else np.empty(graph.shape)


def naive_scores(matrix, method):
    """The same from the definition, pair by pair."""
    rule, length = method.split("-")
    neighbors, expected = naive.bipartite_neighbors(matrix), np.zeros(matrix.shape)
    for u, v in np.argwhere(np.asarray(matrix) == 0).tolist():
        if length == "L3n":
            expected[u, v] = naive.ch_l3n_score(matrix, u, v, rule)
        else:
            expected[u, v] = naive.ch_score(neighbors, u, matrix.shape[0] + v, rule, 3)
    return expected


@pytest.mark.parametrize("name", golden.names("linkpred_bipartite"))
def test_golden_vectors(name):
    data = golden.load("linkpred_bipartite", name)
    matrix = golden.biadjacency(data)
    stored = [method for method in BIPARTITE_METHODS if method.replace("-", "_") in data]
    assert {"CH3-L3", "CH2-L3", "RA-L3"} <= {*stored}
    for method in stored:
        got, expected = scores(as_bipartite(matrix), method), data[method.replace("-", "_")]
        np.testing.assert_allclose(got[matrix == 0], expected, **TOLERANCE, err_msg=method)
        assert not got[matrix == 1].any()


@pytest.mark.parametrize("method", BIPARTITE_METHODS)
def test_zoo_against_the_definition(biadjacency, method):
    got = scores(as_bipartite(biadjacency), method)
    np.testing.assert_allclose(got, naive_scores(biadjacency, method), **TOLERANCE)


@given(zoo.biadjacencies(), st.sampled_from(BIPARTITE_METHODS))
def test_random_graphs_against_the_definition(matrix, method):
    got = scores(as_bipartite(matrix), method)
    np.testing.assert_allclose(got, naive_scores(matrix, method), **TOLERANCE)


@pytest.mark.parametrize("shape", [(4, 5), (1, 6), (6, 1)])
def test_complete_graphs_and_stars_have_nothing_to_predict(shape):
    assert not scores(as_bipartite(np.ones(shape))).any()


def test_ends_of_a_path_are_joined_by_one_path_without_external_links():
    path = BipartiteGraph.from_links([0, 1, 1], [0, 0, 1], (2, 2))
    np.testing.assert_array_equal(scores(path), [[0, 1], [0, 0]])


@pytest.mark.parametrize("n", [2, 3, 7])
def test_the_missing_link_of_a_complete_graph(n):
    matrix = np.ones((n, n))
    matrix[0, 0] = 0
    # (n - 1)^2 paths, and no community node has a link out of the community.
    assert scores(as_bipartite(matrix))[0, 0] == pytest.approx((n - 1) ** 2, rel=1e-14)


def test_one_external_link_on_either_side_of_the_path():
    # u=0 - z1=0 - z2=1 - v=1; left 2 hangs on z1 and right 2 on z2.
    matrix = np.array([[1, 0, 0], [1, 1, 1], [1, 0, 0]])
    assert scores(as_bipartite(matrix))[0, 1] == pytest.approx(1 / np.sqrt(2 * 2), rel=1e-15)


def test_scores_of_the_turned_graph_are_the_turned_scores():
    matrix = zoo.BIADJACENCIES["sparse"]
    turned = scores(as_bipartite(matrix.T))
    np.testing.assert_allclose(scores(as_bipartite(matrix)), turned.T, **TOLERANCE)


@pytest.mark.parametrize("method", BIPARTITE_METHODS)
def test_threads_do_not_change_a_bit(method):
    graph = as_bipartite(golden.biadjacency(golden.load("linkpred_bipartite", "mask_100x40_d05")))
    one, two = (scores(graph, method, n_threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("method", BIPARTITE_METHODS)
def test_blocks_do_not_change_a_bit(monkeypatch, method):
    graph = zoo.GRAPHS["sparse"]
    whole = scores(graph, method)
    monkeypatch.setattr(automata, "_BLOCK_BYTES", 8 * graph.n_right * 5)
    blocks = list(score_blocks(graph, method))
    assert [(start, block.shape[0]) for start, block in blocks] == [(0, 5), (5, 5), (10, 2)]
    np.testing.assert_array_equal(np.vstack([block for _, block in blocks]), whole)


@pytest.mark.parametrize("method", BIPARTITE_METHODS)
def test_counting_common_neighbors_anew_changes_nothing(monkeypatch, method):
    graph = zoo.GRAPHS["dense"]
    stored = scores(graph, method)
    frugal = functools.partial(_bipartite_core.prepare, table_bytes=0)
    monkeypatch.setattr(_bipartite_core, "prepare", frugal)
    np.testing.assert_allclose(scores(graph, method), stored, rtol=1e-14)


def test_more_nodes_than_16_bits_can_number():
    right = np.array([5, 65_541, 65_541, 70_000])
    graph = BipartiteGraph.from_links([0, 0, 1, 1], right, (2, 70_001))
    got = scores(graph)
    assert np.argwhere(got).tolist() == [[0, 70_000], [1, 5]]
    np.testing.assert_array_equal(got[got > 0], 1.0)


def test_blocks_are_bounded():
    wide = BipartiteGraph.from_links([0, 1, 1], [0, 0, 1], (90, 100_000))
    sizes = [block.nbytes for _, block in score_blocks(wide)]
    assert len(sizes) > 1
    assert max(sizes) <= 32 * 2**20


def test_an_unknown_method_is_named():
    with pytest.raises(ValueError, match=r"^method must be one of .*'CH3-L3'.*; got 'CH9'"):
        next(score_blocks(zoo.GRAPHS["path"], "CH9"))


@pytest.mark.parametrize(("n_threads", "error"), [(0, ValueError), (1.5, TypeError)])
def test_a_bad_number_of_threads_is_named(n_threads, error):
    with pytest.raises(error, match=r"^n_threads\b"):
        next(score_blocks(zoo.GRAPHS["path"], n_threads=n_threads))
