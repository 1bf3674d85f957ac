"""What a prediction can be asked for: some nodes only, places, slices, matrices, graphs."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, predict_links, score_links
from chgraph.linkpred import METHODS, scores
from chgraph.linkpred.rules import OFFERED, Rule, rule_of

KARATE = Graph.from_links(*np.array(nx.karate_club_graph().edges()).T)
NAMED = nx.relabel_nodes(nx.Graph(nx.karate_club_graph().edges()), lambda u: f"m{u}")
LAYER = BipartiteGraph.from_biadjacency(np.random.default_rng(0).random((9, 12)) < 0.35)


def rows(prediction):
    return list(zip(prediction.source.tolist(), prediction.target.tolist(), strict=True))


@pytest.mark.parametrize("method", ["CH3-L3", "CH2-L2", "RA-L3", "CN", "JC", "PA"])
@pytest.mark.parametrize("k", [None, 7, 0])
def test_pairs_of_chosen_nodes_are_those_of_all_pairs(method, k, monkeypatch):
    monkeypatch.setattr(scores, "_CANDIDATES", 40)  # a node at a time
    chosen = {3, 33, 12}
    whole = predict_links(KARATE, method=method)
    among = [i for i, (u, v) in enumerate(rows(whole)) if chosen & {u, v}][:k]
    found = predict_links(KARATE, k, method=method, nodes=chosen)
    assert rows(found) == [rows(whole)[i] for i in among]
    np.testing.assert_allclose(found.score, whole.score[among], rtol=1e-12)


def test_chosen_nodes_of_a_layer_are_left_ones():
    whole = predict_links(LAYER)
    found = predict_links(LAYER, nodes=[2, 5])
    assert rows(found) == [(u, v) for u, v in rows(whole) if u in (2, 5)]
    assert len(predict_links(LAYER, nodes=[])) == 0


def test_chosen_nodes_by_name_and_with_spcorr():
    whole = predict_links(NAMED, tie_break="SPcorr")
    found = predict_links(NAMED, nodes=["m3", "m3"], tie_break="SPcorr")
    expected = [pair for pair in whole if "m3" in pair[:2]]
    assert [pair[:2] for pair in found] == [pair[:2] for pair in expected]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"nodes": ["m99"]}, ValueError, "^nodes name node 'm99', which"),
        ({"nodes": "m3"}, TypeError, r"^nodes must be several nodes, as \[u\]"),
        ({"nodes": 3}, TypeError, "^nodes must be several nodes"),
        ({"nodes": ["m3"], "method": "CHA"}, ValueError, "^nodes needs a method that scores"),
    ],
)
def test_wrong_nodes_are_named(options, error, message):
    with pytest.raises(error, match=message):
        predict_links(NAMED, **options)


@given(st.sets(st.integers(0, 33)), st.integers(0, 40))
def test_any_chosen_nodes(chosen, k):
    whole = predict_links(KARATE)
    among = [pair for pair in rows(whole) if chosen & set(pair)][:k]
    assert rows(predict_links(KARATE, k, nodes=chosen)) == among


# ------------------------------------------------------------------------------ results


def test_places_and_slices():
    found = predict_links(NAMED, k=20)
    assert found[0] == next(iter(found))
    assert found[-1] == list(found)[-1]
    assert list(found[2:9:3]) == list(found)[2:9:3]
    assert (found[:3].method, len(found[:3])) == ("CH3-L3", 3)
    with pytest.raises(IndexError):
        found[20]


def test_a_matrix_of_scores():
    found = predict_links(KARATE, k=20)
    matrix = found.to_csr()
    assert matrix.shape == (34, 34)
    assert matrix.nnz == 40
    assert (abs(matrix - matrix.T)).nnz == 0
    assert matrix[found.source[3], found.target[3]] == found.score[3]
    layer = predict_links(LAYER)
    assert layer.to_csr().shape == (9, 12)
    np.testing.assert_array_equal(layer.to_csr()[layer.source, layer.target], layer.score)


def test_a_graph_of_predictions():
    found = predict_links(NAMED, k=5)
    graph = found.to_networkx()
    assert list(graph) == list(NAMED)
    assert {frozenset(edge) for edge in graph.edges} == {frozenset(pair[:2]) for pair in found}
    u, v, score = found[2]
    assert graph.edges[u, v]["score"] == score
    layer = predict_links(LAYER, k=4)
    sided = layer.to_networkx()
    assert [side for _, side in sided.nodes(data="bipartite")] == [0] * 9 + [1] * 12
    assert sided.edges[int(layer.source[0]), 9 + int(layer.target[0])]["score"] == layer.score[0]


# ------------------------------------------------------------------------- names, rules


@pytest.mark.parametrize("method", [m for m in METHODS if not m.endswith("n")][::3])
def test_names_of_methods_may_be_in_any_case(method):
    network = KARATE if method not in ("CAR", "CJC", "CPA", "CRA", "CAA") else LAYER
    upper, lower = (predict_links(network, 5, method=m) for m in (method, method.lower()))
    assert lower.method == upper.method == method
    assert list(lower) == list(upper)
    if not method.startswith("CHA"):
        pairs = [pair[:2] for pair in upper]
        np.testing.assert_array_equal(
            score_links(network, pairs, method=method.swapcase()),
            score_links(network, pairs, method=method),
        )


def test_rules_are_read_and_written():
    for rule in OFFERED:
        assert Rule.read(rule.name) == rule == rule_of(rule.name)
        assert rule.name in METHODS
    assert Rule.read("CN") is None
    assert Rule.read("CH3-L7") == Rule("CH3", 7)
    with pytest.raises(ValueError, match="'CH3-L7'"):
        rule_of("CH3-L7")


# ------------------------------------------------------------- graphs of one kind of node


def test_links_of_one_kind_of_node_are_numbered_kept_and_added():
    graph = Graph.from_links([0, 1, 0], [1, 2, 3], names="abcd")
    np.testing.assert_array_equal(graph.link_ids([1, 3, 2, 0], [0, 0, 1, 2]), [0, 1, 2, -1])
    first, second = KARATE.links()
    np.testing.assert_array_equal(KARATE.link_ids(second, first), np.arange(KARATE.n_links))
    kept = graph.keep_links([2, 0])
    assert (kept.n_links, kept.names) == (2, tuple("abcd"))
    assert kept.add_links([3], [0]) == graph
    for pair in ([0], [1]), ([2], [2]):
        with pytest.raises(ValueError, match=r"more than once|itself"):
            graph.add_links(*pair)
    with pytest.raises(ValueError, match="equal length"):
        graph.link_ids([0], [1, 2])
    with pytest.raises(ValueError, match=r"ids must lie in \[0, 3\)"):
        graph.keep_links([3])
    assert Graph.from_links([], [], 3).link_ids([0], [1]).tolist() == [-1]
