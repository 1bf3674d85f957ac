"""Null models: degrees stay, and what is drawn is drawn as often as it is to be."""

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, as_graph
from chgraph.metrics import clustering
from chgraph.threads import thread_limit
from chgraph.topology import (
    NULL_MODELS,
    erdos_renyi,
    lattice_reference,
    null_model,
    small_world,
)
from chgraph.topology import null as null_module
from chgraph.topology._null_core import swap_towards_lattice
from tests import golden, naive, zoo
from tests.frequencies import assert_frequencies, n_draws

SEEDS = st.integers(0, 2**32 - 1)
# Few graphs have these degrees, so that all of them can be listed.
SMALL = {
    "path of five": Graph.from_links([0, 1, 2, 3], [1, 2, 3, 4]),
    "two hubs": Graph.from_links([0, 0, 0, 1, 1, 6], [1, 2, 3, 4, 5, 7]),
    "triangle with tails": Graph.from_links([0, 1, 0, 0, 1, 5], [1, 2, 2, 3, 4, 6]),
    "bipartite path": BipartiteGraph.from_links([0, 0, 1, 1, 2], [0, 1, 1, 2, 2], (3, 3)),
    "bipartite hubs": BipartiteGraph.from_links([0, 0, 0, 1, 2, 3], [0, 1, 2, 0, 0, 3], (4, 4)),
}


@st.composite
def networks(draw):
    """Draw a graph of one or two kinds of nodes."""
    matrix = draw(zoo.biadjacencies(max_nodes=9))
    if draw(st.booleans()):
        return BipartiteGraph.from_biadjacency(matrix)
    size = min(matrix.shape)
    upper = np.triu(matrix[:size, :size], 1)
    return Graph.from_adjacency(upper | upper.T)


def state(graph):
    """The graph as the oracle holds it."""
    return naive.as_state(np.transpose(graph.links()), isinstance(graph, BipartiteGraph))


def real_graph(name):
    links, n_nodes = golden.one_graph(name)
    return Graph.from_links(*links, n_nodes)


def degrees(graph):
    if isinstance(graph, Graph):
        return graph.degree.tolist()
    return graph.left_degree.tolist(), graph.right_degree.tolist()


# ------------------------------------------------------------------------- what does not change


@given(networks(), st.sampled_from(NULL_MODELS), SEEDS)
def test_degrees_stay(graph, kind, seed):
    got = null_model(graph, kind=kind, swaps=2, rng=seed)
    assert (type(got), got.shape) == (type(graph), graph.shape)
    assert degrees(got) == degrees(graph)


@pytest.mark.parametrize("kind", NULL_MODELS)
@pytest.mark.parametrize("name", golden.stochastic())
def test_degrees_of_real_networks_stay(name, kind):
    graph = real_graph(name)
    got = null_model(graph, kind=kind, swaps=1, rng=0)
    np.testing.assert_array_equal(got.degree, graph.degree)


@pytest.mark.parametrize("kind", NULL_MODELS)
@pytest.mark.parametrize(
    "graph",
    [
        networkx.star_graph(6),
        networkx.complete_graph(6),
        networkx.Graph([(0, 1)]),
        networkx.Graph([(0, 1), (1, 2), (2, 0)]),
        networkx.empty_graph(3),
        networkx.empty_graph(0),
        # A threshold graph is the only one with its degrees.
        networkx.Graph([(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3)]),
    ],
)
def test_a_graph_that_is_alone_with_its_degrees_comes_back(graph, kind):
    assert null_model(graph, kind=kind, rng=0) == as_graph(graph)


@pytest.mark.parametrize("kind", NULL_MODELS)
@pytest.mark.parametrize(
    "name", ["one link", "no links", "no left nodes", "no right nodes", "complete", "star"]
)
def test_a_layer_that_is_alone_with_its_degrees_comes_back(name, kind):
    assert null_model(zoo.GRAPHS[name], kind=kind, rng=0) == zoo.GRAPHS[name]


@pytest.mark.parametrize("kind", NULL_MODELS)
def test_names_stay(kind):
    path = null_model(networkx.path_graph(list("abcdef")), kind=kind, rng=1)
    assert path.names == tuple("abcdef")
    layer = BipartiteGraph.from_links(
        [0, 0, 1, 1, 2], [0, 1, 1, 2, 2], (3, 3), left_names="abc", right_names="xyz"
    )
    got = null_model(layer, kind=kind, rng=1)
    assert (got.left_names, got.right_names) == (tuple("abc"), tuple("xyz"))


@pytest.mark.parametrize("kind", NULL_MODELS)
def test_no_swaps_change_nothing(kind):
    graph = SMALL["two hubs"]
    assert null_model(graph, kind=kind, swaps=0, rng=0) == graph


# ------------------------------------------------------------------------------- what is drawn


def counts(graph, kind, states, draws):
    rng, count = np.random.default_rng(7), np.zeros(len(states))
    for _ in range(draws):
        count[states.index(state(null_model(graph, kind=kind, rng=rng)))] += 1
    return count


@pytest.mark.parametrize("name", SMALL)
def test_maslov_sneppen_draws_every_graph_equally_often(name):
    graph, draws = SMALL[name], n_draws(2000)
    states = naive.reachable(state(graph), isinstance(graph, BipartiteGraph))
    assert len(states) > 2
    count = counts(graph, "maslov-sneppen", states, draws)
    assert_frequencies(count, draws, np.full(len(states), 1 / len(states)))


@pytest.mark.parametrize("name", SMALL)
def test_cannistraci_muscoloni_draws_by_degree_products(name):
    graph, draws = SMALL[name], n_draws(2000)
    two_sided = isinstance(graph, BipartiteGraph)
    states, chance = naive.muscoloni_chances(state(graph), two_sided, 10 * graph.n_links)
    count = counts(graph, "cannistraci-muscoloni", states, draws)
    assert_frequencies(count, draws, chance)


@pytest.mark.parametrize(("name", "hubs"), [("two hubs", {0, 1}), ("bipartite hubs", (0, 0))])
def test_cannistraci_muscoloni_parts_hubs(name, hubs):
    graph, draws = SMALL[name], n_draws(2000)
    two_sided = isinstance(graph, BipartiteGraph)
    link = hubs if two_sided else frozenset(hubs)
    states, chance = naive.muscoloni_chances(state(graph), two_sided, 10 * graph.n_links)
    linked = np.array([link in members for members in states])
    assert linked.mean() - chance[linked].sum() > 0.13  # a uniform draw would be told apart
    count = counts(graph, "cannistraci-muscoloni", states, draws)
    assert_frequencies(count[linked].sum(), draws, chance[linked].sum())


def test_isolated_nodes_change_no_null_model():
    graph = SMALL["two hubs"]
    more = Graph.from_links(*graph.links(), graph.n_nodes + 3)
    got = null_model(more, kind="cannistraci-muscoloni", rng=5)
    expected = null_model(graph, kind="cannistraci-muscoloni", rng=5)
    np.testing.assert_array_equal(got.links(), expected.links())


# -------------------------------------------------------------------------------------- lattice


def lengths(first, second, place, ring):
    apart = np.abs(place[first] - place[second])
    return int(np.minimum(apart, ring - apart).sum())


@pytest.mark.parametrize("two_sided", [False, True])
def test_links_never_get_longer_towards_a_lattice(two_sided):
    graph = erdos_renyi(12, 15, 0.7, rng=0) if two_sided else real_graph("karate")
    first, second = graph.links()
    second = second + 12 * two_sided
    lists = null_module.neighbor_lists(first, second)
    place, ring = null_module.ring_places(graph, np.random.default_rng(3))
    total, rng = [lengths(first, second, place, ring)], np.random.default_rng(4)
    for _ in range(20):
        swap_towards_lattice(*lists, first, second, two_sided, place, ring, 20, 5, rng)
        total.append(lengths(first, second, place, ring))
    assert total == sorted(total, reverse=True)
    assert total[-1] < 0.8 * total[0]


@pytest.mark.parametrize("name", golden.stochastic())
def test_as_many_swaps_lead_to_the_lattice_as_in_the_reference(name):
    stochastic = golden.read_json("topological_measures.json")[name]["stochastic"]
    expected = stochastic["smallworld_null_lattice"]["accepted_rewirings_per_iteration"]
    graph = real_graph(name)
    n_rounds, n_tries = 10 * graph.n_links, 1 + round(2 * graph.n_links / (graph.n_nodes - 1))
    shares = []
    for seed in range(n_draws(60)):
        rng = np.random.default_rng(seed)
        first, second = graph.links()
        lists = null_module.neighbor_lists(first, second)
        places = null_module.ring_places(graph, rng)
        n_done = swap_towards_lattice(*lists, first, second, False, *places, n_rounds, n_tries, rng)
        shares.append(n_done / n_rounds)
    error = np.std(shares) * np.sqrt(1 / len(shares) + 1 / 200)
    assert np.mean(shares) == pytest.approx(expected, abs=4.5 * error)


def test_a_layer_becomes_more_like_a_lattice():
    layer = small_world(30, 40, 0.9, beta=1.0, rng=0)

    def four_cycles(graph):
        common = (graph.biadjacency() @ graph.biadjacency().T).toarray().astype(int)
        return np.triu(common * (common - 1) // 2, 1).sum()

    seeds = range(5)
    lattice = np.mean([four_cycles(null_model(layer, kind="lattice", rng=s)) for s in seeds])
    random = np.mean([four_cycles(null_model(layer, rng=s)) for s in seeds])
    assert lattice > 2 * random
    converged = np.mean([four_cycles(lattice_reference(layer, rng=s)) for s in seeds])
    assert converged > 1.2 * lattice


@given(networks(), SEEDS)
def test_a_converged_lattice_has_the_degrees_and_depends_on_the_seed_alone(graph, seed):
    got = lattice_reference(graph, rng=seed)
    assert type(got) is type(graph)
    assert degrees(got) == degrees(graph)
    assert lattice_reference(graph, rng=seed) == got


@pytest.mark.parametrize("k", [4, 8])
def test_a_converged_lattice_of_equal_degrees_is_nearly_a_ring(k):
    """The clustering of ring lattices is 3 (k - 2) / (4 (k - 1)); 10 swaps end far below."""
    random = networkx.random_regular_graph(k, 200, seed=0)
    ring = 3 * (k - 2) / (4 * (k - 1))
    assert clustering(networkx.watts_strogatz_graph(200, k, 0.0)) == pytest.approx(ring)
    converged = np.mean([clustering(lattice_reference(random, rng=s)) for s in range(3)])
    assert converged == pytest.approx(ring, rel=0.1)
    assert clustering(null_model(random, kind="lattice", rng=0)) < 0.7 * ring


def test_a_converged_lattice_keeps_names_and_what_cannot_be_swapped():
    path = lattice_reference(networkx.path_graph(list("abcdef")), rng=1)
    assert path.names == tuple("abcdef")
    for rigid in (networkx.star_graph(5), networkx.complete_graph(5), networkx.empty_graph(3)):
        assert lattice_reference(rigid, rng=0) == as_graph(rigid)


# ------------------------------------------------------------------------------- seeds, big, bad


@pytest.mark.parametrize("kind", NULL_MODELS)
def test_null_models_depend_on_the_seed_alone(kind):
    graph = erdos_renyi(20, 30, 0.9, rng=0)
    one = null_model(graph, kind=kind, rng=3)
    for n_threads in (1, 2):
        with thread_limit(n_threads):
            assert null_model(graph, kind=kind, rng=3) == one
    assert null_model(graph, kind=kind, rng=4) != one
    rng = np.random.default_rng(3)
    assert null_model(graph, kind=kind, rng=rng) != null_model(graph, kind=kind, rng=rng)


def test_the_graph_given_is_left_as_it_is():
    graph = erdos_renyi(20, 30, 0.9, rng=0)
    before = [ends.copy() for ends in graph.links()]
    null_model(graph, rng=0)
    np.testing.assert_array_equal(graph.links(), before)


@pytest.mark.parametrize("kind", NULL_MODELS)
def test_more_nodes_than_16_bits_count(kind):
    n = 70_001
    matching = BipartiteGraph.from_links(np.arange(n), np.arange(n), (n, n))
    got = null_model(matching, kind=kind, swaps=0.02, rng=0)
    assert got != matching
    assert (np.unique(got.links()[1]) == np.arange(n)).all()


@pytest.mark.parametrize(
    ("graph", "options", "error", "name"),
    [
        ("network", {}, TypeError, "expected a"),
        (np.array([[0, 1], [0, 0]]), {}, ValueError, "adjacency"),
        (np.ones((2, 3)), {"kind": "ER"}, ValueError, "kind"),
        (np.ones((2, 3)), {"swaps": -1}, ValueError, "swaps"),
        (np.ones((2, 3)), {"swaps": "10"}, TypeError, "swaps"),
        (np.ones((2, 3)), {"rng": "x"}, TypeError, "rng"),
    ],
)
def test_bad_input_is_named(graph, options, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        null_model(graph, **options)
