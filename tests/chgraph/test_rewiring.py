"""Rewiring: scores of links, exactly k of them, dead chains."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, as_bipartite
from chgraph.rewiring import (
    REMOVAL_KINDS,
    SAMPLINGS,
    removal_scores,
    remove_dead_chains,
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


# -------------------------------------------------------------------------- remove_dead_chains


@st.composite
def networks(draw):
    """Biadjacencies of consecutive layers, sparse enough for dead neurons."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=5))
    rng, density = np.random.default_rng(draw(SEEDS)), draw(st.sampled_from([0.2, 0.35, 0.6]))
    return [rng.random(shape) < density for shape in itertools.pairwise(sizes)]


@given(networks())
def test_dead_neurons_lose_their_links_and_nobody_else_does(layers):
    result = remove_dead_chains([as_bipartite(layer) for layer in layers])
    dead = naive.dead_neurons(layers)
    assert [mask.tolist() for mask in result.dead] == [mask.tolist() for mask in dead]
    none = [np.zeros(layers[0].shape[0], bool), *dead, np.zeros(layers[-1].shape[1], bool)]
    for layer, graph, kept, gone in zip(
        layers, result.graphs, result.kept, itertools.pairwise(none), strict=True
    ):
        alive = layer & ~gone[0][:, None] & ~gone[1]
        assert graph == as_bipartite(alive)
        assert as_bipartite(layer).keep_links(kept) == graph
    np.testing.assert_array_equal(result.silent_inputs, result.graphs[0].left_degree == 0)


def test_death_spreads_forward_and_backward():
    chain = BipartiteGraph.from_links([0], [0], (1, 1))
    broken = BipartiteGraph.from_links([], [], (1, 1))
    result = remove_dead_chains([chain, chain, broken, chain, chain])
    assert [mask.tolist() for mask in result.dead] == [[True]] * 4
    assert [graph.n_links for graph in result.graphs] == [0] * 5
    assert result.silent_inputs.tolist() == [True]


def test_a_single_layer_has_no_hidden_neuron(graph):
    result = remove_dead_chains([graph])
    assert (result.graphs, result.dead) == ((graph,), ())


def test_removal_of_chains_is_done_once():
    layers = [np.random.default_rng(s).random((6, 6)) < 0.25 for s in range(3)]
    once = remove_dead_chains([as_bipartite(layer) for layer in layers])
    assert remove_dead_chains(once.graphs).graphs == once.graphs


@pytest.mark.parametrize("graphs", [[], [zoo.GRAPHS["wide"], zoo.GRAPHS["wide"]]])
def test_layers_that_do_not_fit_are_named(graphs):
    with pytest.raises(ValueError, match=r"^graphs\b"):
        remove_dead_chains(graphs)
