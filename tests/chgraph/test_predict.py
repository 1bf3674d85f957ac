"""predict_links and score_links: every input, every method, the result, what is refused."""

import csv
import json
import os
import sys
import tracemalloc

import igraph
import networkx
import numba
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import chgraph
from chgraph import (
    METHODS,
    BipartiteGraph,
    Graph,
    GraphInputWarning,
    LinkPrediction,
    as_bipartite,
    as_graph,
    predict_links,
    score_links,
)
from chgraph.linkpred import ranking
from chgraph.linkpred.adaptive import ADAPTIVE_METHODS
from chgraph.linkpred.methods import check_method
from chgraph.threads import thread_limit
from tests import golden, naive, zoo

compiled_only = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="slow without compilation")

KARATE = Graph.from_links(*np.array(networkx.karate_club_graph().edges()).T)
WOMEN = networkx.davis_southern_women_graph()
DAVIS = as_bipartite(WOMEN)
TREE = as_graph(networkx.random_labeled_tree(16, seed=5))
LAYER = as_bipartite(zoo.BIADJACENCIES["sparse"])

# One method of each family, with both orders of ties where it has both.
CHOSEN = [
    (method, tie_break)
    for method in ("CH3-L3", "CH3-L2", "CH3-L3n", "CN", "CHA")
    for tie_break in ("index", "SPcorr")
    if (method, tie_break) != ("CH3-L3n", "SPcorr")
]

ADJACENCY = KARATE.adjacency()
SAME_KARATE = {
    "numpy": ADJACENCY.toarray(),
    "numpy bool": ADJACENCY.toarray() > 0,
    "lists": ADJACENCY.toarray().tolist(),
    "csr_matrix": scipy.sparse.csr_matrix(ADJACENCY),
    "csr_array": ADJACENCY,
    "coo_matrix": scipy.sparse.coo_matrix(ADJACENCY),
    "csc_array": scipy.sparse.csc_array(ADJACENCY),
    "networkx": KARATE.to_networkx(),
    "networkx multigraph": networkx.MultiGraph(KARATE.to_networkx()),
    "igraph": KARATE.to_igraph(),
    "Graph": KARATE,
}
BIADJACENCY = DAVIS.biadjacency()
SAME_DAVIS = {
    "numpy": (BIADJACENCY.toarray(), None),
    "csr_matrix": (scipy.sparse.csr_matrix(BIADJACENCY), None),
    "csr_array": (BIADJACENCY, True),
    "networkx": (WOMEN, True),
    "igraph": (DAVIS.to_igraph(), True),
    "BipartiteGraph": (DAVIS, None),
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads cost more than these networks on a busy machine; 1 and 2 are compared below."""
    with thread_limit(1):
        yield


def rows(prediction):
    return list(zip(*(column.tolist() for column in columns(prediction)), strict=True))


def columns(prediction):
    return prediction.source, prediction.target, prediction.score


def check_same(prediction, expected):
    for got, wanted in zip(columns(prediction), columns(expected), strict=True):
        np.testing.assert_array_equal(got, wanted)


def served(method):
    """Karate, or Davis for a method that is defined for bipartite networks alone."""
    try:
        check_method(KARATE, method)
    except ValueError:
        return DAVIS
    return KARATE


def example(**options):
    """A prediction on a named network of six nodes."""
    house = networkx.Graph([("c", "a"), ("a", "b"), ("b", "d"), ("d", "c"), ("d", "roof")])
    return predict_links(house, method="CH2-L2", **options)


# ------------------------------------------------------------------------------ input


@pytest.mark.parametrize("kind", SAME_KARATE)
def test_every_kind_of_input_gives_the_same_links(kind):
    for k in (None, 25):
        check_same(predict_links(SAME_KARATE[kind], k), predict_links(KARATE, k))


@pytest.mark.parametrize("kind", SAME_DAVIS)
def test_every_kind_of_bipartite_input_gives_the_same_links(kind):
    network, bipartite = SAME_DAVIS[kind]
    for k in (None, 25):
        check_same(predict_links(network, k, bipartite=bipartite), predict_links(DAVIS, k))


@pytest.mark.parametrize("kind", SAME_KARATE)
def test_input_is_left_as_it_was(kind):
    network = SAME_KARATE[kind]
    before = repr(network if not scipy.sparse.issparse(network) else network.toarray())
    predict_links(network, 5)
    after = repr(network if not scipy.sparse.issparse(network) else network.toarray())
    assert before == after


def test_a_square_layer_is_bipartite_when_said_to_be():
    matrix = np.array([[0, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [1, 0, 0, 0]])
    layer = predict_links(matrix, bipartite=True)
    assert isinstance(layer.graph, BipartiteGraph)
    check_same(layer, predict_links(as_bipartite(matrix)))
    with pytest.raises(ValueError, match=r"adjacency \+ adjacency\.T.*bipartite=True"):
        predict_links(matrix)


def test_what_is_not_kept_is_said():
    with pytest.warns(GraphInputWarning, match="weights of adjacency"):
        heavy = predict_links(2.0 * SAME_KARATE["numpy"], 3)
    check_same(heavy, predict_links(KARATE, 3))
    with pytest.warns(GraphInputWarning, match="weight attribute"):
        scores = score_links(networkx.karate_club_graph(), [(0, 1)])
    np.testing.assert_array_equal(scores, score_links(KARATE, [(0, 1)]))


def test_names_are_kept_and_numbers_follow_the_order_of_iteration():
    path = networkx.Graph()
    path.add_nodes_from(["d", "b", ("a", 1), 7])
    path.add_edges_from([("b", "d"), (("a", 1), "b"), (7, ("a", 1))])
    prediction = predict_links(path)
    assert rows(prediction) == [(0, 3, 1.0)]
    assert list(prediction) == [("d", 7, 1.0)]
    assert prediction.names() == (["d"], [7])
    assert prediction.graph.names == tuple(path)


def test_names_of_both_sides_are_kept():
    prediction = predict_links(WOMEN, 10, bipartite=True)
    assert {u for u, _, _ in prediction} <= set(DAVIS.left_names)
    assert {v for _, v, _ in prediction} <= set(DAVIS.right_names)
    assert [(DAVIS.left_names[u], DAVIS.right_names[v], s) for u, v, s in rows(prediction)] == [
        *prediction
    ]


def test_igraph_names_are_kept():
    path = igraph.Graph(edges=[(0, 1), (1, 2), (2, 3)])
    assert list(predict_links(path)) == [(0, 3, 1.0)]
    path.vs["name"] = list("wxyz")
    assert list(predict_links(path)) == [("w", "z", 1.0)]


def test_the_package_offers_the_contract():
    assert {"METHODS", "LinkPrediction", "predict_links", "score_links"} <= {*chgraph.__all__}
    assert isinstance(chgraph.predict_links(KARATE, 1), chgraph.LinkPrediction)


# ----------------------------------------------------------------------------- result


def test_the_result_holds_every_unlinked_pair_above_zero_best_first():
    prediction = predict_links(KARATE)
    source, target = np.triu_indices(KARATE.n_nodes, 1)
    unlinked = ~KARATE.has_links(source, target)
    scores = score_links(KARATE, zip(source[unlinked], target[unlinked], strict=True))
    expected = zip(source[unlinked].tolist(), target[unlinked].tolist(), scores, strict=True)
    expected = [row for row in expected if row[2] > 0]
    expected.sort(key=lambda row: (-naive.round_significant(row[2]), *row[:2]))
    assert len(prediction) == len(expected)
    assert [row[:2] for row in rows(prediction)] == [row[:2] for row in expected]
    np.testing.assert_allclose(prediction.score, [row[2] for row in expected], rtol=1e-12)


def test_types():
    prediction = predict_links(KARATE, 4)
    assert prediction.source.dtype == prediction.target.dtype == np.int64
    assert prediction.score.dtype == np.float64
    assert [type(value) for value in next(iter(prediction))] == [int, int, float]
    assert prediction.method == "CH3-L3"
    assert prediction.graph is KARATE
    assert prediction.details == {}


def test_len_and_iteration():
    prediction = predict_links(KARATE, 7)
    assert len(prediction) == len(list(prediction)) == 7
    assert list(prediction) == list(prediction) == rows(prediction)


def test_repr_of_one_and_of_no_link():
    path = networkx.path_graph(["left end", "b", "c", "d"])
    assert repr(predict_links(path)).split("\n") == [
        "1 link predicted by CH3-L3",
        "  source  target  score",
        "left end       d      1",
    ]
    assert repr(predict_links(path, 0)).split("\n") == [
        "0 links predicted by CH3-L3",
        "source  target  score",
    ]


def test_repr_is_a_table_of_ten():
    prediction = predict_links(KARATE)
    head, *lines = str(prediction).split("\n")
    assert head == f"{len(prediction)} links predicted by CH3-L3"
    assert len(lines) == 12
    assert lines[0].split() == ["source", "target", "score"]
    assert lines[-1] == "..."
    assert len({len(line) for line in lines[:-1]}) == 1
    expected = [[str(u), str(v), f"{score:.6g}"] for u, v, score in list(prediction)[:10]]
    assert [line.split() for line in lines[1:-1]] == expected
    assert "..." not in str(predict_links(KARATE, 10))


def test_repr_counts_thousands_and_names_the_chosen_rule():
    dense = as_graph(networkx.gnp_random_graph(80, 0.1, seed=1))
    assert repr(predict_links(dense)).startswith(f"{len(predict_links(dense)):,} links")
    assert len(predict_links(dense)) > 1000
    chosen = predict_links(KARATE, 3, method="CHA")
    assert repr(chosen).startswith(f"3 links predicted by CHA (chose {chosen.details['selected']})")


def test_to_frame():
    pandas = pytest.importorskip("pandas")
    prediction = example()
    frame = prediction.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["source", "target", "score"]
    assert list(frame.itertuples(index=False, name=None)) == list(prediction)


def test_to_frame_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r'pandas: pip install "chgraph\[frames\]"'):
        example().to_frame()


def test_to_csv_and_back(tmp_path):
    names = ["plain", "com,ma", 'quo"te', "new\nline", "ä"]
    prediction = predict_links(networkx.cycle_graph(names), method="CH3.1-L2")
    path = prediction.to_csv(tmp_path / "new folder" / "links.csv")
    assert path == tmp_path / "new folder" / "links.csv"
    with path.open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == ["source", "target", "score"]
    assert [(r["source"], r["target"], float(r["score"])) for r in read] == list(prediction)


@pytest.mark.parametrize("method", ["CH3-L3", "CHA"])
def test_to_json_and_back(tmp_path, method):
    prediction = predict_links(WOMEN, bipartite=True, method=method)
    path = prediction.to_json(str(tmp_path / "links.json"))
    read = json.loads(path.read_text(encoding="utf-8"))
    assert read == prediction.to_dict()
    assert read.pop("method") == method
    links = [(row["source"], row["target"], row["score"]) for row in read.pop("links")]
    assert links == list(prediction)
    assert read == prediction.details


def test_names_that_json_has_not_are_written_as_text(tmp_path):
    path = networkx.path_graph([("a", 1), "b", "c", 4])
    read = json.loads(predict_links(path).to_json(tmp_path / "links.json").read_text())
    assert read["links"] == [{"source": "('a', 1)", "target": 4, "score": 1.0}]


@pytest.mark.parametrize("write", [LinkPrediction.to_csv, LinkPrediction.to_json])
def test_files_are_whole_or_not_there(monkeypatch, tmp_path, write):
    path = tmp_path / "links"
    path.write_text("an older result")

    def fail(*_):
        raise OSError("disk full")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, fail)
            with pytest.raises(OSError, match="disk full"):
                write(example(), path)
        assert path.read_text() == "an older result"
        assert list(tmp_path.iterdir()) == [path]
    assert write(example(), path) == path
    assert "roof" in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


# ------------------------------------------------------------------------------ k best


@pytest.mark.parametrize("method", METHODS)
def test_every_method_works_and_says_what_it_is(method):
    assert METHODS[method] == METHODS[method].strip() != ""
    graph = served(method)
    prediction = predict_links(graph, method=method)
    assert prediction.method == method
    assert len(prediction) > 0
    assert (prediction.score > 0).all()
    if isinstance(graph, Graph):
        assert (prediction.source < prediction.target).all()
        assert not graph.has_links(prediction.source, prediction.target).any()
    else:
        assert (graph.link_ids(prediction.source, prediction.target) == -1).all()
    assert len({row[:2] for row in rows(prediction)}) == len(prediction)
    for k in (1, 7, 40, len(prediction), len(prediction) + 1):
        best = predict_links(graph, k, method=method)
        assert [row[:2] for row in rows(best)] == [row[:2] for row in rows(prediction)][:k]
        np.testing.assert_allclose(best.score, prediction.score[:k], rtol=1e-12)


def test_descriptions_are_one_line_and_distinct():
    assert len({*METHODS.values()}) == len(METHODS)
    assert not [text for text in METHODS.values() if "\n" in text or len(text) > 100]


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ADAPTIVE_METHODS])
def test_predicted_scores_are_those_of_the_pairs(method):
    graph = served(method)
    prediction = predict_links(graph, 30, method=method)
    pairs = [(u, v) for u, v, _ in prediction]
    np.testing.assert_allclose(score_links(graph, pairs, method=method), prediction.score, 1e-9)


@pytest.mark.parametrize(("method", "tie_break"), CHOSEN)
def test_no_links_asked_for(method, tie_break):
    graph = served(method)
    prediction = predict_links(graph, 0, method=method, tie_break=tie_break)
    assert len(prediction) == 0
    assert list(prediction) == []
    assert prediction.source.dtype == np.int64


@pytest.mark.parametrize("k", [10**4, 2**40, np.int64(2**40)])
@pytest.mark.parametrize(("method", "tie_break"), CHOSEN)
def test_more_links_asked_for_than_there_are(method, tie_break, k):
    graph, options = served(method), {"method": method, "tie_break": tie_break}
    check_same(predict_links(graph, k, **options), predict_links(graph, **options))


@pytest.mark.parametrize(
    "network",
    [np.zeros((0, 0)), np.zeros((1, 1)), np.zeros((4, 4)), 1 - np.eye(2), 1 - np.eye(5),
     np.zeros((2, 0)), np.zeros((2, 3)), np.ones((2, 3)), networkx.Graph(), igraph.Graph(n=3)],
)  # fmt: skip
@pytest.mark.parametrize("tie_break", ["index", "SPcorr"])
@pytest.mark.parametrize("k", [None, 3])
def test_nothing_to_predict(network, tie_break, k):
    prediction = predict_links(network, k, tie_break=tie_break)
    assert [column.size for column in columns(prediction)] == [0, 0, 0]
    assert repr(prediction).startswith("0 links predicted by CH3-L3\n")


@pytest.mark.parametrize(
    ("k", "error"), [(-1, ValueError), (1.5, TypeError), (True, TypeError), ("3", TypeError)]
)
def test_a_bad_k_is_named(k, error):
    with pytest.raises(error, match=r"^k must be"):
        predict_links(KARATE, k)


@compiled_only
@pytest.mark.parametrize("method", ["CH3-L3", "CN", "CHA"])
def test_threads_do_not_change_a_bit(method):
    for graph in (KARATE, DAVIS):
        for k in (None, 20):
            one, two = (predict_links(graph, k, method=method, n_threads=n) for n in (1, 2))
            check_same(one, two)
    pairs = np.column_stack(KARATE.links())
    if method not in ADAPTIVE_METHODS:
        one, two = (score_links(KARATE, pairs, method=method, n_threads=n) for n in (1, 2))
        np.testing.assert_array_equal(one, two)


def test_the_local_community_is_passed_on():
    stored = golden.read_json("small_graphs.json")["disagree_unlinked_5n6e"]
    graph = Graph.from_links(*np.transpose(stored["edges"]))
    for name, expected in (("all", 2.0), ("on-path", np.sqrt(2))):
        found = {row[:2]: row[2] for row in rows(predict_links(graph, local_community=name))}
        assert found[0, 1] == pytest.approx(expected)
        best = {row[:2]: row[2] for row in rows(predict_links(graph, 9, local_community=name))}
        assert best == found
        got = score_links(graph, [(0, 1)], local_community=name)
        assert got.tolist() == pytest.approx([expected])


# ------------------------------------------------------------------------------- ties


def naive_order(graph, method):
    """Positive pairs by score, SPcorr, source, target: score and SPcorr from the definitions."""
    if isinstance(graph, BipartiteGraph):
        neighbors, shift = naive.bipartite_neighbors(graph.biadjacency().toarray()), graph.n_left
        pairs = np.indices(graph.shape).reshape(2, -1).T.tolist()
    else:
        links = zip(*graph.links(), strict=True)
        neighbors, shift = naive.neighbors_from_edges(graph.n_nodes, links), 0
        pairs = naive.all_pairs(neighbors)
    rule, length = method.split("-L")
    score = {
        (u, v): naive.round_significant(naive.ch_score(neighbors, u, v + shift, rule, int(length)))
        for u, v in pairs
    }
    links = {(u, v + shift): s for (u, v), s in score.items() if v + shift in neighbors[u]}
    correlation = naive.sp_corr(neighbors, links)
    missing = [(u, v) for u, v in score if score[u, v] > 0 and v + shift not in neighbors[u]]
    return sorted(missing, key=lambda p: (-score[p], -correlation[p[0], p[1] + shift], *p))


@pytest.mark.parametrize("method", ["CH3-L3", "CH2-L2", "RA-L3"])
@pytest.mark.parametrize("name", ["florentine", "tree"])
def test_ties_by_spcorr(name, method):
    graph = TREE
    if name == "florentine":
        data = golden.load("linkpred_monopartite", name)
        graph = Graph.from_links(*data["edges"].T, int(data["n"]))
    expected = naive_order(graph, method)
    prediction = predict_links(graph, method=method, tie_break="SPcorr")
    assert [row[:2] for row in rows(prediction)] == expected
    by_index = predict_links(graph, method=method)
    assert [row[:2] for row in rows(by_index)] != expected  # there are ties, and they move
    np.testing.assert_allclose(prediction.score, by_index.score, rtol=1e-11)
    for k in (1, 2, 3, 5, 8, 13, len(expected) - 1, len(expected), len(expected) + 5):
        check_same(
            predict_links(graph, k, method=method, tie_break="SPcorr"),
            LinkPrediction(*(column[:k] for column in columns(prediction)), method, graph),
        )


def test_ties_by_spcorr_in_a_layer():
    for method in ("CH3-L3", "RA-L3"):
        expected = naive_order(LAYER, method)
        for k in (None, 1, 4, 9, len(expected) + 5):
            prediction = predict_links(LAYER, k, method=method, tie_break="SPcorr")
            assert [row[:2] for row in rows(prediction)] == expected[:k]


@given(st.integers(3, 9), st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_ties_by_spcorr_of_random_graphs(n, seed, k):
    upper = np.triu(np.random.default_rng(seed).random((n, n)) < 0.4, 1)
    graph = as_graph(upper | upper.T)
    prediction = predict_links(graph, k, tie_break="SPcorr")
    assert [row[:2] for row in rows(prediction)] == naive_order(graph, "CH3-L3")[:k]


@pytest.mark.parametrize("method", [name for name in METHODS if not name.endswith("n")])
def test_every_method_takes_either_tie_break(method):
    graph = served(method)
    one, other = (predict_links(graph, 12, method=method, tie_break=t) for t in ("index", "SPcorr"))
    np.testing.assert_allclose(one.score, other.score, rtol=1e-11)


@pytest.mark.parametrize("method", ["CH2-L3n", "CH3-L3n"])
def test_node_based_scores_have_no_spcorr(method):
    with pytest.raises(ValueError, match=f"^tie_break=.*existing links, which {method} does not"):
        predict_links(LAYER, 3, method=method, tie_break="SPcorr")


def test_ties_by_index_are_in_order_of_source_and_target():
    ring = as_graph(networkx.cycle_graph(9))
    assert [row[:2] for row in rows(predict_links(ring, method="CH3-L2"))] == sorted(
        tuple(sorted((u, (u + 2) % 9))) for u in range(9)
    )


# --------------------------------------------------------------------------- adaptive


def check_bounds(bounds, auprs):
    """The selected rule's bounds hold its AUPR and lie above all others, or are that AUPR."""
    for rule, (least, most) in bounds.items():
        assert least * (1 - 1e-12) <= auprs[rule] <= most * (1 + 1e-12)
        assert most - least < 0.1


def test_cha_says_what_it_chose_and_why():
    report = golden.read_json("cha/karate.json")["variants"]["lc"]
    prediction = predict_links(KARATE, 100, method="CHA")
    selected = report["selected_method"].replace("_", "-")
    assert prediction.details["selected"] == selected
    assert list(prediction.details) == ["selected", "aupr_bounds"]
    assert tuple(prediction.details["aupr_bounds"]) == ADAPTIVE_METHODS["CHA"]
    stored = {name.replace("_", "-"): aupr for name, aupr in report["aupr"].items()}
    check_bounds(prediction.details["aupr_bounds"], stored)
    assert max(stored, key=stored.get) == selected
    best = [(row["u"], row["v"]) for row in report["top100"]]
    assert [row[:2] for row in rows(prediction)] == best


def test_cha_is_its_rule_with_ties_by_spcorr():
    for method in ADAPTIVE_METHODS:
        for graph in (KARATE, LAYER):
            chosen = predict_links(graph, method=method)
            rule = chosen.details["selected"]
            assert rule in ADAPTIVE_METHODS[method]
            expected = predict_links(graph, method=rule, tie_break="SPcorr")
            assert [row[:2] for row in rows(chosen)] == [row[:2] for row in rows(expected)]
            np.testing.assert_allclose(chosen.score, expected.score, rtol=1e-11)
            check_same(predict_links(graph, method=method, tie_break="SPcorr"), chosen)


def test_cha_with_the_other_local_community():
    report = golden.read_json("cha/karate.json")["variants"]["onpath"]
    details = predict_links(KARATE, 1, method="CHA", local_community="on-path").details
    stored = {name.replace("_", "-"): aupr for name, aupr in report["aupr"].items()}
    check_bounds(details["aupr_bounds"], stored)


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("network", "method", "message"),
    [
        (KARATE, "XY", "^method must be one of .*'CH3-L3'.*; got 'XY'"),
        (KARATE, "ch3_l3", "^method must be one of .*; got 'ch3_l3'"),
        (KARATE, "CH3", "^method must be one of .*; got 'CH3'"),
        (KARATE, "CH9-L3", "^method must be one of .*; got 'CH9-L3'"),
        (KARATE, None, "^method must be one of .*; got None"),
        (DAVIS, "CH3-L2", "'CH3-L2': paths of an even number of links join.*same side.*use L3"),
        (DAVIS, "RA-L2", "'RA-L2': paths of an even number of links"),
        (KARATE, "CH3-L5", "'CH3-L5': paths of more than 3 links are not offered"),
        (DAVIS, "CH2-L5", "'CH2-L5': paths of more than 3 links are not offered"),
        (DAVIS, "CH3-L4", "'CH3-L4': paths of more than 3 links are not offered"),
        (KARATE, "CH3-L3n", "'CH3-L3n': the node-based form is defined on bipartite graphs"),
        (KARATE, "CAR", "'CAR' is not defined for networks of one kind of node"),
        (DAVIS, "Katz", "'Katz' is not defined for bipartite networks"),
    ],
)
def test_methods_that_do_not_serve_are_refused_with_a_reason(network, method, message):
    with pytest.raises(ValueError, match=message):
        predict_links(network, method=method)
    with pytest.raises(ValueError, match=message):
        score_links(network, [], method=method)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tie_break": "random"}, "^tie_break must be one of 'index', 'SPcorr'; got 'random'"),
        ({"tie_break": None}, "^tie_break must be one of"),
        ({"local_community": "some"}, "^local_community must be one of 'all', 'on-path'"),
        ({"n_threads": 0}, "^n_threads must be at least 1"),
        ({"bipartite": True}, "bipartite=True contradicts the Graph"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        predict_links(KARATE, 3, **options)


def test_what_is_no_network_is_refused():
    for thing in (None, "karate", 3):
        with pytest.raises(TypeError, match="numpy array"):
            predict_links(thing)
        with pytest.raises(TypeError, match="numpy array"):
            score_links(thing, [(0, 1)])


@pytest.mark.parametrize("method", ["CH3-L3", "CN", "CHA"])
@pytest.mark.parametrize("graph", [KARATE, DAVIS])
def test_too_many_pairs_are_refused_with_advice(monkeypatch, graph, method):
    n_pairs = len(predict_links(graph, method=method))
    monkeypatch.setattr(ranking, "MAX_PAIRS", n_pairs)
    assert len(predict_links(graph, method=method)) == n_pairs
    monkeypatch.setattr(ranking, "MAX_PAIRS", n_pairs - 1)
    with pytest.raises(ValueError, match=rf"more than {n_pairs - 1} pairs score above 0; pass k"):
        predict_links(graph, method=method)
    assert len(predict_links(graph, 5, method=method)) == 5


def test_the_limit_is_twenty_million():
    assert ranking.MAX_PAIRS == 20_000_000


# ------------------------------------------------------------------------ score_links


@pytest.mark.parametrize("method", ["RA-L2", "CH1-L2", "CH2-L3", "CH3-L3"])
def test_linked_pairs_by_number(method):
    data = golden.load("linkpred_monopartite", "karate")
    got = score_links(KARATE, data["edges"], method=method)
    key = f"{method.replace('-', '_')}_linked"
    np.testing.assert_allclose(got, data[key], **golden.TOLERANCE)


def test_linked_pairs_across_sides_by_name():
    data = golden.load("linkpred_bipartite", "davis_southern_women")
    pairs = [(DAVIS.left_names[u], DAVIS.right_names[v]) for u, v in data["edges"]]
    got = score_links(WOMEN, pairs, bipartite=True)
    np.testing.assert_allclose(got, data["CH3_L3_linked"], **golden.TOLERANCE)
    with pytest.raises(ValueError, match="'CH3-L3n' scores unlinked pairs only"):
        score_links(WOMEN, pairs[:1], bipartite=True, method="CH3-L3n")


def test_pairs_by_name():
    path = networkx.path_graph(["d", 2, ("a", 1), "z"])
    got = score_links(path, [("d", "z"), ("z", "d"), ("d", 2), ("d", ("a", 1)), ("d", "z")])
    assert got.dtype == np.float64
    assert got.tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]


def test_names_that_are_numbers_are_names():
    path = networkx.path_graph([3, 2, 1, 0])
    path.remove_edge(1, 0)
    path.add_edge(1, 9)
    assert score_links(path, [(3, 9), (3, 0)]).tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match=r"^pairs name node 4, which the network does not have"):
        score_links(path, [(3, 4)])


@pytest.mark.parametrize(
    "kind",
    [
        list, tuple, np.array, iter,
        lambda pairs: (pair for pair in pairs),
        lambda pairs: zip(*zip(*pairs, strict=True), strict=True),
        lambda pairs: [np.array(pair) for pair in pairs],
        lambda pairs: (iter(pair) for pair in pairs),
    ],
)  # fmt: skip
def test_pairs_may_be_any_iterable_and_are_read_once(kind):
    pairs = [(0, 33), (33, 0), (0, 1), (2, 30)]
    expected = [score_links(KARATE, [pair])[0] for pair in pairs]
    np.testing.assert_array_equal(score_links(KARATE, kind(pairs)), expected)


def test_no_pairs():
    for network in (KARATE, DAVIS):
        for method in ("CH3-L3", "PA"):
            got = score_links(network, iter([]), method=method)
            assert (got.shape, got.dtype) == ((0,), np.float64)


@pytest.mark.parametrize(
    ("network", "pairs", "message"),
    [
        (KARATE, [(0, 34)], "^pairs name node 34, which the network does not have"),
        (KARATE, [(-1, 3)], "^pairs name node -1, which"),
        (KARATE, [(0, 1), (0.5, 1)], r"^pairs name node 0\.5, which"),
        (KARATE, [("0", 1)], "^pairs name node '0', which"),
        (KARATE, [(0, 1), (4, 4)], "^pairs must join two different nodes"),
        (KARATE, [(0, 1, 2)], "^pairs must hold two nodes each"),
        (KARATE, [(0,)], "^pairs must hold two nodes each"),
        (DAVIS, [("E1", "Evelyn Jefferson")], "^pairs name node 'E1', which"),
        (DAVIS, [("Evelyn Jefferson", "Theresa Anderson")], "^pairs name node 'Theresa Anderson'"),
        (DAVIS, [(0, 1)], "^pairs name node 0, which"),
        (LAYER, [(0, LAYER.n_right)], f"^pairs name node {LAYER.n_right}, which"),
    ],
)
def test_bad_pairs_are_named(network, pairs, message):
    with pytest.raises(ValueError, match=message):
        score_links(network, pairs)


def test_the_same_number_on_both_sides_is_two_nodes():
    got = score_links(LAYER, [(3, 3)])
    np.testing.assert_allclose(got, naive_pair(LAYER, 3, 3), **golden.TOLERANCE)


def naive_pair(layer, u, v):
    neighbors = naive.bipartite_neighbors(layer.biadjacency().toarray())
    return naive.ch_score(neighbors, u, layer.n_left + v, "CH3", 3)


@pytest.mark.parametrize("method", ADAPTIVE_METHODS)
def test_adaptive_methods_have_no_score_of_a_pair(method):
    with pytest.raises(ValueError, match=f"'{method}' ranks a whole network"):
        score_links(KARATE, [(0, 1)], method=method)


# ------------------------------------------------------------------ progress and memory


@pytest.mark.parametrize("method", ["CH3-L3", "CN", "CHA"])
@pytest.mark.parametrize("graph", [KARATE, DAVIS])
@pytest.mark.parametrize("k", [None, 5])
def test_a_progress_bar_is_written_when_asked_for(capsys, graph, method, k):
    silent = [predict_links(graph, k, method=method, progress=shown) for shown in (None, False)]
    assert tuple(capsys.readouterr()) == ("", "")
    told = predict_links(graph, k, method=method, progress=True)
    out, error = capsys.readouterr()
    assert out == ""
    assert f"{method}:" in error
    assert "100%" in error
    for prediction in silent:
        check_same(prediction, told)


def peak_bytes(call):
    """Largest amount that numpy and Python held during the call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@compiled_only
def test_the_k_best_need_no_matrix_of_all_pairs():
    n = 20_000
    near = np.arange(n)
    ends = [np.concatenate([near, near]), np.concatenate([near + 1, near + 3]) % n]
    ring = Graph.from_links(*ends, n).adjacency()
    predict_links(ring[:50, :50], 5)  # compiles
    got = []
    peak = peak_bytes(lambda: got.append(predict_links(ring, 100)))
    assert len(got[0]) == 100
    assert peak < n * n // 10


@compiled_only
def test_the_k_best_of_a_layer_need_no_matrix_of_all_pairs():
    n = 6_000
    near = np.arange(n)
    ends = [np.tile(near, 3), np.concatenate([near, near + 1, near + 5]) % n]
    layer = BipartiteGraph.from_links(*ends, (n, n))
    predict_links(LAYER, 5)  # compiles
    got = []
    peak = peak_bytes(lambda: got.append(predict_links(layer, 100)))
    assert len(got[0]) == 100
    assert peak < 8 * n * n // 2  # float64 of every pair, halved
