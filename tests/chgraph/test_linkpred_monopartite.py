"""Monopartite Cannistraci-Hebb scores: golden vectors, oracles, closed forms, symmetries."""

import contextlib
import functools
import itertools

import networkx
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import Graph, as_bipartite, as_graph
from chgraph.linkpred import _monopartite_network, automata
from chgraph.linkpred._pairs import joined
from chgraph.linkpred.methods import LOCAL_COMMUNITIES
from chgraph.linkpred.scores import (
    best_unlinked,
    pair_scores,
    unlinked_scores,
)
from chgraph.threads import thread_limit
from tests import golden, naive, zoo
from tests.golden import TOLERANCE

RULES = ("RA", "CH1", "CH2", "CH3", "CH3.1")
METHODS = [f"{rule}-L{length}" for rule in RULES for length in (2, 3)]
STORED = [method for method in METHODS if not method.startswith("CH3.1")]  # in golden files
SLOW_WALKS = 100_000  # walks of three links that plain Python still follows in seconds

compiled_only = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="slow without compilation")

GRAPHS = {
    name: as_graph(graph)
    for name, graph in {
        "no nodes": networkx.empty_graph(0),
        "one node": networkx.empty_graph(1),
        "no links": networkx.empty_graph(4),
        "one link": networkx.path_graph(2),
        "path": networkx.path_graph(6),
        "cycle": networkx.cycle_graph(7),
        "clique": networkx.complete_graph(6),
        "octahedron": networkx.octahedral_graph(),
        "star": networkx.star_graph(6),
        "wheel": networkx.wheel_graph(7),
        "complete bipartite": networkx.complete_bipartite_graph(3, 4),
        "barbell": networkx.barbell_graph(4, 1),
        "isolated nodes": networkx.disjoint_union(networkx.empty_graph(2), networkx.bull_graph()),
        "components": networkx.disjoint_union_all(
            [networkx.house_graph(), networkx.empty_graph(1), networkx.lollipop_graph(4, 3)]
        ),
        "grid": networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(3, 4)),
        "petersen": networkx.petersen_graph(),
        "dense": networkx.gnp_random_graph(10, 0.7, seed=1),
        "hubs": networkx.barabasi_albert_graph(14, 2, seed=2),
    }.items()
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads cost more than these networks on a busy machine; 1 and 2 are compared below."""
    with thread_limit(1):
        yield


@pytest.fixture(params=list(GRAPHS))
def network(request):
    """Every graph of the list in turn."""
    return GRAPHS[request.param]


@st.composite
def graphs(draw, max_nodes=10):
    """Draw a graph: of any density, or parts of it, with isolated nodes and several components."""
    n = draw(st.integers(1, max_nodes))
    density = draw(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    upper = np.triu(rng.random((n, n)) < density, 1)
    block = rng.integers(0, draw(st.integers(1, 3)), n)
    upper &= block[:, None] == block
    return as_graph(upper | upper.T)


def neighbor_sets(graph):
    return naive.neighbors_from_edges(graph.n_nodes, zip(*graph.links(), strict=True))


def all_pairs(graph):
    """Source and target of all pairs, by (source, target)."""
    return np.triu_indices(graph.n_nodes, 1)


def scored(graph, method, **options):
    """The unlinked pairs with a positive score; checks their types and that each comes once."""
    pairs = joined(list(unlinked_scores(graph, method, **options)))
    assert pairs.source.dtype == pairs.target.dtype == np.int64
    assert pairs.score.dtype == np.float64
    assert (pairs.score > 0).all()
    assert (pairs.source < pairs.target).all()
    assert not graph.has_links(pairs.source, pairs.target).any()
    assert np.unique(pairs.source * graph.n_nodes + pairs.target).size == pairs.score.size
    return pairs


def matrix_of(graph, method, **options):
    """Scores of the unlinked pairs in the upper triangle, 0 elsewhere."""
    pairs, scores = scored(graph, method, **options), np.zeros(graph.shape)
    scores[pairs.source, pairs.target] = pairs.score
    return scores


def naive_scores(graph, method, local_community, source, target):
    rule, length = method.split("-L")
    neighbors, pairs = neighbor_sets(graph), zip(source.tolist(), target.tolist(), strict=True)
    return np.array(
        [naive.ch_score(neighbors, u, v, rule, int(length), local_community) for u, v in pairs]
    )


def check_against_the_definition(graph, method, local_community):
    """Both ways to score, over all pairs: chosen ones, linked too, and all unlinked ones."""
    source, target = all_pairs(graph)
    expected = naive_scores(graph, method, local_community, source, target)
    got = pair_scores(graph, method, source, target, local_community=local_community)
    np.testing.assert_allclose(got, expected, **TOLERANCE)
    unlinked = ~graph.has_links(source, target)
    listed = matrix_of(graph, method, local_community=local_community)[source, target]
    np.testing.assert_allclose(listed, np.where(unlinked, expected, 0.0), **TOLERANCE)


# --------------------------------------------------------------------------- golden


def golden_graph(name):
    """A golden network; skips those that take long without compilation."""
    data = golden.load("linkpred_monopartite", name)
    graph = Graph.from_links(*data["edges"].T, int(data["n"]))
    adjacency = graph.adjacency().astype(int)
    if numba.config.DISABLE_JIT and graph.degree @ (adjacency @ graph.degree) > SLOW_WALKS:
        pytest.skip("slow without compilation")
    return graph


def check_golden(graph, method, data, local_community):
    """Compare the two stored columns of a method with every way to get them."""
    key, options = method.replace("-", "_"), {"local_community": local_community}
    source, target = all_pairs(graph)
    unlinked = ~graph.has_links(source, target)
    source, target = source[unlinked], target[unlinked]
    listed = matrix_of(graph, method, **options)[source, target]
    np.testing.assert_allclose(listed, data[key], **TOLERANCE, err_msg=method)
    linked = pair_scores(graph, method, *graph.links(), **options)
    np.testing.assert_allclose(linked, data[f"{key}_linked"], **TOLERANCE, err_msg=method)
    chosen = golden.sample(source.size, 100) if numba.config.DISABLE_JIT else slice(None)
    got = pair_scores(graph, method, source[chosen], target[chosen], **options)
    np.testing.assert_allclose(got, data[key][chosen], **TOLERANCE, err_msg=method)


@pytest.mark.parametrize("name", golden.names("linkpred_monopartite"))
def test_golden_vectors(name):
    data, graph = golden.load("linkpred_monopartite", name), golden_graph(name)
    np.testing.assert_array_equal(np.transpose(graph.links()), data["edges"])
    for method in STORED:
        check_golden(graph, method, data, "all")


@pytest.mark.parametrize("name", golden.names("linkpred_monopartite_onpath"))
def test_golden_vectors_on_path(name):
    data, graph = golden.load("linkpred_monopartite_onpath", name), golden_graph(name)
    stored = {f"{rule}-L3" for rule in ("CH1", "CH2", "CH3")}
    assert {method for method in STORED if method.replace("-", "_") in data} == stored
    everywhere = golden.load("linkpred_monopartite", name)
    for method in STORED:  # RA and L2 do not depend on the definition
        check_golden(graph, method, data if method in stored else everywhere, "on-path")


@pytest.mark.parametrize("name", golden.read_json("small_graphs.json"))
def test_small_graphs(name):
    stored = golden.read_json("small_graphs.json")[name]
    graph = Graph.from_links(*np.array(stored["edges"], int).reshape(-1, 2).T, stored["n"])
    source, target = (np.array([pair[end] for pair in stored["pairs"]]) for end in "uv")
    linked = np.array([pair["linked"] for pair in stored["pairs"]])
    np.testing.assert_array_equal(graph.has_links(source, target), linked)
    for method, local_community in itertools.product(STORED, LOCAL_COMMUNITIES):
        key, options = method.replace("-", "_"), {"local_community": local_community}
        suffix = "_onpath" if local_community == "on-path" else ""
        expected = np.array([p.get(f"{key}{suffix}", p[key]) for p in stored["pairs"]])
        for first, second in ((source, target), (target, source)):
            got = pair_scores(graph, method, first, second, **options)
            np.testing.assert_allclose(got, expected, **TOLERANCE, err_msg=method)
        listed = matrix_of(graph, method, **options)[source, target]
        np.testing.assert_allclose(listed, np.where(linked, 0, expected), **TOLERANCE)


def test_ch31_is_the_printed_formula_not_the_other_one_of_its_name():
    stored = golden.read_json("small_graphs.json")["pendant_ch31"]
    graph, extras = Graph.from_links(*np.transpose(stored["edges"])), stored["model_extras"]
    u, v = extras["pair"]
    expected = extras["CH3.1_L3 as in NSIforPPI (id 5)"]
    assert expected != pytest.approx(extras["CH3.1_L3 as in Cannistraci-Hebb-training (id 5)"])
    got = pair_scores(graph, "CH3.1-L3", np.array([u]), np.array([v]))
    np.testing.assert_allclose(got, expected, **TOLERANCE)
    np.testing.assert_allclose(matrix_of(graph, "CH3.1-L3")[u, v], expected, **TOLERANCE)


def test_the_smallest_graph_on_which_the_two_local_communities_differ():
    stored = golden.read_json("small_graphs.json")["disagree_unlinked_5n6e"]
    graph = Graph.from_links(*np.transpose(stored["edges"]))
    assert matrix_of(graph, "CH3-L3")[0, 1] == pytest.approx(2, rel=1e-14)
    on_path = matrix_of(graph, "CH3-L3", local_community="on-path")[0, 1]
    assert on_path == pytest.approx(np.sqrt(2), rel=1e-14)


# ------------------------------------------------------------------------ the oracle


@pytest.mark.parametrize("local_community", LOCAL_COMMUNITIES)
@pytest.mark.parametrize("method", METHODS)
def test_drawn_graphs_against_the_definition(network, method, local_community):
    check_against_the_definition(network, method, local_community)


@given(graphs(), st.sampled_from(METHODS), st.sampled_from(LOCAL_COMMUNITIES))
def test_random_graphs_against_the_definition(graph, method, local_community):
    check_against_the_definition(graph, method, local_community)


@given(
    st.integers(3, 9),
    st.integers(0, 2**32 - 1),
    st.sampled_from(METHODS),
    st.sampled_from(LOCAL_COMMUNITIES),
)
def test_nearly_complete_graphs_against_the_definition(n, seed, method, local_community):
    # All of the local community is linked to both ends: the corner that random graphs miss.
    rng = np.random.default_rng(seed)
    upper = np.triu(np.ones((n, n), dtype=bool), 1)
    upper[rng.integers(0, n, 3), rng.integers(0, n, 3)] = False
    check_against_the_definition(as_graph(upper | upper.T), method, local_community)


@compiled_only
@pytest.mark.parametrize("local_community", LOCAL_COMMUNITIES)
@pytest.mark.parametrize("method", METHODS)
def test_a_network_with_hubs_against_the_definition(method, local_community):
    graph = as_graph(networkx.powerlaw_cluster_graph(150, 4, 0.6, seed=5))
    scores = matrix_of(graph, method, local_community=local_community)
    source, target = all_pairs(graph)
    chosen = np.random.default_rng(6).choice(source.size, 40, replace=False)
    source, target = source[chosen], target[chosen]
    expected = naive_scores(graph, method, local_community, source, target)
    got = pair_scores(graph, method, source, target, local_community=local_community)
    np.testing.assert_allclose(got, expected, **TOLERANCE)
    unlinked = ~graph.has_links(source, target)
    np.testing.assert_allclose(scores[source, target], expected * unlinked, **TOLERANCE)


# ---------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("n", [4, 5, 8])
def test_the_missing_link_of_a_clique(n):
    graph = as_graph(networkx.complete_graph(n))
    graph = Graph.from_links(*(ends[1:] for ends in graph.links()))  # without 0 - 1
    m = n - 2  # the local community: each member is linked to all others and to both ends
    paths = {2: m, 3: m * (m - 1)}
    term = {"RA": 1 / (n - 1), "CH1": (m - 1) / (n - 1), "CH2": m, "CH3": 1, "CH3.1": m}
    for rule, length in itertools.product(RULES, (2, 3)):
        scores = matrix_of(graph, f"{rule}-L{length}")
        assert np.argwhere(scores).tolist() == [[0, 1]]
        assert scores[0, 1] == pytest.approx(paths[length] * term[rule], rel=1e-13)


def test_two_leaves_of_a_star():
    graph = as_graph(networkx.star_graph(5))
    assert matrix_of(graph, "RA-L2")[1, 2] == pytest.approx(1 / 5, rel=1e-14)
    assert matrix_of(graph, "CH3-L2")[1, 2] == pytest.approx(1 / 4, rel=1e-14)  # 3 external links
    assert not matrix_of(graph, "CH1-L2").any()  # no internal link
    assert not matrix_of(graph, "CH3-L3").any()


def test_the_ends_of_a_path_of_four_nodes():
    graph = as_graph(networkx.path_graph(4))
    for rule, expected in {"RA": 1 / 2, "CH1": 1 / 2, "CH2": 2, "CH3": 1, "CH3.1": 2}.items():
        scores = matrix_of(graph, f"{rule}-L3")
        assert np.argwhere(scores).tolist() == [[0, 3]]
        assert scores[0, 3] == pytest.approx(expected, rel=1e-14)


def test_linked_pairs_of_a_cycle_of_four_nodes():
    graph = as_graph(networkx.cycle_graph(4))
    np.testing.assert_allclose(pair_scores(graph, "CH3-L3", *graph.links()), 1.0, rtol=1e-14)
    np.testing.assert_array_equal(pair_scores(graph, "CH3-L2", *graph.links()), 0.0)


def test_more_nodes_than_16_bits_can_number():
    path = np.array([70_000, 3, 65_541, 131_000])
    graph = Graph.from_links(path[:-1], path[1:])
    for got in (scored(graph, "CH3-L3"), best_unlinked(graph, "CH3-L3", 5)):
        assert [column.tolist() for column in got] == [[70_000], [131_000], [1.0]]
    got = pair_scores(graph, "CH3-L3", path[:2], path[[3, 1]])
    np.testing.assert_array_equal(got[:1], [1.0])


# ----------------------------------------------------------------- the k best, and ties

TIED = {
    "cycle": networkx.cycle_graph(12),
    "hypercube": networkx.convert_node_labels_to_integers(networkx.hypercube_graph(4)),
    "grid": networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(4, 5)),
    "petersen": networkx.petersen_graph(),
    "ladder": networkx.circular_ladder_graph(6),
    "equal parts": networkx.disjoint_union_all([networkx.house_graph()] * 3),
    "karate": networkx.Graph(networkx.karate_club_graph().edges()),
}


def shuffled(graph, seed=8):
    """The graph with its node numbers mixed, so that degree and number say nothing together."""
    mixed = np.random.default_rng(seed).permutation(graph.n_nodes)
    return Graph.from_links(*(mixed[ends] for ends in graph.links()), graph.n_nodes)


def listed_best_first(graph, method, **options):
    """All pairs sorted in plain Python: score at 12 digits falling, source, target."""
    pairs = zip(*(column.tolist() for column in scored(graph, method, **options)), strict=True)
    return sorted(pairs, key=lambda pair: (-naive.round_significant(pair[2]), *pair[:2]))


def check_best(graph, method, k, expected, **options):
    best = best_unlinked(graph, method, k, **options)
    assert best.source.dtype == best.target.dtype == np.int64
    got = list(zip(*(column.tolist() for column in best), strict=True))
    assert got == expected[:k]  # scores too, to the last bit


def some_counts(n):
    return sorted({1, 2, 3, 5, 8, 13, n // 3, n // 2, n - 2, n - 1, n, n + 1, 2 * n + 7} - {-1, 0})


@pytest.mark.parametrize("method", ["CH3-L3", "CH2-L2", "RA-L3", "CH3.1-L2"])
@pytest.mark.parametrize("name", TIED)
def test_the_k_best_are_the_head_of_the_sorted_list(name, method):
    graph = shuffled(as_graph(TIED[name]))
    expected = listed_best_first(graph, method)
    assert len({naive.round_significant(score) for *_, score in expected}) < len(expected)
    for k in some_counts(len(expected)):
        check_best(graph, method, k, expected)


@pytest.mark.parametrize("method", METHODS)
def test_the_k_best_on_path(method):
    graph, options = shuffled(as_graph(TIED["karate"])), {"local_community": "on-path"}
    expected = listed_best_first(graph, method, **options)
    for k in (1, 10, 50, len(expected) + 1):
        check_best(graph, method, k, expected, **options)


@given(graphs(), st.sampled_from(METHODS), st.integers(1, 60))
def test_the_k_best_of_random_graphs(graph, method, k):
    check_best(graph, method, k, listed_best_first(graph, method))


@pytest.mark.parametrize("method", ["CN", "JC", "AA", "PA", "Katz"])
def test_the_k_best_of_classic_methods(method):
    graph = shuffled(as_graph(TIED["grid"]))
    expected = listed_best_first(graph, method)
    for k in some_counts(len(expected)):
        check_best(graph, method, k, expected)


def test_a_tie_across_rounding_errors_is_a_tie():
    # Mirror images: equal sums, added in another order by other node numbers.
    graph = as_graph(networkx.powerlaw_cluster_graph(15, 3, 0.5, seed=4))
    source, target = graph.links()
    order = np.random.default_rng(9).permutation(15) + 15
    twice = Graph.from_links(np.append(source, order[source]), np.append(target, order[target]), 30)
    expected = listed_best_first(twice, "CH2-L3")
    keys = [naive.round_significant(score) for *_, score in expected]
    scores = [score for *_, score in expected]
    assert len(set(keys)) < len(set(scores)) < len(scores)
    for k in some_counts(len(expected)):
        check_best(twice, "CH2-L3", k, expected)


@pytest.mark.parametrize("name", ["no nodes", "one node", "no links", "clique", "star", "grid"])
@pytest.mark.parametrize("method", ["CH3-L3", "CH3-L2", "CN"])
def test_the_best_none(name, method):
    best = best_unlinked(GRAPHS[name], method, 0)
    assert [column.size for column in best] == [0, 0, 0]


@pytest.mark.parametrize("method", ["CH3-L3", "CN"])
def test_far_more_asked_for_than_there_are(method):
    graph = as_graph(TIED["cycle"])
    expected = listed_best_first(graph, method)
    check_best(graph, method, 2**40, expected)


# ------------------------------------------- what must change nothing, to the last bit


def everything(graph, method, **options):
    """Listed scores, the 30 best, and the scores of all pairs."""
    best = best_unlinked(graph, method, 30, **options)
    return [
        matrix_of(graph, method, **options),
        *best,
        pair_scores(graph, method, *all_pairs(graph), **options),
    ]


def check_same(got, expected):
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@compiled_only
@pytest.mark.parametrize("local_community", LOCAL_COMMUNITIES)
@pytest.mark.parametrize("method", METHODS)
def test_threads_do_not_change_a_bit(method, local_community):
    graph, options = as_graph(TIED["karate"]), {"local_community": local_community}
    one, two = (everything(graph, method, n_threads=n, **options) for n in (1, 2))
    check_same(one, two)


@pytest.mark.parametrize("method", ["CH3-L3", "CH2-L2"])
@pytest.mark.parametrize("n_workers", [1, 3, 50])
def test_shares_of_workers_do_not_change_a_bit(monkeypatch, method, n_workers):
    graph = as_graph(TIED["karate"])
    expected = everything(graph, method)
    monkeypatch.setattr(automata, "thread_limit", lambda _: contextlib.nullcontext(n_workers))
    check_same(everything(graph, method), expected)


@pytest.mark.parametrize("method", ["CH3-L3", "CH2-L2"])
def test_chunks_do_not_change_a_bit(monkeypatch, method):
    graph = as_graph(TIED["karate"])
    expected = everything(graph, method)
    monkeypatch.setattr(automata, "_CHUNK_PAIRS", 30)
    monkeypatch.setattr(automata, "_CHUNK_WALKS", 100)
    assert len(list(unlinked_scores(graph, method))) > 5
    check_same(everything(graph, method), expected)


@pytest.mark.parametrize("method", METHODS)
def test_searching_triangles_anew_changes_no_bit(monkeypatch, method):
    graph = as_graph(TIED["karate"])
    expected = everything(graph, method)
    frugal = functools.partial(_monopartite_network.prepare, apex_bytes=0)
    monkeypatch.setattr(_monopartite_network, "prepare", frugal)
    check_same(everything(graph, method), expected)


@pytest.mark.parametrize("method", METHODS)
def test_a_pair_has_one_score_both_ways_and_wherever_it_is_listed(method):
    graph = as_graph(TIED["karate"])
    source, target = all_pairs(graph)
    forth = pair_scores(graph, method, source, target)
    np.testing.assert_array_equal(forth, pair_scores(graph, method, target, source))
    chosen = np.random.default_rng(1).integers(0, source.size, 50)
    part = pair_scores(graph, method, source[chosen], target[chosen])
    np.testing.assert_array_equal(part, forth[chosen])
    assert pair_scores(graph, method, source[:0], target[:0]).size == 0


@pytest.mark.parametrize("score", [unlinked_scores, functools.partial(best_unlinked, k=9)])
@pytest.mark.parametrize("method", ["CH3-L3", "CH2-L2"])
def test_progress_sums_to_the_whole(monkeypatch, score, method):
    monkeypatch.setattr(automata, "_CHUNK_PAIRS", 30)
    monkeypatch.setattr(automata, "_CHUNK_WALKS", 100)
    told = []
    list(score(as_graph(TIED["karate"]), method=method, progress=told.append))
    assert len(told) > 5
    assert min(told) >= 0
    assert sum(told) == pytest.approx(1)


# ------------------------------------------------------------------------ symmetries


@given(
    graphs(),
    st.sampled_from(METHODS),
    st.sampled_from(LOCAL_COMMUNITIES),
    st.integers(0, 2**32 - 1),
)
def test_new_node_numbers_move_the_scores_along(graph, method, local_community, seed):
    new = np.random.default_rng(seed).permutation(graph.n_nodes)
    renamed = Graph.from_links(*(new[ends] for ends in graph.links()), graph.n_nodes)
    options = {"local_community": local_community}
    scores = matrix_of(graph, method, **options)
    moved = matrix_of(renamed, method, **options)
    np.testing.assert_allclose((moved + moved.T)[np.ix_(new, new)], scores + scores.T, rtol=1e-12)
    source, target = all_pairs(graph)
    np.testing.assert_allclose(
        pair_scores(renamed, method, new[source], new[target], **options),
        pair_scores(graph, method, source, target, **options),
        rtol=1e-12,
    )


@given(graphs(), graphs(), st.sampled_from(METHODS))
def test_another_component_changes_nothing(graph, other, method):
    links = np.hstack([graph.links(), np.add(other.links(), graph.n_nodes)])
    union = Graph.from_links(*links, graph.n_nodes + other.n_nodes)
    expected = np.zeros(union.shape)
    expected[: graph.n_nodes, : graph.n_nodes] = matrix_of(graph, method)
    expected[graph.n_nodes :, graph.n_nodes :] = matrix_of(other, method)
    np.testing.assert_allclose(matrix_of(union, method), expected, rtol=1e-12)


@pytest.mark.parametrize("local_community", LOCAL_COMMUNITIES)
@pytest.mark.parametrize("rule", RULES)
def test_a_bipartite_graph_scores_the_same_as_one_of_one_kind(biadjacency, rule, local_community):
    n_left, n_right = biadjacency.shape
    layer = as_bipartite(biadjacency)
    left, right = layer.links()
    joined_up = Graph.from_links(left, right + n_left, n_left + n_right)
    method, options = f"{rule}-L3", {"local_community": local_community}

    expected = np.zeros(joined_up.shape)
    for chunk in unlinked_scores(layer, method):
        expected[chunk.source, chunk.target + n_left] = chunk.score
    # Nothing within a side, where paths of three links do not lead.
    np.testing.assert_allclose(matrix_of(joined_up, method, **options), expected, **TOLERANCE)

    left, right = (index.reshape(-1) for index in np.indices(biadjacency.shape))
    np.testing.assert_allclose(
        pair_scores(joined_up, method, left, right + n_left, **options),
        pair_scores(layer, method, left, right),
        **TOLERANCE,
    )
    # And none across by paths of two.
    assert not matrix_of(joined_up, f"{rule}-L2", **options)[:n_left, n_left:].any()


@given(graphs(), st.sampled_from(["CH1-L3", "CH2-L3", "CH3-L3"]))
def test_the_published_community_never_scores_below_on_path(graph, method):
    source, target = all_pairs(graph)
    published, on_path = (
        pair_scores(graph, method, source, target, local_community=name)
        for name in LOCAL_COMMUNITIES
    )
    assert (published >= on_path * (1 - 1e-12)).all()


@given(zoo.biadjacencies(), st.sampled_from(METHODS))
def test_the_two_communities_agree_without_triangles(matrix, method):
    n_left, n_right = matrix.shape
    left, right = np.nonzero(matrix)
    graph = Graph.from_links(left, right + n_left, n_left + n_right)
    one, other = (matrix_of(graph, method, local_community=name) for name in LOCAL_COMMUNITIES)
    np.testing.assert_allclose(one, other, rtol=1e-12)


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("CH3-L4", {}, "'CH3-L4': paths of more than 3 links"),
        ("CH3-L3n", {}, "'CH3-L3n': the node-based form is defined on bipartite graphs"),
        ("CH9-L3", {}, "^method must be one of .*'CH3-L3'.*; got 'CH9-L3'"),
        ("CHA", {}, "'CHA' ranks a whole network"),
        ("CH3-L3", {"local_community": "some"}, "^local_community must be one of 'all', 'on-path'"),
        ("CH3-L3", {"n_threads": 0}, "^n_threads"),
    ],
)
def test_what_cannot_be_scored_is_refused(method, options, message):
    graph, pair = GRAPHS["path"], (np.array([0]), np.array([3]))
    with pytest.raises(ValueError, match=message):
        list(unlinked_scores(graph, method, **options))
    with pytest.raises(ValueError, match=message):
        best_unlinked(graph, method, 3, **options)
    with pytest.raises(ValueError, match=message):
        pair_scores(graph, method, *pair, **options)
