"""Regrowth: which unlinked pairs become links, and how many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import as_bipartite
from chgraph.linkpred import BIPARTITE_METHODS
from chgraph.rewiring import SAMPLINGS, regrow_links
from tests import naive, zoo
from tests.frequencies import assert_frequencies, inclusion_chances

SEEDS = st.integers(0, 2**32 - 1)
# Seven unlinked pairs with a score, of five different ones, and a few without any path.
SMALL = np.array([[0, 0, 0, 0, 1], [0, 0, 0, 1, 1], [0, 1, 1, 1, 0], [1, 1, 1, 1, 0]])


def naive_ch3_l3(matrix):
    """CH3-L3 of all pairs at 12 significant digits, 0 for linked ones."""
    neighbors, scores = naive.bipartite_neighbors(matrix), np.zeros(matrix.shape)
    for u, v in np.argwhere(np.asarray(matrix) == 0).tolist():
        score = naive.ch_score(neighbors, u, matrix.shape[0] + v, "CH3", 3)
        scores[u, v] = naive.round_significant(score)
    return scores


def best_pairs(scores, n):
    """The n pairs with the largest scores above 0, ties by index, then sorted by index."""
    order = sorted((-scores[u, v], u, v) for u, v in np.argwhere(scores).tolist())
    return sorted([u, v] for _, u, v in order[:n])


def pairs(links):
    """A list of [left, right] of a pair of arrays."""
    return np.transpose(links).tolist()


@given(
    zoo.biadjacencies(),
    st.integers(0, 60),
    st.sampled_from([*BIPARTITE_METHODS, "random"]),
    st.sampled_from(SAMPLINGS),
    SEEDS,
    st.booleans(),
)
def test_regrown_links_are_exact_in_number_unlinked_and_allowed(
    matrix, n, method, sampling, seed, restrict
):
    rng = np.random.default_rng(seed)
    allowed = tuple(rng.random(size) < 0.6 for size in matrix.shape) if restrict else None
    free = ~matrix & (np.outer(*allowed) if restrict else True)
    left, right = regrow_links(
        as_bipartite(matrix), n, method=method, sampling=sampling, allowed=allowed, rng=seed
    )
    assert left.size == right.size == min(n, free.sum())
    assert free[left, right].all()
    assert (np.diff(left * matrix.shape[1] + right) > 0).all()


@given(zoo.biadjacencies(), st.integers(0, 12), SEEDS)
def test_hard_regrowth_takes_the_best_pairs_and_of_equal_ones_the_first(matrix, n, seed):
    expected = best_pairs(naive_ch3_l3(matrix), n)
    got = pairs(regrow_links(as_bipartite(matrix), n, sampling="hard", rng=seed))
    assert [pair for pair in expected if pair not in got] == []


def test_scores_that_differ_by_rounding_alone_are_a_tie():
    # The pairs (0, 1) and (2, 0) mirror each other: swap rows 0 and 2, columns 0 and 1.
    mirror = as_bipartite([[1, 0, 1, 1, 0], [1, 1, 1, 1, 1], [0, 1, 1, 1, 0]])
    assert pairs(regrow_links(mirror, 1, sampling="hard")) == [[0, 1]]


@given(zoo.biadjacencies(), SEEDS)
def test_pairs_with_a_score_come_before_pairs_without(matrix, seed):
    scores = naive_ch3_l3(matrix)
    for n in {np.count_nonzero(scores), max(np.count_nonzero(scores) - 1, 0)}:
        grown = regrow_links(as_bipartite(matrix), n, rng=seed)
        assert (scores[grown] > 0).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_soft_regrowth_is_in_proportion_to_the_score(n):
    graph, scores, draws = as_bipartite(SMALL), naive_ch3_l3(SMALL), 1500
    assert len({*scores[scores > 0].tolist()}) == 5
    rng, count = np.random.default_rng(n), np.zeros(SMALL.shape)
    for _ in range(draws):
        count[regrow_links(graph, n, rng=rng, n_threads=1)] += 1
    assert_frequencies(count[scores > 0], draws, inclusion_chances(scores[scores > 0].tolist(), n))
    assert not count[scores == 0].any()


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_what_scores_do_not_fill_is_drawn_uniformly(sampling):
    graph, scores, draws = as_bipartite(SMALL), naive_ch3_l3(SMALL), 1000
    n_scored, zero = np.count_nonzero(scores), (SMALL == 0) & (scores == 0)
    rng, count = np.random.default_rng(9), np.zeros(SMALL.shape)
    for _ in range(draws):
        grown = regrow_links(graph, n_scored + 1, sampling=sampling, rng=rng, n_threads=1)
        count[grown] += 1
    assert (count[scores > 0] == draws).all()
    assert_frequencies(count[zero], draws, np.full(zero.sum(), 1 / zero.sum()))


def test_random_regrowth_is_uniform():
    graph, free, draws = as_bipartite(SMALL), SMALL == 0, 2000
    rng, count = np.random.default_rng(10), np.zeros(SMALL.shape)
    for _ in range(draws):
        count[regrow_links(graph, 2, method="random", rng=rng)] += 1
    assert_frequencies(count[free], draws, np.full(free.sum(), 2 / free.sum()))


@pytest.mark.parametrize("method", ["CH3-L3", "random"])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_too_many_links_asked_for_fill_the_graph(graph, method, sampling):
    n_free = graph.n_left * graph.n_right - graph.n_links
    left, right = regrow_links(graph, n_free + 5, method=method, sampling=sampling, rng=0)
    assert left.size == n_free
    assert graph.add_links(left, right).n_links == graph.n_left * graph.n_right


@pytest.mark.parametrize("method", [*BIPARTITE_METHODS, "random"])
def test_the_same_seed_gives_the_same_links_on_any_number_of_threads(method):
    graph = as_bipartite(np.random.default_rng(1).random((30, 40)) < 0.1)
    one, two, again = (
        regrow_links(graph, 100, method=method, rng=5, n_threads=n) for n in (1, 2, None)
    )
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, again)
    assert pairs(regrow_links(graph, 100, method=method, rng=6)) != pairs(one)


def test_blocks_do_not_change_a_soft_draw(monkeypatch):
    graph = as_bipartite(np.random.default_rng(1).random((30, 40)) < 0.1)
    whole = regrow_links(graph, 100, rng=5)
    monkeypatch.setattr("chgraph.linkpred.automata._BLOCK_BYTES", 8 * 40 * 7)
    np.testing.assert_array_equal(regrow_links(graph, 100, rng=5), whole)
    whole = regrow_links(graph, 100, sampling="hard")
    np.testing.assert_array_equal(regrow_links(graph, 100, sampling="hard"), whole)


@pytest.mark.parametrize(
    ("change", "error", "name"),
    [
        ({"n": -1}, ValueError, "n"),
        ({"n": 2.0}, TypeError, "n"),
        ({"method": "CH9-L3"}, ValueError, "method"),
        ({"sampling": "firm"}, ValueError, "sampling"),
        ({"allowed": 3}, ValueError, "allowed"),
        ({"allowed": ([True] * 3, [True] * 4)}, ValueError, r"allowed\[1\]"),
        ({"allowed": ([1, 1, 1], [True] * 3)}, ValueError, r"allowed\[0\]"),
        ({"rng": "x"}, TypeError, "rng"),
        ({"n_threads": 0}, ValueError, "n_threads"),
    ],
)
def test_regrow_links_names_bad_input(change, error, name):
    with pytest.raises(error, match=rf"^{name}(?!\w)"):
        regrow_links(zoo.GRAPHS["path"], **{"n": 1, **change})
