"""Initial topologies: regular graphs, SSCTI, uniform draws of unlinked pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph
from chgraph.topology import (
    correlated,
    erdos_renyi,
    feature_correlated,
    link_count,
    random,
    regular,
    sample_unlinked,
    spike_correlated,
)
from tests import naive, zoo
from tests.frequencies import assert_frequencies, n_draws

SHAPES = st.tuples(st.integers(1, 14), st.integers(1, 14))
SEEDS = st.integers(0, 2**32 - 1)


def pairs(graph):
    """The links as a list of (left, right)."""
    return np.transpose(graph.links()).tolist()


# ------------------------------------------------------------------------------------ regular


@given(SHAPES, st.floats(0, 0.999), SEEDS)
def test_regular_has_exact_count_and_equal_degrees(shape, sparsity, seed):
    n_links = round((1 - sparsity) * shape[0] * shape[1])
    if n_links == 0:
        with pytest.raises(ValueError, match="without links"):
            regular(*shape, sparsity, rng=seed)
        return
    graph = regular(*shape, sparsity, rng=seed)
    assert (graph.shape, graph.n_links) == (shape, n_links)
    assert np.ptp(graph.left_degree) <= 1
    assert np.ptp(graph.right_degree) <= 1


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (2, 40), (40, 2), (30, 30)])
@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.8])
def test_regular_in_extreme_shapes(shape, sparsity):
    graph = regular(*shape, sparsity, rng=1)
    assert graph.n_links == link_count(*shape, sparsity)
    assert max(np.ptp(graph.left_degree), np.ptp(graph.right_degree)) <= 1


@pytest.mark.parametrize(("shape", "sparsity"), [((4, 6), 0.5), ((5, 4), 0.8), ((3, 5), 0.2)])
def test_regular_draws_every_pair_equally_often(shape, sparsity):
    rng, draws = np.random.default_rng(5), 1500
    count = np.zeros(shape)
    for _ in range(draws):
        count[regular(*shape, sparsity, rng=rng).links()] += 1
    chance = link_count(*shape, sparsity) / (shape[0] * shape[1])
    assert np.abs(count / draws - chance).max() < 4.5 * np.sqrt(chance * (1 - chance) / draws)


def test_regular_depends_on_the_seed_alone():
    assert regular(20, 30, 0.8, rng=3) == regular(20, 30, 0.8, rng=3)
    assert regular(20, 30, 0.8, rng=3) != regular(20, 30, 0.8, rng=4)


def test_a_generator_moves_on():
    rng = np.random.default_rng(0)
    assert regular(20, 30, 0.8, rng=rng) != regular(20, 30, 0.8, rng=rng)


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ((0, 3, 0.5), ValueError, "n_left"),
        ((3, 0, 0.5), ValueError, "n_right"),
        ((3.0, 3, 0.5), TypeError, "n_left"),
        ((True, 3, 0.5), TypeError, "n_left"),
        ((3, 3, 1.0), ValueError, "sparsity"),
        ((3, 3, -0.1), ValueError, "sparsity"),
        ((3, 3, float("nan")), ValueError, "sparsity"),
        ((3, 3, "0.5"), TypeError, "sparsity"),
        ((3, 3, 0.99), ValueError, "sparsity"),
    ],
)
def test_regular_names_bad_input(arguments, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        regular(*arguments)


@pytest.mark.parametrize("rng", ["seed", -1, 1.5])
def test_a_bad_seed_is_named(rng):
    with pytest.raises(TypeError, match=r"^rng\b"):
        regular(3, 3, 0.5, rng=rng)


# -------------------------------------------------------------------------------- erdos_renyi


@given(SHAPES, st.floats(0, 0.999), SEEDS)
def test_erdos_renyi_has_exact_counts(shape, sparsity, seed):
    n_links = round((1 - sparsity) * shape[0] * shape[1])
    if n_links == 0:
        with pytest.raises(ValueError, match="without links"):
            erdos_renyi(*shape, sparsity, rng=seed)
        return
    graph = erdos_renyi(*shape, sparsity, rng=seed)
    assert (graph.shape, graph.n_links) == (shape, n_links)


def test_erdos_renyi_draws_every_graph_equally_often():
    rng, draws, count = np.random.default_rng(3), 3000, {}
    for _ in range(draws):
        graph = erdos_renyi(2, 3, 0.5, rng=rng)
        count[graph] = count.get(graph, 0) + 1
    assert len(count) == 20  # 6 pairs, 3 links
    assert_frequencies(np.array(list(count.values())), draws, np.full(20, 1 / 20))


def test_erdos_renyi_depends_on_the_seed_alone():
    assert erdos_renyi(20, 30, 0.8, rng=3) == erdos_renyi(20, 30, 0.8, rng=3)
    assert erdos_renyi(20, 30, 0.8, rng=3) != erdos_renyi(20, 30, 0.8, rng=4)


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ((0, 3, 0.5), ValueError, "n_left"),
        ((3, 2.0, 0.5), TypeError, "n_right"),
        ((3, 3, 1.0), ValueError, "sparsity"),
        ((3, 3, 0.99), ValueError, "sparsity"),
    ],
)
def test_erdos_renyi_names_bad_input(arguments, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        erdos_renyi(*arguments)


@pytest.mark.parametrize("size", [0, 1, 4, 5, 8, 9])
def test_numbers_drawn_in_little_memory_are_uniform(monkeypatch, size):
    monkeypatch.setattr(random, "_MAX_LISTED", 0)
    rng, draws, count = np.random.default_rng(3), n_draws(2000), np.zeros(9)
    for _ in range(draws):
        drawn = random._distinct(9, size, rng)
        assert np.unique(drawn).size == drawn.size == size
        count[drawn] += 1
    assert_frequencies(count, draws, np.full(9, size / 9))


def test_a_large_layer_needs_no_list_of_its_pairs(monkeypatch):
    class NoList(np.random.Generator):
        def choice(self, n, size, replace):
            assert n < 2**22 or 50 * size < n
            return super().choice(n, size=size, replace=replace)

    for sparsity in (0.99, 0.95):
        graph = erdos_renyi(3000, 3000, sparsity, rng=NoList(np.random.PCG64(1)))
        assert graph.n_links == link_count(3000, 3000, sparsity)


# ---------------------------------------------------------------------------- spike_correlated


def expected_pairs(correlation, n_out, n_links):
    """The top pairs by rounded |correlation|, ties by index; those above 0 only."""
    n_in = len(correlation)
    candidates = [
        (-round(abs(correlation[i, j % n_in]), 12), i, j)
        for i in range(n_in)
        for j in range(n_out)
        if j % n_in != i
    ]
    best = sorted(key for key in candidates if key[0] < 0)[:n_links]
    return sorted([i, j] for _, i, j in best)


@st.composite
def spike_trains(draw):
    """Boolean (observations, n_in) with inputs of different rates, some always or never on."""
    n_in = draw(st.integers(2, 7))
    rng = np.random.default_rng(draw(SEEDS))
    return rng.random((draw(st.integers(2, 30)), n_in)) < rng.choice([0, 0.2, 0.5, 0.8, 1], n_in)


@given(spike_trains(), st.integers(1, 16), st.floats(0.3, 0.99), st.sampled_from(["phi", "eq2"]))
def test_the_most_correlated_pairs_become_links(spikes, n_out, sparsity, statistic):
    n_in = spikes.shape[1]
    n_links = round((1 - sparsity) * n_in * n_out)
    if n_links == 0:
        return
    matrix = {"phi": naive.phi_matrix, "eq2": naive.eq2_matrix}[statistic](spikes)
    expected = expected_pairs(matrix, n_out, n_links)
    graph = spike_correlated(spikes.astype(np.int8), n_out, sparsity, statistic=statistic, rng=0)
    assert (graph.shape, graph.n_links) == ((n_in, n_out), n_links)
    assert [pair for pair in expected if pair not in pairs(graph)] == []
    if len(expected) == n_links:
        assert pairs(graph) == expected


@given(st.integers(2, 6), st.integers(3, 20), st.integers(1, 12), SEEDS)
def test_analogue_inputs_are_correlated_as_they_are(n_in, n_observations, n_out, seed):
    x = np.random.default_rng(seed).random((n_observations, n_in)) * [1e3, *[1.0] * (n_in - 1)]
    x[:, -1] = 0.25
    n_links = max(1, round(0.3 * n_in * n_out))
    expected = expected_pairs(naive.pearson_matrix(x), n_out, n_links)
    graph = spike_correlated(x, n_out, 1 - n_links / (n_in * n_out), rng=0)
    assert [pair for pair in expected if pair not in pairs(graph)] == []


@pytest.mark.parametrize("n_out", [1, 5, 12, 13, 40])
def test_wide_and_tall_layers_have_exact_counts(n_out):
    spikes = np.random.default_rng(2).random((50, 12)) < 0.4
    for sparsity in (0.0, 0.5, 0.95):
        graph = spike_correlated(spikes.astype(float), n_out, sparsity, rng=1)
        assert (graph.shape, graph.n_links) == ((12, n_out), round((1 - sparsity) * 12 * n_out))


def test_a_layer_of_one_input_gets_its_links_by_chance():
    graph = spike_correlated([[1], [0]], 10, 0.5, rng=1)
    assert (graph.shape, graph.n_links) == ((1, 10), 5)
    assert graph != spike_correlated([[1], [0]], 10, 0.5, rng=2)


def test_booleans_are_spikes():
    spikes = np.random.default_rng(2).random((50, 12)) < 0.4
    graph = spike_correlated(spikes, 20, 0.9)
    assert graph == spike_correlated(spikes.astype(float), 20, 0.9)


def test_time_and_batch_are_both_observations():
    spikes = np.random.default_rng(3).random((4, 6, 8)) < 0.5
    flat = spikes.reshape(-1, 8).astype(np.uint8)
    assert spike_correlated(spikes.astype(np.uint8), 8, 0.8) == spike_correlated(flat, 8, 0.8)


def test_anticorrelation_counts_as_much_as_correlation():
    a = np.array([1, 1, 0, 0, 1, 0, 1, 0])
    graph = spike_correlated(np.stack([a, 1 - a, [1, 0, 0, 0, 0, 0, 0, 1]], axis=1), 3, 7 / 9)
    assert pairs(graph) == [[0, 1], [1, 0]]


def test_ties_go_to_the_lower_input_then_output():
    same = np.repeat([[0], [1]], 4, axis=1)
    assert pairs(spike_correlated(same, 4, 1 - 5 / 16)) == [[0, 1], [0, 2], [0, 3], [1, 0], [1, 2]]


def test_blocks_of_rows_do_not_change_the_graph(monkeypatch):
    spikes = (np.random.default_rng(4).random((60, 15)) < 0.4).astype(np.int8)
    whole = [spike_correlated(spikes, 31, 0.9, statistic=kind) for kind in correlated.STATISTICS]
    monkeypatch.setattr(correlated, "_BLOCK_BYTES", 8 * 31 * 4)
    monkeypatch.setattr(correlated, "_OBSERVATIONS_PER_CHUNK", 7)
    for kind, graph in zip(correlated.STATISTICS, whole, strict=True):
        assert spike_correlated(spikes, 31, 0.9, statistic=kind) == graph


def test_inputs_that_never_change_are_linked_only_when_nothing_else_is_left():
    spikes = np.random.default_rng(5).random((40, 6)) < 0.5
    spikes[:, 2], spikes[:, 4] = False, True
    graph = spike_correlated(spikes.astype(int), 6, 1 - 12 / 36)
    assert graph.left_degree[[2, 4]].tolist() == graph.right_degree[[2, 4]].tolist() == [0, 0]


def test_chance_fills_up_without_linking_an_input_to_its_own_copies():
    constant = np.ones((5, 4), dtype=int)
    for seed in range(10):
        left, right = spike_correlated(constant, 8, 0.5, rng=seed).links()
        assert (left != right % 4).all()


@pytest.mark.parametrize(
    ("change", "error", "name"),
    [
        ({"spikes": [1, 0]}, ValueError, "spikes"),
        ({"spikes": np.zeros((0, 3))}, ValueError, "spikes"),
        ({"spikes": [[np.nan, 1.0]]}, ValueError, "spikes"),
        ({"spikes": [["a", "b"]]}, ValueError, "spikes"),
        ({"n_out": 0}, ValueError, "n_out"),
        ({"n_out": 2.5}, TypeError, "n_out"),
        ({"sparsity": 1.0}, ValueError, "sparsity"),
        ({"sparsity": 0.99}, ValueError, "sparsity"),
        ({"statistic": "chi"}, ValueError, "statistic"),
        ({"spikes": [[0.5, 1], [1, 0]], "statistic": "eq2"}, ValueError, "statistic"),
        ({"rng": "x"}, TypeError, "rng"),
    ],
)
def test_spike_correlated_names_bad_input(change, error, name):
    arguments = {"spikes": [[1, 0], [0, 1]], "n_out": 4, "sparsity": 0.5, **change}
    with pytest.raises(error, match=rf"^{name}\b"):
        spike_correlated(**arguments)


# -------------------------------------------------------------------------- feature_correlated


@given(st.integers(2, 6), st.integers(3, 20), st.integers(1, 12), SEEDS)
def test_the_most_correlated_features_become_links(n_in, n_samples, n_out, seed):
    x = np.random.default_rng(seed).standard_normal((n_samples, n_in))
    x[:, -1] = -3.5
    n_links = max(1, round(0.3 * n_in * n_out))
    expected = expected_pairs(naive.pearson_matrix(x), n_out, n_links)
    graph = feature_correlated(x, n_out, 1 - n_links / (n_in * n_out), rng=0)
    assert (graph.shape, graph.n_links) == ((n_in, n_out), n_links)
    assert [pair for pair in expected if pair not in pairs(graph)] == []
    if len(expected) == n_links:
        assert pairs(graph) == expected


def test_features_and_spikes_are_correlated_alike():
    rng = np.random.default_rng(3)
    x = rng.random((50, 12))
    assert feature_correlated(x, 20, 0.9) == spike_correlated(x, 20, 0.9)
    spikes = (x < 0.4).astype(int)
    assert feature_correlated(spikes, 20, 0.9) == spike_correlated(spikes, 20, 0.9)


@pytest.mark.parametrize(("shape", "n_out"), [((9, 1), 7), ((9, 7), 1), ((9, 5), 40)])
def test_features_of_any_shape_have_exact_counts(shape, n_out):
    x = np.random.default_rng(2).random(shape)
    for sparsity in (0.0, 0.5, 0.8):
        graph = feature_correlated(x, n_out, sparsity, rng=1)
        assert graph.n_links == round((1 - sparsity) * shape[1] * n_out)


def test_features_that_tell_nothing_are_linked_by_chance():
    x = np.ones((4, 5))
    assert feature_correlated(x, 6, 0.5, rng=1) == feature_correlated(x, 6, 0.5, rng=1)
    assert feature_correlated(x, 6, 0.5, rng=1) != feature_correlated(x, 6, 0.5, rng=2)


@pytest.mark.parametrize(
    ("change", "error", "name"),
    [
        ({"features": np.ones((2, 3, 4))}, ValueError, "features"),
        ({"features": np.ones(3)}, ValueError, "features"),
        ({"features": np.ones((3, 0))}, ValueError, "features"),
        ({"features": [[np.inf, 1.0]]}, ValueError, "features"),
        ({"features": [["a", "b"]]}, ValueError, "features"),
        ({"n_out": 0}, ValueError, "n_out"),
        ({"sparsity": 1.0}, ValueError, "sparsity"),
        ({"rng": "x"}, TypeError, "rng"),
    ],
)
def test_feature_correlated_names_bad_input(change, error, name):
    arguments = {"features": [[1, 0], [0, 1]], "n_out": 4, "sparsity": 0.5, **change}
    with pytest.raises(error, match=rf"^{name}\b"):
        feature_correlated(**arguments)


# ----------------------------------------------------------------------------- sample_unlinked


@given(zoo.biadjacencies(), st.integers(0, 60), SEEDS, st.booleans())
def test_sampled_pairs_are_distinct_unlinked_and_allowed(matrix, n, seed, restrict):
    rng = np.random.default_rng(seed)
    allowed = tuple(rng.random(size) < 0.6 for size in matrix.shape) if restrict else None
    free = ~matrix & (np.outer(*allowed) if restrict else True)
    left, right = sample_unlinked(
        BipartiteGraph.from_biadjacency(matrix), n, allowed=allowed, rng=seed
    )
    assert left.size == right.size == min(n, free.sum())
    assert free[left, right].all()
    codes = left * matrix.shape[1] + right
    assert (np.diff(codes) > 0).all()


def test_every_unlinked_pair_is_sampled_equally_often():
    matrix = zoo.BIADJACENCIES["components"]
    graph, rng, draws = zoo.GRAPHS["components"], np.random.default_rng(0), 3000
    count = np.zeros(matrix.shape)
    for _ in range(draws):
        count[sample_unlinked(graph, 3, rng=rng)] += 1
    chance = 3 / (matrix == 0).sum()
    error = np.sqrt(chance * (1 - chance) / draws)
    assert np.abs(count[matrix == 0] / draws - chance).max() < 4.5 * error


@pytest.mark.parametrize(
    ("n", "allowed", "error", "name"),
    [
        (-1, None, ValueError, "n"),
        (1.0, None, TypeError, "n"),
        (1, np.ones(3, bool), ValueError, "allowed"),
        (1, (np.ones(3, bool), np.ones(2, bool)), ValueError, r"allowed\[1\]"),
        (1, (np.ones(3), np.ones(3)), ValueError, r"allowed\[0\]"),
    ],
)
def test_sample_unlinked_names_bad_input(n, allowed, error, name):
    with pytest.raises(error, match=rf"^{name}(?!\w)"):
        sample_unlinked(zoo.GRAPHS["path"], n, allowed=allowed)
