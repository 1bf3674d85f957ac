"""Small-world, receptive-field and scale-free layers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph.topology import (
    erdos_renyi,
    link_count,
    receptive_field,
    scale_free,
    small_world,
    structured,
)
from chgraph.topology._growth_core import _choose, grow_links
from tests import naive
from tests.frequencies import assert_frequencies, inclusion_chances, n_draws

SHAPES = st.tuples(st.integers(1, 14), st.integers(1, 14))
SEEDS = st.integers(0, 2**32 - 1)
GENERATORS = {
    "lattice": lambda *a, rng: small_world(*a, beta=0.0, rng=rng),
    "small world": lambda *a, rng: small_world(*a, beta=0.4, rng=rng),
    "band": lambda *a, rng: receptive_field(*a, r=0.0, degree="uniform", rng=rng),
    "fixed field": lambda *a, rng: receptive_field(*a, r=0.3, rng=rng),
    "uniform field": lambda *a, rng: receptive_field(*a, r=0.3, degree="uniform", rng=rng),
    "scale-free": scale_free,
}
RANDOM = [name for name in GENERATORS if name != "lattice"]


def frequencies(make, shape, draws, seed=5):
    """How often each pair is linked in so many graphs."""
    rng, count = np.random.default_rng(seed), np.zeros(shape)
    for _ in range(draws):
        count[make(rng).links()] += 1
    return count


# ---------------------------------------------------------------------------- every generator


@given(st.sampled_from(list(GENERATORS)), SHAPES, st.floats(0, 0.999), SEEDS)
def test_counts_are_exact(name, shape, sparsity, seed):
    n_links = round((1 - sparsity) * shape[0] * shape[1])
    if n_links == 0:
        with pytest.raises(ValueError, match="without links"):
            GENERATORS[name](*shape, sparsity, rng=seed)
        return
    graph = GENERATORS[name](*shape, sparsity, rng=seed)
    assert (graph.shape, graph.n_links) == (shape, n_links)


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 200), (200, 3)])
@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.6, 0.98])
def test_counts_are_exact_in_extreme_shapes(name, shape, sparsity):
    if round((1 - sparsity) * shape[0] * shape[1]):
        graph = GENERATORS[name](*shape, sparsity, rng=1)
        assert (graph.shape, graph.n_links) == (shape, link_count(*shape, sparsity))


@pytest.mark.parametrize("name", RANDOM)
def test_graphs_depend_on_the_seed_alone(name):
    make = GENERATORS[name]
    assert make(20, 30, 0.8, rng=3) == make(20, 30, 0.8, rng=3)
    assert make(20, 30, 0.8, rng=3) != make(20, 30, 0.8, rng=4)
    generator = np.random.default_rng(3)
    assert make(20, 30, 0.8, rng=generator) != make(20, 30, 0.8, rng=generator)


@pytest.mark.parametrize("name", GENERATORS)
def test_more_nodes_than_16_bits_count(name):
    for shape in [(100_001, 2), (2, 100_001)]:
        graph = GENERATORS[name](*shape, 0.99, rng=0)
        assert (graph.shape, graph.n_links) == (shape, 2000)
        assert max(ends.max() for ends in graph.links()) > 2**16


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize(
    ("arguments", "error", "argument"),
    [
        ((0, 3, 0.5), ValueError, "n_left"),
        ((3, 0, 0.5), ValueError, "n_right"),
        ((3, 3.0, 0.5), TypeError, "n_right"),
        ((3, 3, 1.0), ValueError, "sparsity"),
        ((3, 3, 0.99), ValueError, "sparsity"),
        ((3, 3, "0.5"), TypeError, "sparsity"),
    ],
)
def test_bad_sizes_are_named(name, arguments, error, argument):
    with pytest.raises(error, match=rf"^{argument}\b"):
        GENERATORS[name](*arguments, rng=0)


@pytest.mark.parametrize(
    ("make", "options", "error", "argument"),
    [
        (small_world, {"beta": 1.01}, ValueError, "beta"),
        (small_world, {"beta": -0.1}, ValueError, "beta"),
        (small_world, {"beta": None}, TypeError, "beta"),
        (small_world, {"beta": 0.5, "rng": "x"}, TypeError, "rng"),
        (receptive_field, {"r": 1.01}, ValueError, "r"),
        (receptive_field, {"r": float("nan")}, ValueError, "r"),
        (receptive_field, {"r": 0.2, "degree": "equal"}, ValueError, "degree"),
        (receptive_field, {"r": 0.2, "rng": -1}, TypeError, "rng"),
        (scale_free, {"rng": 1.5}, TypeError, "rng"),
    ],
)
def test_bad_options_are_named(make, options, error, argument):
    with pytest.raises(error, match=rf"^{argument}\b"):
        make(4, 4, 0.5, **options)


# -------------------------------------------------------------------------------- small_world


@given(SHAPES, st.floats(0, 0.9), st.sampled_from(["fixed", "uniform"]), SEEDS)
def test_without_randomness_the_nearest_inputs_are_linked(shape, sparsity, degree, seed):
    if round((1 - sparsity) * shape[0] * shape[1]) == 0:
        return
    graph = receptive_field(*shape, sparsity, r=0.0, degree=degree, rng=seed)
    linked = graph.biadjacency().toarray() > 0
    for j in range(shape[1]):
        distance = np.array([naive.ring_distance(i, j, *shape) for i in range(shape[0])])
        if 0 < linked[:, j].sum() < shape[0]:
            assert distance[linked[:, j]].max() <= distance[~linked[:, j]].min()


@given(SHAPES, st.floats(0, 0.9))
def test_the_lattice_is_the_same_for_both_models_and_regular(shape, sparsity):
    if round((1 - sparsity) * shape[0] * shape[1]) == 0:
        return
    lattice = small_world(*shape, sparsity, beta=0.0)
    assert lattice == receptive_field(*shape, sparsity, r=0.0)
    assert np.ptp(lattice.right_degree) <= 1
    assert np.ptp(lattice.left_degree) <= 3  # the most of any layer up to 15 x 15


def test_a_lattice_of_equal_layers_is_a_circulant():
    graph = small_world(7, 7, 1 - 3 / 7, beta=0.0)
    expected = sum(np.roll(np.eye(7, dtype=int), step, axis=0) for step in (-1, 0, 1))
    np.testing.assert_array_equal(graph.biadjacency().toarray(), expected)


@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_a_share_of_the_links_goes_anywhere(beta):
    shape, draws = (5, 6), n_draws(2000)
    lattice = small_world(*shape, 0.7, beta=0.0).biadjacency().toarray() > 0
    n, pairs = int(lattice.sum()), lattice.size
    # Of K ~ binomial links that stay, the rest falls uniformly on the other pairs.
    stay = np.arange(n + 1)
    chance = np.cumprod([1.0, *((n - stay[:-1]) / (stay[:-1] + 1))])
    chance *= (1 - beta) ** stay * beta ** (n - stay)
    found = stay + (n - stay) ** 2 / (pairs - stay)
    on_lattice = float(chance @ found) / n
    off_lattice = n * (1 - on_lattice) / (pairs - n)
    count = frequencies(lambda rng: small_world(*shape, 0.7, beta=beta, rng=rng), shape, draws)
    assert_frequencies(count, draws, np.where(lattice, on_lattice, off_lattice))
    if beta == 1.0:
        assert on_lattice == pytest.approx(n / pairs)


def test_a_fully_rewired_lattice_is_a_random_graph():
    draws = n_draws(200)
    spreads = [
        np.mean([make(rng).left_degree.var() for rng in range(draws)])
        for make in (
            lambda rng: small_world(40, 50, 0.9, beta=1.0, rng=rng),
            lambda rng: erdos_renyi(40, 50, 0.9, rng=rng),
        )
    ]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.15)


# ---------------------------------------------------------------------------- receptive_field


@pytest.mark.parametrize("r", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
def test_inputs_are_drawn_by_their_distance(r, shape):
    draws = n_draws(2000)
    chance = np.column_stack(
        [inclusion_chances(naive.receptive_field_weights(j, *shape, r), 2) for j in range(shape[1])]
    )
    sparsity = 1 - 2 / shape[0]
    count = frequencies(lambda rng: receptive_field(*shape, sparsity, r=r, rng=rng), shape, draws)
    assert_frequencies(count, draws, chance)


@given(SHAPES, st.floats(0, 0.95), SEEDS)
def test_degrees_are_spread_evenly(shape, sparsity, seed):
    n_left, n_right = shape
    n_links = round((1 - sparsity) * n_left * n_right)
    if n_links == 0:
        return
    graph = receptive_field(*shape, sparsity, r=0.5, degree="uniform", rng=seed)
    degree, mean = np.sort(graph.right_degree), n_links / n_right
    half_width = min(mean - (mean >= 1), n_left - mean)
    quantiles = mean + half_width * ((np.arange(n_right) + 0.5) / n_right * 2 - 1)
    assert np.abs(degree - np.sort(quantiles)).max() < 1 + 1e-9
    assert degree.min() >= (mean >= 1)


def test_uniform_degrees_are_dealt_at_random():
    draws, shape = n_draws(1000), (9, 5)
    rng, count = np.random.default_rng(2), np.zeros((5, 10))
    for _ in range(draws):
        degree = receptive_field(*shape, 1 - 25 / 45, r=0.0, degree="uniform", rng=rng).right_degree
        count[np.arange(5), degree] += 1
    # Quantiles 1.8, 3.4, 5, 6.6, 8.2 of a mean of 5, rounded with their total kept.
    chance = np.zeros(10)
    chance[[1, 4, 5, 6, 9]] = 0.2
    assert_frequencies(count, draws, np.tile(chance, (5, 1)))


def test_nearness_falls_with_r():
    def mean_distance(r):
        left, right = receptive_field(60, 80, 0.95, r=r, rng=0).links()
        return np.mean(
            [float(naive.ring_distance(i, j, 60, 80)) for i, j in zip(left, right, strict=True)]
        )

    distances = [mean_distance(r) for r in (0.0, 0.1, 0.3, 0.6, 1.0)]
    assert distances == sorted(distances)
    assert distances[-1] == pytest.approx(60 / 4, rel=0.15)


def test_blocks_do_not_change_the_graph(monkeypatch):
    whole = receptive_field(30, 41, 0.8, r=0.4, degree="uniform", rng=1)
    monkeypatch.setattr(structured, "_BLOCK_BYTES", 8 * 30 * 4)
    assert receptive_field(30, 41, 0.8, r=0.4, degree="uniform", rng=1) == whole


# --------------------------------------------------------------------------------- scale_free


@pytest.mark.parametrize("sparsity", [0.4, 0.8])
def test_hubs_are_anywhere(sparsity):
    shape, draws = (4, 6), n_draws(1500)
    count = frequencies(lambda rng: scale_free(*shape, sparsity, rng=rng), shape, draws)
    assert_frequencies(count, draws, np.full(shape, link_count(*shape, sparsity) / 24))


def test_newcomers_prefer_nodes_with_many_links():
    # Left 0, right 0 (with a link), left 1 (one link, to right 0), right 1 (one link, to one
    # of the left nodes, which have one each), left 2: right 0 has two links, right 1 one.
    side, brought = np.array([0, 1, 0, 1, 0]), np.array([0, 1, 1, 1, 1])
    draws, rng = n_draws(3000), np.random.default_rng(0)
    fourth, fifth = np.zeros(2), np.zeros(2)
    for _ in range(draws):
        left, right = np.empty(4, dtype=np.int64), np.empty(4, dtype=np.int64)
        assert grow_links(side, brought, 3, left, right, rng) == 4
        assert (left[:2].tolist(), right[:3].tolist(), left[3]) == ([0, 1], [0, 0, 1], 2)
        fourth[left[2]] += 1
        fifth[right[3]] += 1
    assert_frequencies(fourth, draws, np.array([1 / 2, 1 / 2]))
    assert_frequencies(fifth, draws, np.array([2 / 3, 1 / 3]))


def test_a_node_that_is_all_but_certain_hides_no_other():
    draws, rng, degree = n_draws(2000), np.random.default_rng(1), np.array([1000, 1, 2, 0])
    count = np.zeros(4)
    for arrival in range(draws):
        ends = np.append(np.repeat(np.arange(4), degree), [-1, -1])
        _choose(ends, 1003, 2, degree, np.full(4, -1), arrival, rng)
        count[ends[1003:]] += 1
    assert_frequencies(count, draws, inclusion_chances(degree, 2))


def test_nodes_without_links_are_chosen_when_no_others_are_left():
    draws, rng, degree = n_draws(1000), np.random.default_rng(1), np.array([0, 3, 0, 0])
    count = np.zeros(4)
    for arrival in range(draws):
        ends = np.array([1, 1, 1, -1, -1])
        _choose(ends, 3, 2, degree, np.full(4, -1), arrival, rng)
        count[ends[3:]] += 1
    assert_frequencies(count, draws, np.array([1 / 3, 1, 1 / 3, 1 / 3]))


def test_links_that_find_no_node_wait_for_one():
    side, brought = np.array([0, 0, 0, 1, 1]), np.array([1, 1, 1, 0, 0])
    left, right = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    assert grow_links(side, brought, 3, left, right, np.random.default_rng(0)) == 3
    assert (sorted(left.tolist()), right.tolist()) == ([0, 1, 2], [0, 0, 0])


@pytest.mark.parametrize("shape", [(2000, 2000), (800, 5000)])
def test_both_sides_have_a_power_law_tail(shape):
    n_links = 20_000
    sparsity = 1 - n_links / (shape[0] * shape[1])
    graphs = [scale_free(*shape, sparsity, rng=1), erdos_renyi(*shape, sparsity, rng=1)]
    for side in ("left_degree", "right_degree"):
        degree, random = (getattr(graph, side) for graph in graphs)
        # Maximum likelihood from the mean degree on (Clauset 2009, eq. 3.7).
        start = degree.mean()
        tail = degree[degree >= start]
        gamma = 1 + tail.size / np.log(tail / (start - 0.5)).sum()
        assert 2.4 < gamma < 3.6
        assert degree.max() > 4 * random.max()
        assert degree.min() > 0
