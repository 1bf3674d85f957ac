"""Graph: what it holds, what it says is lost, what it refuses; and the one door for all input."""

import dataclasses
import warnings

import igraph
import networkx
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, GraphInputWarning, as_bipartite, as_graph
from chgraph.graph import as_network

ADJACENCIES = {
    "no nodes": np.zeros((0, 0), dtype=int),
    "one node": np.zeros((1, 1), dtype=int),
    "no links": np.zeros((4, 4), dtype=int),
    "one link": 1 - np.eye(2, dtype=int),
    "clique": 1 - np.eye(5, dtype=int),
    "star": networkx.to_numpy_array(networkx.star_graph(5), dtype=int),
    "path": networkx.to_numpy_array(networkx.path_graph(5), dtype=int),
    "cycle": networkx.to_numpy_array(networkx.cycle_graph(6), dtype=int),
    "components": np.kron(np.eye(3, dtype=int), 1 - np.eye(3, dtype=int)),
    "isolated nodes": np.pad(1 - np.eye(3, dtype=int), (1, 2)),
    "karate": networkx.to_numpy_array(networkx.karate_club_graph(), dtype=int, weight=None),
    "random": networkx.to_numpy_array(networkx.gnp_random_graph(12, 0.3, seed=3), dtype=int),
}
NAMED = Graph.from_links([0, 1, 1], [1, 2, 3], 5, names=["ann", ("b", 1), 7, "d", "alone"])
DIRECTED = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])


@pytest.fixture(params=list(ADJACENCIES))
def adjacency(request):
    """The 0/1 adjacency of every graph of the list in turn."""
    return ADJACENCIES[request.param]


@st.composite
def link_lists(draw, max_nodes=9):
    """Draw a number of nodes and distinct links, each written either way, in any order."""
    n = draw(st.integers(1, max_nodes))
    pairs = [(u, v) for u in range(n) for v in range(u)]
    links = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    turned = draw(st.lists(st.booleans(), min_size=len(links), max_size=len(links)))
    return n, [(v, u) if turn else (u, v) for (u, v), turn in zip(links, turned, strict=True)]


def columns(links):
    return np.array(links, dtype=int).reshape(-1, 2).T


def check_quiet(call):
    """Call without any warning, and return what comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return call()


# --------------------------------------------------------------------------- contents


def test_every_node_lists_its_neighbors_in_order(adjacency):
    graph = Graph.from_adjacency(adjacency)
    assert graph.n_nodes == len(adjacency)
    assert graph.shape == adjacency.shape
    for u, row in enumerate(adjacency):
        mine = graph.neighbors[graph.offsets[u] : graph.offsets[u + 1]]
        np.testing.assert_array_equal(mine, np.flatnonzero(row))


def test_links_stand_once_and_in_order(adjacency):
    graph = Graph.from_adjacency(adjacency)
    np.testing.assert_array_equal(np.transpose(graph.links()), np.argwhere(np.triu(adjacency)))
    assert all(ends.dtype == np.int64 for ends in graph.links())


def test_counts(adjacency):
    graph, n = Graph.from_adjacency(adjacency), len(adjacency)
    assert graph.n_links == adjacency.sum() // 2
    np.testing.assert_array_equal(graph.degree, adjacency.sum(axis=1))
    if n > 1:
        assert graph.density == pytest.approx(adjacency.sum() / (n * (n - 1)))
        assert graph.sparsity == pytest.approx(1 - adjacency.sum() / (n * (n - 1)))
    else:
        assert np.isnan(graph.density)
        assert np.isnan(graph.sparsity)


def test_index_arrays_are_wide_enough_for_offsets_and_small_for_neighbors(adjacency):
    graph = Graph.from_adjacency(adjacency)
    assert graph.offsets.dtype == np.int64
    assert graph.neighbors.dtype == np.int32


def test_arrays_and_fields_cannot_be_changed(adjacency):
    graph = Graph.from_adjacency(adjacency)
    assert not graph.offsets.flags.writeable
    assert not graph.neighbors.flags.writeable
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.n_nodes = 3


def test_has_links(adjacency):
    graph = Graph.from_adjacency(adjacency)
    rows, others = np.indices(adjacency.shape).reshape(2, -1)
    np.testing.assert_array_equal(graph.has_links(rows, others), adjacency.reshape(-1) > 0)
    assert graph.has_links([], []).size == 0


def test_adjacency_is_a_copy_of_the_links(adjacency):
    graph = Graph.from_adjacency(adjacency)
    matrix, links = graph.adjacency(), graph.links()
    np.testing.assert_array_equal(matrix.toarray(), adjacency)
    assert as_graph(matrix) == graph
    matrix.data[:] = 0
    matrix.indices[:] = 0
    np.testing.assert_array_equal(graph.links(), links)


def test_equality_looks_at_nodes_links_and_names():
    graph = Graph.from_links([0], [1], 3)
    assert graph == Graph.from_adjacency([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert hash(graph) == hash(Graph.from_links([1], [0], 3))
    assert graph != Graph.from_links([0], [1], 4)
    assert graph != Graph.from_links([0], [2], 3)
    assert graph != Graph.from_links([0], [1], 3, names="abc")
    assert graph != BipartiteGraph.from_links([0], [1], (3, 3))
    assert graph != "graph"


def test_repr():
    assert repr(NAMED) == "Graph(5 nodes, 3 links, density 0.3)"
    assert repr(Graph.from_links([], [])) == "Graph(0 nodes, 0 links, density nan)"


# ------------------------------------------------------------------ links and matrices


@given(link_lists())
def test_links_come_in_any_order_and_either_way(drawn):
    n, links = drawn
    graph = check_quiet(lambda: Graph.from_links(*columns(links), n))
    expected = np.zeros((n, n), dtype=int)
    expected[tuple(columns(links))] = 1
    assert graph == Graph.from_adjacency(expected | expected.T)
    assert sorted(tuple(sorted(link)) for link in links) == list(zip(*graph.links(), strict=True))


def test_the_number_of_nodes_is_one_more_than_the_largest_by_default():
    assert Graph.from_links([4, 0], [1, 2]).n_nodes == 5
    assert Graph.from_links([0, 1], [3, 2]).n_nodes == 4
    assert Graph.from_links([], []).n_nodes == 0


@pytest.mark.parametrize(
    "kind",
    [
        np.array, np.ndarray.tolist, np.asfortranarray,
        scipy.sparse.csr_array, scipy.sparse.csr_matrix, scipy.sparse.csc_matrix,
        scipy.sparse.coo_array, scipy.sparse.lil_matrix, scipy.sparse.dok_array,
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.float32, np.float64])
def test_every_matrix_kind_gives_the_same_graph(kind, dtype):
    matrix = kind(ADJACENCIES["random"].astype(dtype))
    graph = check_quiet(lambda: as_graph(matrix))
    assert graph == Graph.from_links(*np.nonzero(np.triu(ADJACENCIES["random"])), 12)


def test_input_is_left_as_it_was():
    dense = np.array([[2.0, 1.0, 0.0], [1.0, 0.0, 3.0], [0.0, 3.0, 0.0]])
    sparse = scipy.sparse.coo_array(([1, 1, 2, 2], ([0, 0, 1, 1], [1, 1, 0, 0])), shape=(3, 3))
    multi = networkx.MultiGraph([("a", "b"), ("a", "b"), ("c", "c")])
    before = dense.copy()
    with pytest.warns(GraphInputWarning):
        as_graph(dense)
    with pytest.warns(GraphInputWarning):
        as_graph(sparse)
    with pytest.warns(GraphInputWarning):
        as_graph(multi)
    np.testing.assert_array_equal(dense, before)
    assert sparse.nnz == 4
    assert (multi.number_of_edges(), type(multi)) == (3, networkx.MultiGraph)


def test_explicit_zeros_of_a_sparse_matrix_are_no_links():
    entries = [0.0, 1.0, 1.0, 0.0], ([0, 0, 1, 2], [1, 2, 2, 0])
    upper = scipy.sparse.csr_array(entries, shape=(3, 3))
    lower = scipy.sparse.csr_array(([1.0, 1.0], ([2, 2], [0, 1])), shape=(3, 3))
    np.testing.assert_array_equal(as_graph(upper + lower).links(), [[0, 1], [2, 2]])
    with pytest.raises(ValueError, match="symmetric"):
        as_graph(upper)


def test_duplicate_entries_of_a_sparse_matrix_are_summed():
    entries = [1, -1, 1, 1, 1], ([0, 0, 1, 0, 2], [1, 1, 2, 2, 0])
    matrix = scipy.sparse.coo_array(entries, shape=(3, 3))
    with pytest.raises(ValueError, match="symmetric"):
        as_graph(matrix)  # 1 - 2 has no other way
    matrix = scipy.sparse.coo_array(([1, -1, 1, 1], ([0, 0, 0, 2], [1, 1, 2, 0])), shape=(3, 3))
    np.testing.assert_array_equal(as_graph(matrix).links(), [[0], [2]])


# ------------------------------------------------------------- what is lost is said so


@pytest.mark.parametrize("kind", [np.array, scipy.sparse.csr_array])
def test_weights_of_a_matrix_are_not_dropped_in_silence(kind):
    matrix = kind([[0, 2.5, -1e-30], [2.5, 0, 0], [1, 0, 0]])  # only the pattern is symmetric
    with pytest.warns(GraphInputWarning, match=r"^the weights of adjacency are ignored") as caught:
        graph = as_graph(matrix)
    assert len(caught) == 1
    np.testing.assert_array_equal(graph.links(), [[0, 0], [1, 2]])


@pytest.mark.parametrize("kind", [np.array, scipy.sparse.csr_array])
def test_self_loops_of_a_matrix_are_left_out_and_counted(kind):
    matrix = kind([[1, 1, 0], [1, 0, 0], [0, 0, 1]])
    with pytest.warns(GraphInputWarning, match=r"^2 self-loops are left out") as caught:
        graph = as_graph(matrix)
    assert len(caught) == 1
    assert graph == Graph.from_links([0], [1], 3)


def test_loops_repeated_links_and_weights_of_networkx():
    source = networkx.MultiGraph()
    source.add_nodes_from("zyx")
    source.add_edges_from([("x", "y"), ("y", "x"), ("x", "y"), ("z", "z"), ("z", "y")], weight=2)
    with pytest.warns(GraphInputWarning) as caught:
        graph = as_graph(source)
    assert [str(warning.message) for warning in caught] == [
        "1 self-loops are left out",
        "2 repeated links are counted once",
        "1 weight attribute is ignored",
    ]
    assert graph == Graph.from_links([0, 1], [1, 2], 3, names="zyx")


def test_loops_repeated_links_and_weights_of_igraph():
    source = igraph.Graph(n=3, edges=[(2, 1), (1, 2), (1, 2), (0, 0), (0, 1)])
    source.es["weight"] = [1, 1, 0.5, 1, 1]
    with pytest.warns(GraphInputWarning) as caught:
        graph = as_graph(source)
    assert [str(warning.message) for warning in caught] == [
        "1 self-loops are left out",
        "2 repeated links are counted once",
        "1 weight attribute is ignored",
    ]
    assert graph == Graph.from_links([0, 1], [1, 2], 3)


def test_weights_of_one_say_nothing():
    source = networkx.Graph()
    source.add_edges_from([(0, 1), (1, 2)], weight=1.0)
    other = igraph.Graph(edges=[(0, 1), (1, 2)])
    other.es["weight"] = [1, 1]
    names = Graph.from_links([0, 1], [1, 2], names=range(3))
    assert check_quiet(lambda: as_graph(source)) == names
    assert check_quiet(lambda: as_graph(other)) == Graph.from_links([0, 1], [1, 2])


def test_the_warning_is_a_user_warning_of_its_own():
    assert issubclass(GraphInputWarning, UserWarning)


# --------------------------------------------------------------------- refused input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Graph.from_links([0, 1], [1]), "^first and second must have equal length"),
        (lambda: Graph.from_links([0], [2], 2), r"^second must lie in \[0, 2\), got 2"),
        (lambda: Graph.from_links([-1], [1], 2), r"^first must lie in \[0, 2\), got -1"),
        (lambda: Graph.from_links([0.5], [1], 2), "^first must be a one-dimensional integer"),
        (lambda: Graph.from_links([[0]], [1], 2), "^first must be a one-dimensional integer"),
        (lambda: Graph.from_links([0, 2], [1, 2], 3), "^a link joins node 2 to itself"),
        (lambda: Graph.from_links([0, 0], [1, 1]), r"^link \(0, 1\) stands more than once"),
        (lambda: Graph.from_links([0, 2, 1], [1, 1, 2]), r"^link \(1, 2\) stands more than once"),
        (lambda: Graph.from_links([], [], -1), "^n_nodes must be at least 0"),
        (lambda: Graph.from_links([], [], 2**31), "^n_nodes must be at most 2147483647"),
        (lambda: Graph.from_links([0], [1], 2, names="aa"), "^names must hold 2 distinct names"),
        (lambda: Graph.from_links([0], [1], 2, names="abc"), "^names must hold 2 distinct names"),
        (lambda: as_graph([0, 1]), r"^adjacency must be two-dimensional, got shape \(2,\)"),
        (lambda: as_graph(np.zeros((2, 2, 2))), "^adjacency must be two-dimensional"),
        (lambda: as_graph([[0, 1], [1]]), "^adjacency must have rows of equal length"),
        (lambda: as_graph(np.ones((2, 3))), r"^adjacency must be square, got shape \(2, 3\)"),
        (
            lambda: as_graph(np.array([["a", "b"], ["b", "a"]])),
            "^adjacency must be numeric or boolean",
        ),
        (lambda: as_graph([[0, np.nan], [np.nan, 0]]), "^adjacency must not hold NaN"),
        (lambda: as_graph([[np.nan, 0], [0, 0]]), "^adjacency must not hold NaN"),
        (
            lambda: as_graph(scipy.sparse.csr_array([[0, np.nan], [np.nan, 0]])),
            "^adjacency must not hold NaN",
        ),
        (lambda: NAMED.has_links([0], [5]), r"^second must lie in \[0, 5\), got 5"),
        (lambda: NAMED.has_links([-1], [0]), r"^first must lie in \[0, 5\), got -1"),
        (lambda: as_graph(networkx.DiGraph([(0, 1)])), r"undirected; graph\.to_undirected\(\)"),
        (lambda: as_graph(networkx.MultiDiGraph()), r"undirected; graph\.to_undirected\(\)"),
        (
            lambda: as_graph(igraph.Graph(edges=[(0, 1)], directed=True)),
            r"undirected; graph\.as_undirected\(\)",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("kind", [np.array, np.ndarray.tolist, scipy.sparse.csr_array])
def test_a_directed_matrix_is_refused_and_both_ways_out_are_ways_out(kind):
    for door in (as_graph, as_network):
        with pytest.raises(ValueError, match="adjacency must be symmetric") as refused:
            door(kind(DIRECTED))
        assert "(adjacency + adjacency.T)" in str(refused.value)
        assert "bipartite=True" in str(refused.value)
    adjacency = scipy.sparse.csr_array(DIRECTED)
    assert as_network(adjacency + adjacency.T) == Graph.from_links([0, 1], [1, 2])
    layer = BipartiteGraph.from_links([0, 1], [1, 2], (3, 3))
    assert as_network(kind(DIRECTED), bipartite=True) == layer


def test_a_directed_graph_made_undirected_is_taken():
    one = networkx.DiGraph([(0, 1), (1, 0), (1, 2)]).to_undirected()
    other = igraph.Graph(edges=[(0, 1), (1, 0), (1, 2)], directed=True).as_undirected()
    np.testing.assert_array_equal(check_quiet(lambda: as_graph(one)).links(), [[0, 1], [1, 2]])
    np.testing.assert_array_equal(check_quiet(lambda: as_graph(other)).links(), [[0, 1], [1, 2]])


def test_a_number_of_nodes_of_a_wrong_type_is_named():
    with pytest.raises(TypeError, match=r"^n_nodes must be an integer, got 2\.0"):
        Graph.from_links([0], [1], 2.0)


def test_igraph_vertices_need_distinct_names():
    source = igraph.Graph(edges=[(0, 1)])
    source.vs["name"] = ["same", "same"]
    with pytest.raises(ValueError, match="names must hold 2 distinct names"):
        as_graph(source)


@pytest.mark.parametrize("door", [as_graph, as_network])
@pytest.mark.parametrize("thing", [None, 3, "graph", {(0, 1): 1}, {1, 2}, networkx.Graph])
def test_what_is_no_graph_is_refused(door, thing):
    with pytest.raises(TypeError, match=f"numpy array.*pairs .*; got {type(thing).__name__}$"):
        door(thing)


# ----------------------------------------------------------------------- conversions


@pytest.mark.parametrize("write", [Graph.to_networkx, Graph.to_igraph, Graph.adjacency])
def test_the_way_there_and_back_keeps_links(adjacency, write):
    graph = Graph.from_adjacency(adjacency)
    back = check_quiet(lambda: as_graph(write(graph)))
    assert back.n_nodes == graph.n_nodes
    np.testing.assert_array_equal(back.links(), graph.links())


@pytest.mark.parametrize("write", [Graph.to_networkx, Graph.to_igraph])
def test_the_way_there_and_back_keeps_names(write):
    assert as_graph(write(NAMED)) == NAMED


def test_networkx_has_the_names_in_order_and_the_links(adjacency):
    written = Graph.from_adjacency(adjacency).to_networkx()
    assert type(written) is networkx.Graph
    assert list(written) == list(range(len(adjacency)))
    np.testing.assert_array_equal(
        networkx.to_numpy_array(written, dtype=int) if len(written) else adjacency, adjacency
    )
    assert list(NAMED.to_networkx()) == list(NAMED.names)


def test_igraph_has_names_only_where_there_are_any(adjacency):
    written = Graph.from_adjacency(adjacency).to_igraph()
    assert not written.is_directed()
    assert written.vcount() == len(adjacency)
    assert written.get_edgelist() == [tuple(link) for link in np.argwhere(np.triu(adjacency))]
    assert "name" not in written.vs.attributes()
    assert NAMED.to_igraph().vs["name"] == list(NAMED.names)


def test_names_follow_the_order_of_the_nodes_not_of_the_links():
    source = networkx.Graph()
    source.add_nodes_from(["d", "a", "c"])
    source.add_edges_from([("c", "a"), ("b", "d")])
    graph = as_graph(source)
    assert graph.names == ("d", "a", "c", "b")
    np.testing.assert_array_equal(graph.links(), [[0, 1], [3, 2]])


def test_matrices_have_no_names_unless_given():
    assert as_graph(ADJACENCIES["path"]).names is None
    assert Graph.from_adjacency(ADJACENCIES["one link"], names=["x", "y"]).names == ("x", "y")
    assert as_graph(igraph.Graph(n=2)).names is None


@pytest.mark.parametrize("name", ["karate_club_graph", "les_miserables_graph"])
def test_well_known_networks_come_the_same_through_every_library(name):
    source = getattr(networkx, name)()
    with pytest.warns(GraphInputWarning, match="weight attribute is ignored"):
        graph = as_graph(source)
    assert graph.names == tuple(source)
    matrix = networkx.to_scipy_sparse_array(source, weight=None)
    np.testing.assert_array_equal(as_graph(matrix).links(), graph.links())
    other = igraph.Graph.from_networkx(networkx.Graph(source.edges()))
    assert as_graph(other).n_links == graph.n_links == source.number_of_edges()


def test_subclasses_and_views_of_networkx_are_networkx():
    class Social(networkx.Graph):
        pass

    assert as_graph(Social([(0, 1)])) == as_graph(networkx.Graph([(0, 1)]))
    part = networkx.path_graph(5).subgraph([1, 2, 4])
    graph = as_graph(part)
    assert sorted(graph.names) == [1, 2, 4]
    assert graph.n_links == 1


def test_more_nodes_than_16_bits_can_number():
    nodes = np.array([3, 65_535, 65_536, 131_071])
    graph = Graph.from_links(nodes[:-1], nodes[1:], 131_072)
    np.testing.assert_array_equal(graph.links(), [nodes[:-1], nodes[1:]])
    assert graph.has_links([65_536, 65_536, 0], [65_535, 3, 1]).tolist() == [True, False, False]
    np.testing.assert_array_equal(np.flatnonzero(graph.degree), nodes)


# ---------------------------------------------------------------------- the one door

SQUARE = ADJACENCIES["path"]
LAYER = np.array([[1, 1, 0], [0, 1, 0]])
SIDED = networkx.Graph([("a", "x"), ("b", "x")])
networkx.set_node_attributes(SIDED, {"a": 0, "b": 0, "x": 1}, "bipartite")
SIDED_IGRAPH = igraph.Graph(n=3, edges=[(0, 2), (1, 2)])
SIDED_IGRAPH.vs["type"] = [False, False, True]


def test_graphs_are_passed_through():
    layer = as_bipartite(LAYER)
    assert as_graph(NAMED) is NAMED
    for bipartite in (None, False):
        assert as_network(NAMED, bipartite) is NAMED
    for bipartite in (None, True):
        assert as_network(layer, bipartite) is layer


@pytest.mark.parametrize("kind", [np.array, np.ndarray.tolist, scipy.sparse.csr_array])
def test_the_shape_of_a_matrix_decides_only_where_it_can(kind):
    assert as_network(kind(SQUARE)) == as_network(kind(SQUARE), False) == as_graph(SQUARE)
    assert as_network(kind(SQUARE), True) == as_bipartite(SQUARE)
    assert as_network(kind(LAYER)) == as_network(kind(LAYER), True) == as_bipartite(LAYER)
    assert as_network(kind(LAYER.T)) == as_bipartite(LAYER.T)


@pytest.mark.parametrize(("source", "names"), [(SIDED, ("a", "x", "b")), (SIDED_IGRAPH, None)])
def test_sides_of_a_graph_count_only_when_asked_for(source, names):
    for bipartite in (None, False):
        graph = as_network(source, bipartite)
        assert isinstance(graph, Graph)
        assert graph.names == names
        assert graph.n_links == 2
    layer = as_network(source, True)
    assert layer == as_bipartite(source)
    assert layer.shape == (2, 1)


@pytest.mark.parametrize(
    ("thing", "bipartite", "message"),
    [
        (NAMED, True, "bipartite=True contradicts the Graph given"),
        (as_bipartite(LAYER), False, "bipartite=False contradicts the BipartiteGraph given"),
        (LAYER, False, "adjacency must be square"),
        (scipy.sparse.csr_array(LAYER), False, "adjacency must be square"),
        (DIRECTED, None, "adjacency must be symmetric"),
        (DIRECTED, False, "adjacency must be symmetric"),
        (networkx.path_graph(3), True, "attribute 'bipartite'"),
        (igraph.Graph(n=2), True, "attribute 'type'"),
        (networkx.DiGraph([(0, 1)]), None, "undirected"),
        (networkx.DiGraph([(0, 1)]), True, "undirected"),
        (np.zeros((2, 2, 2)), None, "two-dimensional"),
        ([[1, 2], [3]], None, "inhomogeneous"),
    ],
)
def test_contradictions_are_refused(thing, bipartite, message):
    with pytest.raises(ValueError, match=message):
        as_network(thing, bipartite)


@pytest.mark.parametrize("bipartite", ["yes", 2, []])
def test_bipartite_is_yes_no_or_none(bipartite):
    with pytest.raises(TypeError, match=r"^bipartite must be True, False or None"):
        as_network(SQUARE, bipartite)


def test_our_graphs_of_the_other_kind_are_refused():
    with pytest.raises(TypeError, match="got BipartiteGraph"):
        as_graph(as_bipartite(LAYER))
    with pytest.raises(TypeError, match="got Graph"):
        as_bipartite(NAMED)
