"""CHA and SPcorr against golden vectors, the slow oracles, scipy and closed forms."""

from functools import cache

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import dijkstra

from chgraph import BipartiteGraph, Graph, as_bipartite, as_graph
from chgraph.linkpred import _pairs, _rule_choice, _spcorr, adaptive
from chgraph.linkpred.adaptive import (
    ADAPTIVE_METHODS,
    adaptive_scores,
    candidate_rules,
    spcorr,
    spcorr_matrix,
)
from tests import golden, naive, zoo

VARIANTS = {"lc": "all", "onpath": "on-path"}
CHA = ADAPTIVE_METHODS["CHA"]


def ranked(graph, rule, local_community="all", n_threads=None):
    """Scores, SPcorr, AUPR and dense ranks of all pairs by one rule."""
    pairs = adaptive._AllPairs.of(graph)
    options = {"local_community": local_community, "n_threads": n_threads}
    result = adaptive._rank_by(graph, pairs, rule, None, **options)
    return result, adaptive._dense_ranks(result.scores, result.correlation)


def neighbor_sets(graph):
    return naive.neighbors_from_edges(graph.n_nodes, zip(*graph.links(), strict=True))


def golden_graph(name):
    data = golden.load("linkpred_monopartite", name)
    return Graph.from_links(*data["edges"].T, int(data["n"]))


@st.composite
def graphs(draw, max_nodes=9):
    """Draw a monopartite graph with at least one link."""
    n = draw(st.integers(2, max_nodes))
    density = draw(st.sampled_from([0.1, 0.3, 0.6, 0.9]))
    upper = np.triu(np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random((n, n)), 1)
    adjacency = upper > 1 - density
    adjacency[0, 1] = True
    return as_graph(adjacency | adjacency.T)


def check_result(result, graph, ranks, auprs, selected):
    """Compare a result with the oracle's rank of every unlinked pair."""
    assert result.selected == selected
    assert list(result.auprs) == list(result.candidates) == list(auprs)
    np.testing.assert_allclose(list(result.auprs.values()), list(auprs.values()), rtol=1e-12)
    linked = graph.has_links if isinstance(graph, Graph) else graph.link_ids
    rows, columns = np.indices(graph.shape).reshape(2, -1)
    if isinstance(graph, Graph):
        rows, columns = np.triu_indices(graph.n_nodes, 1)
        unlinked = ~linked(rows, columns)
    else:
        unlinked = linked(rows, columns) < 0
    np.testing.assert_array_equal(result.source, rows[unlinked])
    np.testing.assert_array_equal(result.target, columns[unlinked])
    np.testing.assert_array_equal(result.rank, ranks[rows[unlinked], columns[unlinked]])


# --------------------------------------------------------------------------- golden


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", golden.names("cha"))
def test_golden_choice_and_ranks(name, variant):
    data = golden.load("cha", name)
    report = golden.read_json(f"cha/{name}.json")["variants"][variant]
    result = adaptive_scores(golden_graph(name), local_community=VARIANTS[variant])
    assert result.candidates == CHA
    assert result.selected.replace("-", "_") == report["selected_method"]
    got = {rule.replace("-", "_"): aupr for rule, aupr in result.auprs.items()}
    assert got == pytest.approx(report["aupr"], rel=1e-12, abs=1e-12)
    final = data["CHA" if variant == "lc" else "CHA_onpath"]
    np.testing.assert_array_equal(result.rank, final)
    top = np.lexsort((result.target, result.source, -result.rank))[:100]
    best = [(row["u"], row["v"]) for row in report["top100"]]
    assert list(zip(result.source[top], result.target[top], strict=True)) == best
    np.testing.assert_allclose(
        result.score[top], [row["score"] for row in report["top100"]], rtol=1e-11
    )


@pytest.mark.parametrize("rule", CHA)
@pytest.mark.parametrize("name", golden.names("cha"))
def test_golden_ranks_of_every_rule(name, rule):
    data, graph = golden.load("cha", name), golden_graph(name)
    result, ranks = ranked(graph, rule)
    pairs = adaptive._AllPairs.of(graph)
    key = rule.replace("-", "_")
    for numbers, suffix in ((pairs.unlinked(), ""), (pairs.linked, "_linked")):
        np.testing.assert_array_equal(ranks[numbers], data[f"{key}_rank{suffix}"])
        np.testing.assert_allclose(
            result.correlation[numbers], data[f"{key}_spcorr{suffix}"], rtol=0, atol=1e-10
        )


# ------------------------------------------------------------------------ the oracle


@given(graphs(), st.sampled_from(list(ADAPTIVE_METHODS)), st.sampled_from(["all", "on-path"]))
def test_random_graphs_against_the_definition(graph, method, local_community):
    rules = ADAPTIVE_METHODS[method]
    candidates = [(rule.split("-L")[0], int(rule[-1])) for rule in rules]
    selected, auprs, ranks = naive.cha_ranks(neighbor_sets(graph), candidates, local_community)
    result = adaptive_scores(graph, method, local_community=local_community)
    named = dict(zip(rules, auprs.values(), strict=True))
    check_result(result, graph, ranks[selected], named, selected.replace("_", "-"))


def naive_bipartite_ranks(matrix, rule):
    """Dense rank of every left-right pair and AUPR, over the joined graph's distances."""
    neighbors, (n_left, n_right) = naive.bipartite_neighbors(matrix), matrix.shape
    pairs = [(u, n_left + v) for u in range(n_left) for v in range(n_right)]
    score = {
        (u, v): naive.round_significant(naive.ch_score(neighbors, u, v, rule, 3)) for u, v in pairs
    }
    correlation = naive.sp_corr(neighbors, {p: score[p] for p in naive.links_of(neighbors)})
    rows = {pair: (score[pair], float(correlation[pair])) for pair in pairs}
    ranks = naive.dense_ranks(rows, n_left + n_right)[:n_left, n_left:]
    return ranks, naive.auc_pr(ranks.reshape(-1).tolist(), (matrix > 0).reshape(-1).tolist())


@given(zoo.biadjacencies())
def test_bipartite_graphs_against_the_definition(matrix):
    matrix[0, 0] = True
    graph = as_bipartite(matrix)
    ranks, auprs = {}, {}
    for rule in ("CH2", "CH3"):
        ranks[f"{rule}-L3"], auprs[f"{rule}-L3"] = naive_bipartite_ranks(matrix, rule)
    selected = max(auprs, key=lambda rule: naive.round_significant(auprs[rule]))
    check_result(adaptive_scores(graph), graph, ranks[selected], auprs, selected)


@given(graphs(), st.integers(0, 2**32 - 1))
def test_spcorr_against_the_definition(graph, seed):
    scores = np.random.default_rng(seed).integers(0, 4, graph.n_links) / 3
    links = zip(*(ends.tolist() for ends in graph.links()), strict=True)
    expected = naive.sp_corr(neighbor_sets(graph), dict(zip(links, scores.tolist(), strict=True)))
    np.testing.assert_allclose(spcorr_matrix(graph, scores), expected, rtol=0, atol=1e-12)
    pairs = np.indices(graph.shape).reshape(2, -1)
    got = spcorr(graph, scores, *pairs)
    np.testing.assert_allclose(got, expected[tuple(pairs)], rtol=0, atol=1e-12)


def test_spcorr_against_scipy():
    graph = golden_graph("les_miserables")
    scores = np.random.default_rng(2).random(graph.n_links)
    lengths = np.zeros(graph.shape)
    lengths[graph.links()] = 1 / (1 + scores)
    expected = scipy.stats.spearmanr(dijkstra(lengths, directed=False)).statistic
    np.testing.assert_allclose(spcorr_matrix(graph, scores), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("graph", zoo.GRAPHS.values(), ids=zoo.GRAPHS)
def test_spcorr_of_bipartite_graphs_is_that_of_the_joined_graph(graph):
    scores = np.random.default_rng(3).integers(0, 3, graph.n_links) / 2
    left, right = graph.links()
    joined = Graph.from_links(left, right + graph.n_left, sum(graph.shape))
    expected = spcorr_matrix(joined, scores)[: graph.n_left, graph.n_left :]
    np.testing.assert_array_equal(spcorr_matrix(graph, scores), expected)
    pairs = np.indices(graph.shape).reshape(2, -1)
    np.testing.assert_array_equal(spcorr(graph, scores, *pairs), expected[tuple(pairs)])


@cache
def of_all_pairs():
    """A graph, scores of its links, and SPcorr of all pairs."""
    graph = golden_graph("florentine")
    scores = np.random.default_rng(5).integers(0, 3, graph.n_links) / 2
    return graph, scores, spcorr_matrix(graph, scores)


@given(st.data())
def test_spcorr_of_some_pairs_in_any_order(data):
    graph, scores, expected = of_all_pairs()
    nodes = st.sampled_from(data.draw(st.lists(st.integers(0, graph.n_nodes - 1), min_size=1)))
    pairs = np.array(data.draw(st.lists(st.tuples(nodes, nodes), max_size=80)), int).reshape(-1, 2)
    np.testing.assert_array_equal(spcorr(graph, scores, *pairs.T), expected[tuple(pairs.T)])


# ----------------------------------------------------------------- what must not matter


@pytest.mark.parametrize("bits", [_pairs._GROUP_BITS, 0])
@given(st.lists(st.tuples(st.sampled_from([1, 2, 2 + 1e-13, 3]), st.sampled_from([-1, 0, 1e-12]))))
def test_ties_in_one_number_or_in_two(bits, drawn):
    drawn = sorted(drawn, key=lambda pair: -naive.round_significant(pair[0]))
    score, then = np.array(drawn, float).reshape(-1, 2).T
    numbers = np.arange(score.size)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_pairs, "_GROUP_BITS", bits)
        ordered = _pairs.ties_by(then, _pairs.ScoredPairs(numbers, numbers, score))
    expected = sorted(numbers, key=lambda i: (-naive.round_significant(score[i]), -then[i], i))
    assert ordered.source.tolist() == ordered.target.tolist() == expected
    assert ordered.score.tolist() == [score[i] for i in expected]


def test_threads_and_blocks_do_not_change_a_bit(monkeypatch):
    graph = golden_graph("les_miserables")
    scores = np.random.default_rng(4).random(graph.n_links)
    pairs = np.triu_indices(graph.n_nodes, 1)
    whole, of_pairs = spcorr_matrix(graph, scores, n_threads=1), spcorr(graph, scores, *pairs)
    np.testing.assert_array_equal(of_pairs, whole[pairs])
    for name in ("_SOURCES_AT_ONCE", "_ROWS_AT_ONCE", "_PAIRED_ROWS_AT_ONCE"):
        monkeypatch.setattr(_spcorr, name, 7)
    np.testing.assert_array_equal(spcorr_matrix(graph, scores, n_threads=2), whole)
    np.testing.assert_array_equal(spcorr(graph, scores, *pairs), of_pairs)
    one, two = (ranked(graph, "CH3-L3", n_threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one[1], two[1])
    assert one[0].aupr == two[0].aupr


def test_sums_in_another_order_tie():
    # Two ways round to either far end, whose lengths differ in the last digit only.
    x, y, z = 1 / 0.1 - 1, 1 / 0.2 - 1, 1 / 0.3 - 1
    graph = Graph.from_links([0, 1, 2, 0, 4, 5], [1, 2, 3, 4, 5, 6])
    u, v = graph.links()
    scores = {(0, 1): x, (1, 2): y, (2, 3): z, (0, 4): z, (4, 5): y, (5, 6): x}
    lengths = np.array([scores[link] for link in zip(u.tolist(), v.tolist(), strict=True)])
    assert 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1
    ranks = _spcorr._ranks(_spcorr._lengths(graph, lengths), np.array([0]), None, None)
    assert ranks[0][3] == ranks[0][6] == 5
    assert ranks[0].sum() == 0


def test_nodes_out_of_reach_tie_behind_the_others():
    graph = Graph.from_links([0, 2], [1, 3], 5)
    ranks = _spcorr._ranks(_spcorr._lengths(graph, np.zeros(2)), np.arange(5), None, None)
    assert ranks.tolist() == [
        [-4, -2, 2, 2, 2],
        [-2, -4, 2, 2, 2],
        [2, 2, -4, -2, 2],
        [2, 2, -2, -4, 2],
        [1, 1, 1, 1, -4],
    ]


def test_progress_sums_to_the_whole():
    for graph in (golden_graph("karate"), zoo.GRAPHS["sparse"]):
        told = []
        result = adaptive_scores(graph, progress=told.append)
        assert sum(told) == pytest.approx(1)
        assert min(told) >= 0
        assert result.rank.size == result.source.size


# -------------------------------------------------------------------- degenerate, errors


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_complete_graph_has_nothing_to_rank(n):
    result = adaptive_scores(as_graph(1 - np.eye(n)))
    assert result.auprs == dict.fromkeys(CHA, 1.0)
    assert result.selected == "CH2-L2"
    assert result.rank.size == result.score.size == result.source.size == 0
    assert adaptive_scores(as_bipartite(np.ones((n, 2)))).selected == "CH2-L3"


def test_candidates_of_bipartite_graphs():
    graph = zoo.GRAPHS["sparse"]
    assert candidate_rules(graph, "CHA") == ("CH2-L3", "CH3-L3")
    assert adaptive_scores(graph, "CHA-CH3.1").candidates == ("CH3-L3", "CH3.1-L3")


@pytest.mark.parametrize("graph", [Graph.from_links([], [], 3), zoo.GRAPHS["no links"]])
def test_without_links_no_rule_can_be_chosen(graph):
    with pytest.raises(ValueError, match=r"^the network has no links"):
        adaptive_scores(graph)


def test_large_networks_are_refused_with_advice():
    for graph in (
        Graph.from_links([0], [1], 15_001),
        BipartiteGraph.from_links([0], [0], (8_000, 8_000)),
    ):
        with pytest.raises(ValueError, match=r"at most 15,000 nodes.*CH3-L3"):
            adaptive_scores(graph)


def test_unknown_options_are_named():
    graph = golden_graph("florentine")
    with pytest.raises(ValueError, match=r"^method must be one of 'CHA'.*got 'CH3-L3'"):
        adaptive_scores(graph, "CH3-L3")
    with pytest.raises(ValueError, match=r"^local_community must be one of .*got 'some'"):
        adaptive_scores(graph, local_community="some")


@pytest.mark.parametrize(
    ("scores", "pairs", "message"),
    [
        ([1.0], ([0], [1]), r"link_scores must hold one value per link, shape \(2,\)"),
        ([1.0, np.nan], ([0], [1]), "link_scores must be finite"),
        ([1.0, -1.0], ([0], [1]), "link_scores must be at least 0, got -1.0"),
        ([1.0, 1.0], ([0], [3]), r"target must lie in \[0, 3\), got 3"),
        ([1.0, 1.0], ([0, 1], [1]), "source and target must have equal length, got 2 and 1"),
    ],
)
def test_bad_arguments_of_spcorr_are_named(scores, pairs, message):
    with pytest.raises(ValueError, match=message):
        spcorr(Graph.from_links([0, 1], [1, 2]), scores, *pairs)


def test_spcorr_of_too_many_nodes_is_refused(monkeypatch):
    graph = Graph.from_links([0, 1], [1, 2], 100)
    monkeypatch.setattr(_spcorr, "MAX_RANK_BYTES", 8 * 100 * 3)
    assert spcorr(graph, [0, 0], [0, 1], [1, 2]).shape == (2,)
    with pytest.raises(ValueError, match=r"from 4 nodes to all 100, more than 0 GB.*smaller k"):
        spcorr(graph, [0, 0], [0, 2], [1, 3])
    with pytest.raises(ValueError, match="from 100 nodes to all 100"):
        spcorr_matrix(graph, [0, 0])


def test_spcorr_of_no_pairs():
    assert spcorr(Graph.from_links([0], [1]), [0.0], [], []).size == 0


# --------------------------------------------------------------------------- bounds


@given(graphs(max_nodes=14), st.sampled_from(sorted(ADAPTIVE_METHODS)))
def test_bounds_hold_the_aupr_and_choose_the_same_rule(graph, method):
    result = adaptive_scores(graph, method)
    for rule, aupr in result.auprs.items():
        least, most = _rule_choice.aupr_bounds(graph, rule)
        assert least <= aupr <= most
    assert _rule_choice.choose_rule(graph, method).selected == result.selected


@given(st.integers(0, 10_000), st.floats(0.1, 0.6))
def test_bounds_of_two_sides(seed, density):
    matrix = np.random.default_rng(seed).random((7, 9)) < density
    matrix[0, 0] = True
    graph = as_bipartite(matrix)
    result = adaptive_scores(graph)
    for rule, aupr in result.auprs.items():
        least, most = _rule_choice.aupr_bounds(graph, rule)
        assert least <= aupr <= most
    assert _rule_choice.choose_rule(graph, "CHA").selected == result.selected


def test_bounds_are_the_aupr_where_links_and_other_pairs_never_tie():
    # A path of 4: its links score 0, the one pair at distance 3 scores 1, the two others 0.
    path = as_graph(np.eye(4, k=1) + np.eye(4, k=-1))
    # After one other pair: 3 links and 2 pairs, in any order.
    least, most = _rule_choice.aupr_bounds(path, "CH3-L3")
    assert least == pytest.approx((0 + 3 / 6) / 2, rel=1e-9)
    assert most == pytest.approx(1 - np.log(4) / 3, rel=1e-9)
    complete = as_graph(1 - np.eye(5))
    assert _rule_choice.aupr_bounds(complete, "CH2-L2") == pytest.approx((1, 1), rel=1e-9)


def test_no_correlation_is_computed_where_bounds_decide(monkeypatch):
    graph = golden_graph("karate")

    def refuse(*_, **__):
        raise AssertionError("not needed")

    selected = adaptive_scores(graph, "CHA").selected
    bounds = _rule_choice.choose_rule(graph, "CHA").bounds
    others = max(most for rule, (_, most) in bounds.items() if rule != selected)
    monkeypatch.setattr(adaptive, "spcorr_blocks", refuse)
    if bounds[selected][0] > others:
        assert _rule_choice.choose_rule(graph, "CHA").selected == selected
    else:
        with pytest.raises(AssertionError, match="not needed"):
            _rule_choice.choose_rule(graph, "CHA")
