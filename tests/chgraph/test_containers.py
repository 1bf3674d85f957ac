"""Networks in whatever lies around: the right graph, or one sentence that says what to do."""

import igraph
import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from chgraph import (
    BipartiteGraph,
    Graph,
    GraphInputWarning,
    as_bipartite,
    as_graph,
    predict_links,
    score_links,
)
from chgraph.graph import as_network
from chgraph.topology import erdos_renyi, link_count, receptive_field, regular
from tests.optional import needs_pandas, needs_torch

PATH = Graph.from_links([0, 1, 2], [1, 2, 3])
LAYER = BipartiteGraph.from_biadjacency([[1, 0, 1], [0, 1, 1]])


def links(graph):
    return list(zip(*(ends.tolist() for ends in graph.links()), strict=True))


# -------------------------------------------------------------------------------- pairs


@pytest.mark.parametrize("kind", [list, tuple, set])
def test_pairs_are_links(kind):
    graph = as_network(kind([(0, 1), (1, 2), (2, 3)]))
    assert links(graph) == [(0, 1), (1, 2), (2, 3)]
    assert len(predict_links(kind([(0, 1), (1, 2), (2, 3)]))) == 1


def test_pairs_keep_their_names():
    assert as_graph([("b", "a"), ("a", "c")]).names == ("b", "a", "c")
    assert as_graph([["b", "a"], ["a", "c"]]).names == ("b", "a", "c")
    assert as_graph([(7, 3), (3, 5)]).names == (3, 5, 7)  # numbers in order
    layer = as_bipartite([("bee", "rose"), ("fly", "rose"), ("bee", "bee")])
    assert (layer.left_names, layer.right_names) == (("bee", "fly"), ("rose", "bee"))
    assert links(layer) == [(0, 0), (0, 1), (1, 0)]
    assert as_graph([(np.int64(3), np.int64(1))]).names == (1, 3)


def test_pairs_that_repeat_or_loop_are_said():
    with pytest.warns(GraphInputWarning) as said:
        graph = as_graph([("a", "b"), ("b", "a"), ("a", "a")])
    assert sorted(str(one.message) for one in said) == [
        "1 repeated links are counted once",
        "1 self-loops are left out",
    ]
    assert graph.n_links == 1
    with pytest.warns(GraphInputWarning, match="1 repeated links"):
        assert as_bipartite([("a", "b"), ("a", "b")]).n_links == 1


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([(0, 1), (1, 0), (0, 1)], "can be read two ways"),
        (
            [("a", "b"), ("a", "b", "c")],
            r"must hold pairs of nodes \(u, v\), got \('a', 'b', 'c'\)",
        ),
        ([("a", "b"), (["c"], "d")], r"must name nodes by .*, got \['c'\]"),
        ([("a", 0.5)], "must name nodes by .*, got 0.5"),
    ],
)
def test_what_is_no_list_of_pairs_is_refused(pairs, message):
    with pytest.raises(ValueError, match=message):
        as_graph(pairs)


@pytest.mark.parametrize("array", [[[0, 1], [1, 2], [2, 3]], [[0, 1, 2], [1, 2, 3]]])
@pytest.mark.parametrize("kind", [np.array, list, lambda x: np.array(x, np.uint8)])
def test_integers_that_may_be_links_or_weights_are_refused_with_both_ways_out(array, kind):
    for door in (as_network, as_bipartite, predict_links):
        with pytest.raises(ValueError, match=r"read two ways.*from_links\(.*a != 0"):
            door(kind(array))


def test_matrices_that_can_be_read_one_way_are_read_as_ever():
    assert as_network(np.array([[0, 1], [1, 1], [1, 0]])).shape == (3, 2)
    with pytest.warns(GraphInputWarning, match="weights"):
        assert as_network(np.array([[0, 0.5], [2.5, 1], [1, 0]])).shape == (3, 2)
    with pytest.warns(GraphInputWarning, match="weights"):
        assert as_network(np.array([[0, 2], [2, 0]])).n_links == 1
    assert as_network([[0, 1], [1, 0]]).n_links == 1


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1))
def test_pairs_give_the_graph_of_networkx(pairs):
    loose = [(u, v) for u, v in pairs if u != v]
    expected = nx.Graph(loose)
    distinct = list({tuple(sorted(pair)) for pair in loose})
    if not distinct or all(end in (0, 1) for pair in distinct for end in pair):
        return
    graph = as_graph(distinct)
    assert set(graph.names) == set(expected)
    named = {frozenset((graph.names[u], graph.names[v])) for u, v in links(graph)}
    assert named == {frozenset(edge) for edge in expected.edges}


# ------------------------------------------------------------------------------- frames


@needs_pandas
@pytest.mark.parametrize(
    "names",
    [("source", "target"), ("from", "to"), ("FromNodeId", "ToNodeId"), ("u", "v"), ("a", "b")],
)
def test_tables_of_links(names):
    import pandas as pd

    frame = pd.DataFrame({names[0]: ["x", "y"], names[1]: ["y", "z"]})
    assert as_graph(frame).names == ("x", "y", "z")
    assert links(as_graph(frame)) == [(0, 1), (1, 2)]
    assert as_network(frame) == as_graph(frame)
    assert as_bipartite(frame).right_names == ("y", "z")


@needs_pandas
def test_tables_whose_columns_are_said():
    import pandas as pd

    frame = pd.DataFrame({"score": [0.5, 1.0], "gene": [5, 6], "drug": [6, 7]})
    with pytest.raises(ValueError, match=r"'score', 'gene', 'drug' does not tell .*source="):
        as_graph(frame)
    with pytest.warns(GraphInputWarning, match="weight"):
        graph = as_graph(frame, source="gene", target="drug")
    assert graph.names == (5, 6, 7)
    assert all(type(name) is int for name in graph.names)
    with pytest.raises(ValueError, match="must be columns of the table, got 'disease'"):
        as_graph(frame, source="gene", target="disease")
    with pytest.raises(ValueError, match="both be given"):
        as_bipartite(frame, source="gene")
    with pytest.raises(TypeError, match="columns of a table; got a Graph"):
        as_bipartite(nx.path_graph(3), source="a", target="b")
    with pytest.raises(ValueError, match="column 'gene' must name a node in every row; row 1"):
        as_graph(pd.DataFrame({"gene": ["a", None], "drug": ["b", "c"]}))


@needs_pandas
def test_tables_that_are_matrices():
    import pandas as pd

    square = pd.DataFrame([[0, 1], [1, 0]], index=["p", "q"], columns=["p", "q"])
    assert as_graph(square).names == ("p", "q")
    layer = pd.DataFrame([[0, 1, 1], [1, 0, 0]], index=["p", "q"], columns=["r", "s", "t"])
    graph = as_bipartite(layer)
    assert (graph.left_names, graph.right_names) == (("p", "q"), ("r", "s", "t"))
    assert links(graph) == [(0, 1), (0, 2), (1, 0)]
    with pytest.raises(ValueError, match=r"same names.*as_bipartite"):
        as_graph(layer)


@needs_pandas
def test_a_prediction_goes_back_in_as_a_table():
    karate = nx.karate_club_graph()
    with pytest.warns(GraphInputWarning):
        found = predict_links(karate, k=5).to_frame()
    with pytest.warns(GraphInputWarning):  # its scores are weights
        assert as_graph(found).n_links == 5


# ------------------------------------------------------------------------------ tensors


@needs_torch
def test_tensors_are_matrices():
    import torch

    dense = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], requires_grad=True)
    assert as_network(dense) == LAYER
    assert as_bipartite(dense.detach().to(torch.bfloat16)) == LAYER
    assert as_bipartite(dense.detach().to_sparse()) == LAYER
    assert as_network(dense.detach().to_sparse().coalesce()) == LAYER
    with pytest.raises(ValueError, match="read two ways"):  # an edge_index
        as_network(torch.tensor([[0, 1, 2], [1, 2, 3]]))


# ----------------------------------------------------------------- arrays that deceive


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int64, np.float32, bool])
def test_repeated_entries_never_cancel(kind):
    places = np.zeros(256, int)
    matrix = sp.coo_array((np.ones(256, kind), (places, places)), (2, 3))
    if kind is bool:
        assert as_bipartite(matrix).n_links == 1
    else:
        with pytest.warns(GraphInputWarning, match="weights"):
            assert as_bipartite(matrix).n_links == 1


def test_our_matrices_do_not_overflow_in_products():
    star = as_graph(nx.star_graph(200))
    assert (star.adjacency() @ star.adjacency())[0, 0] == 200
    layer = BipartiteGraph.from_biadjacency(np.ones((1, 300)))
    assert (layer.biadjacency() @ layer.biadjacency().T)[0, 0] == 300


@pytest.mark.parametrize(
    "indptr", [[0, 200_000_000, 2, 2], [0, 1, 2, 9], [1, 1, 2, 2], [0, 2, 1, 2]]
)
def test_inconsistent_sparse_matrices_are_refused(indptr):
    matrix = sp.csr_array((np.ones(2), [0, 1], [0, 1, 2, 2]), shape=(3, 3))
    matrix.indptr = np.array(indptr)
    with pytest.raises(ValueError, match=r"adjacency is inconsistent|biadjacency is inconsistent"):
        as_bipartite(matrix)


def test_indices_out_of_range_are_refused():
    matrix = sp.csr_array((np.ones(2), [0, 1], [0, 1, 2, 2]), shape=(3, 3))
    matrix.indices = np.array([0, 7])
    with pytest.raises(ValueError, match="inconsistent"):
        as_bipartite(matrix)
    other = sp.coo_array((np.ones(2), ([0, 1], [0, 1])), shape=(2, 2))
    other.coords = (np.array([0, 5]), np.array([0, 1]))
    with pytest.raises(ValueError, match=r"axis 0 lies outside \[0, 2\)"):
        as_bipartite(other)


def test_masked_arrays():
    whole = np.ma.array([[1, 0, 1], [0, 1, 1]], mask=False)
    assert as_network(whole) == LAYER
    with pytest.raises(ValueError, match=r"masked.*filled\(0\)"):
        as_network(np.ma.array([[1, 0, 1], [0, 1, 1]], mask=[[0, 1, 0], [0, 0, 0]]))


@pytest.mark.parametrize("thing", [np.zeros(4), [0, 1, 2], np.zeros((2, 2, 2)), np.float64(3)])
def test_arrays_of_other_dimensions_are_refused(thing):
    with pytest.raises((ValueError, TypeError), match=r"two-dimensional|got float64"):
        as_network(thing)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_empty_layers_have_nothing_to_predict(shape):
    assert len(predict_links(np.zeros(shape))) == 0
    layer = BipartiteGraph.from_links([], [], shape)
    for method in ("CH3-L3", "CH3-L3n", "CN"):
        assert len(predict_links(layer, method=method)) == 0
        assert len(predict_links(layer, 3, method=method)) == 0


def test_katz_of_no_nodes_says_nothing(capfd):
    assert len(predict_links(Graph.from_links([], [], 0), method="Katz")) == 0
    assert capfd.readouterr() == ("", "")


# --------------------------------------------------------------- numbers of narrow types


def test_sizes_of_narrow_types_do_not_overflow():
    assert Graph.from_links([0], [1], np.int32(70_000)).density == pytest.approx(
        2 / (70_000 * 69_999)
    )
    assert link_count(np.int32(70_000), np.int32(70_000), 0.999999) == 4900
    for shape in ((2**31, 2), (2, 2**31)):
        with pytest.raises(ValueError, match="n_left and n_right must be at most 2,147,483,647"):
            link_count(*shape, 0.5)
    graph = erdos_renyi(np.int32(70_000), np.int32(70_000), 0.999999, rng=0)
    assert graph == erdos_renyi(70_000, 70_000, 0.999999, rng=0)
    assert np.count_nonzero(graph.left_degree) > 4_000
    assert regular(np.int16(300), np.int16(300), 0.5, rng=0).n_links == 45_000
    karate = nx.Graph(nx.karate_club_graph().edges())
    assert len(predict_links(karate, k=np.int8(100))) == 100


def test_a_wide_receptive_field_does_not_overflow():
    graph = receptive_field(100, 10**6, 0.9, r=0.0, degree="uniform")
    assert graph.n_links == 10**7
    assert (graph.right_degree.min(), graph.right_degree.max()) == (1, 19)


# ------------------------------------------------------------------------ there and back


@pytest.mark.parametrize("graph", [PATH, LAYER, Graph.from_links([0, 2], [1, 3])])
def test_graphs_without_names_come_back_from_both_libraries(graph):
    door = as_bipartite if isinstance(graph, BipartiteGraph) else as_graph
    assert door(graph.to_networkx()) == graph
    assert door(graph.to_igraph()) == graph


def test_names_that_look_like_numbers_are_kept():
    named = Graph.from_links([0, 1], [1, 2], names=(0, 1, 2))
    assert as_graph(named.to_networkx()).names == (0, 1, 2)
    changed = PATH.to_networkx()
    nx.relabel_nodes(changed, {0: "zero"}, copy=False)
    assert "zero" in as_graph(changed).names


def test_names_that_stand_on_both_sides_come_back_from_igraph():
    layer = BipartiteGraph.from_links([0, 1], [1, 0], (2, 2), left_names="ab", right_names="bc")
    assert as_bipartite(layer.to_igraph()) == layer
    with pytest.raises(ValueError, match="distinct node names"):
        layer.to_networkx()


def test_parallel_links_and_weights_of_two_sided_graphs_are_said():
    source = nx.MultiGraph([("a", 1), ("a", 1), ("b", 1)])
    nx.set_node_attributes(source, {"a": 0, "b": 0, 1: 1}, "bipartite")
    with pytest.warns(GraphInputWarning, match="1 repeated links are counted once"):
        assert as_bipartite(source).n_links == 2
    other = nx.Graph()
    other.add_node("a", bipartite=0)
    other.add_node("b", bipartite=1)
    other.add_edge("a", "b", weight=np.array([1.0, 2.0]))
    with pytest.warns(GraphInputWarning, match="weight"):
        assert as_bipartite(other).n_links == 1
    with pytest.warns(GraphInputWarning, match="weight"):
        assert as_graph(nx.Graph(other)).n_links == 1
    third = igraph.Graph(n=2, edges=[(0, 1), (1, 0)])
    third.vs["type"] = [False, True]
    third.es["weight"] = [2.0, 1.0]
    with pytest.warns(GraphInputWarning) as said:
        assert as_bipartite(third).n_links == 1
    assert len(said) == 2


# ------------------------------------------------------------------------- what is wrong


def test_a_pair_alone_is_no_list_of_pairs():
    with pytest.raises(ValueError, match=r"as \[\(u, v\)\] for a single pair; got 0"):
        score_links(PATH, (0, 3))
    with pytest.raises(ValueError, match="single pair; got 'ab'"):
        score_links(PATH, ["ab"])
    np.testing.assert_array_equal(score_links(PATH, np.array([[0, 3], [0, 1]])), [1.0, 0.0])


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("rng", ["matrix", "seed", -1, {}, 1.5])
def test_seeds_that_are_none_are_refused(rng):
    rng = np.matrix([[1, 2]]) if rng == "matrix" else rng
    with pytest.raises(TypeError, match="rng must be None, a non-negative integer"):
        erdos_renyi(3, 3, 0.5, rng=rng)


def test_graphs_of_a_wrong_type_are_named():
    from chgraph.linkpred import score_blocks
    from chgraph.rewiring import regrow_links, removal_scores
    from chgraph.topology import sample_unlinked

    for call in (
        lambda: removal_scores(PATH, [1.0]),
        lambda: regrow_links(np.ones((2, 2)), 1),
        lambda: sample_unlinked("graph", 1),
        lambda: next(score_blocks(PATH)),
    ):
        with pytest.raises(TypeError, match=r"graph must be a chgraph.BipartiteGraph, got"):
            call()
