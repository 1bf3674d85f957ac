"""Rewiring: scores of links, exactly k of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import as_bipartite
from chgraph.rewiring import (
    REMOVAL_KINDS,
    SAMPLINGS,
    removal_scores,
    select_links,
)
from tests import naive, zoo
from tests.frequencies import assert_frequencies, inclusion_chances

SEEDS = st.integers(0, 2**32 - 1)


# ------------------------------------------------------------------------------ removal_scores


@given(zoo.biadjacencies(), SEEDS)
def test_removal_scores_are_their_formulas(matrix, seed):
    graph = as_bipartite(matrix)
    weights = np.random.default_rng(seed).standard_normal(graph.n_links)
    weights[::4] = 0.0
    dense = np.zeros(matrix.shape)
    dense[graph.links()] = weights
    for kind, expected in (
        ("LRS", naive.lrs(dense)),
        ("RI", naive.relative_importance(dense)),
        ("magnitude", np.abs(dense)),
        ("random", np.ones(matrix.shape)),
    ):
        got = removal_scores(graph, weights, kind=kind)
        np.testing.assert_allclose(got, expected[graph.links()], rtol=1e-12, err_msg=kind)


@given(
    zoo.biadjacencies(),
    st.lists(st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0]), min_size=1, max_size=9),
    st.floats(0, 1),
)
def test_set_takes_the_weights_closest_to_zero_of_either_sign_apart(matrix, some, share):
    graph = as_bipartite(matrix)
    weights = np.resize(some, graph.n_links)  # many are equal
    n_removed = round(share * graph.n_links)
    scores = removal_scores(graph, weights, kind="SET")
    kept = select_links(scores, graph.n_links - n_removed, sampling="hard")
    gone = np.setdiff1d(np.arange(graph.n_links), kept)
    assert gone.tolist() == naive.set_removal(weights.tolist(), n_removed)
    assert gone.size == n_removed
    if weights.size and (weights != 0).all():
        for of_sign in (weights > 0, weights < 0):
            assert abs(of_sign[gone].sum() - n_removed * of_sign.mean()) <= 1
            if of_sign[gone].any() and of_sign[kept].any():
                weakest = np.abs(weights[kept][of_sign[kept]]).min()
                assert np.abs(weights[gone][of_sign[gone]]).max() <= weakest


@pytest.mark.parametrize("kind", REMOVAL_KINDS)
def test_removal_scores_take_any_graph_and_zero_weights(graph, kind):
    got = removal_scores(graph, np.zeros(graph.n_links, dtype=np.float32), kind=kind)
    np.testing.assert_array_equal(got, float(kind == "random"))


@pytest.mark.parametrize(
    ("weights", "kind", "name"),
    [
        ([1.0], "LRS", "weights"),
        (np.ones((5, 1)), "LRS", "weights"),
        ([1, 2, np.nan, 4, 5], "LRS", "weights"),
        ([1, 2, np.inf, 4, 5], "RI", "weights"),
        (np.ones(5), "lrs", "kind"),
    ],
)
def test_removal_scores_name_bad_input(weights, kind, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        removal_scores(zoo.GRAPHS["path"], weights, kind=kind)


# -------------------------------------------------------------------------------- select_links


@given(
    st.lists(st.sampled_from([0.0, 1e-300, 0.5, 1.0, 1e300]), max_size=12),
    st.sampled_from(SAMPLINGS),
    SEEDS,
    st.floats(0, 50),
)
def test_exactly_k_links_are_selected(scores, sampling, seed, temperature):
    for k in range(len(scores) + 1):
        got = select_links(scores, k, sampling=sampling, temperature=temperature, rng=seed)
        assert (got.dtype, got.size) == (np.int64, k)
        assert (np.diff(got) > 0).all()
        assert set(got.tolist()) <= set(range(len(scores)))


def test_hard_selection_takes_the_largest_and_of_equal_ones_the_first():
    scores = [2.0, 3.0, 2.0, 0.0, 3.0, 2.0]
    ordered = [1, 4, 0, 2, 5, 3]
    for k in range(7):
        assert select_links(scores, k, sampling="hard").tolist() == sorted(ordered[:k])


@pytest.mark.parametrize("temperature", [1.0, 2.0, 0.0])
def test_soft_selection_has_the_law_of_successive_draws(temperature):
    scores, k, draws = np.array([0.5, 1.0, 2.0, 4.0, 4.0]), 2, 4000
    rng, count = np.random.default_rng(11), np.zeros(5)
    for _ in range(draws):
        count[select_links(scores, k, temperature=temperature, rng=rng)] += 1
    assert_frequencies(count, draws, inclusion_chances(scores**temperature, k))


def test_links_of_score_zero_are_drawn_only_when_needed_and_then_uniformly():
    scores, draws = [0.0, 3.0, 0.0, 1e-200, 0.0], 3000
    rng, count = np.random.default_rng(12), np.zeros(5)
    for _ in range(draws):
        assert select_links(scores, 2, rng=rng).tolist() == [1, 3]
        count[select_links(scores, 3, rng=rng)] += 1
    assert_frequencies(count, draws, np.array([1 / 3, 1, 1 / 3, 1, 1 / 3]))


def test_a_high_temperature_decides_like_hard_selection():
    scores = np.linspace(1.0, 2.0, 30)
    soft = select_links(scores, 7, temperature=1e6, rng=1)
    np.testing.assert_array_equal(soft, select_links(scores, 7, sampling="hard"))


def test_soft_selection_depends_on_the_seed_alone():
    scores = np.ones(100)
    np.testing.assert_array_equal(select_links(scores, 50, rng=4), select_links(scores, 50, rng=4))
    assert (select_links(scores, 50, rng=4) != select_links(scores, 50, rng=5)).any()


@pytest.mark.parametrize(
    ("change", "error", "name"),
    [
        ({"scores": [1.0, -1.0]}, ValueError, "scores"),
        ({"scores": [1.0, np.nan]}, ValueError, "scores"),
        ({"scores": [[1.0, 2.0]]}, ValueError, "scores"),
        ({"scores": 1.0}, ValueError, "scores"),
        ({"k": 3}, ValueError, "k"),
        ({"k": -1}, ValueError, "k"),
        ({"k": 1.0}, TypeError, "k"),
        ({"sampling": "medium"}, ValueError, "sampling"),
        ({"temperature": -1}, ValueError, "temperature"),
        ({"temperature": "hot"}, TypeError, "temperature"),
        ({"rng": "x"}, TypeError, "rng"),
    ],
)
def test_select_links_names_bad_input(change, error, name):
    arguments = {"scores": [1.0, 2.0], "k": 1, **change}
    with pytest.raises(error, match=rf"^{name}\b"):
        select_links(**arguments)
