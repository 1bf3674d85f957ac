"""BipartiteGraph: what it holds, how it changes, what it refuses."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, GraphInputWarning, as_bipartite
from tests import zoo


def test_links_stand_in_left_right_order(biadjacency):
    graph = BipartiteGraph.from_biadjacency(biadjacency)
    np.testing.assert_array_equal(np.transpose(graph.links()), np.argwhere(biadjacency))
    assert graph.shape == biadjacency.shape


def test_both_directions_hold_the_same_links(biadjacency):
    graph = BipartiteGraph.from_biadjacency(biadjacency)
    for u, row in enumerate(biadjacency):
        mine = graph.left_neighbors[graph.left_offsets[u] : graph.left_offsets[u + 1]]
        np.testing.assert_array_equal(mine, np.flatnonzero(row))
    for v, column in enumerate(biadjacency.T):
        mine = graph.right_neighbors[graph.right_offsets[v] : graph.right_offsets[v + 1]]
        np.testing.assert_array_equal(mine, np.flatnonzero(column))
    left, right = graph.links()
    of_right = np.repeat(np.arange(graph.n_right), graph.right_degree)
    np.testing.assert_array_equal(left[graph.right_links], graph.right_neighbors)
    np.testing.assert_array_equal(right[graph.right_links], of_right)


def test_counts(biadjacency):
    graph = BipartiteGraph.from_biadjacency(biadjacency)
    assert (graph.n_left, graph.n_right) == biadjacency.shape
    assert graph.n_links == np.count_nonzero(biadjacency)
    np.testing.assert_array_equal(graph.left_degree, biadjacency.sum(axis=1))
    np.testing.assert_array_equal(graph.right_degree, biadjacency.sum(axis=0))
    if biadjacency.size:
        assert graph.density == pytest.approx(np.mean(biadjacency != 0))
        assert graph.sparsity == pytest.approx(np.mean(biadjacency == 0))
    else:
        assert np.isnan(graph.density)
        assert np.isnan(graph.sparsity)


def test_index_arrays_are_wide_enough_for_offsets_and_small_for_neighbors(graph):
    assert graph.left_offsets.dtype == graph.right_offsets.dtype == np.int64
    assert graph.left_neighbors.dtype == graph.right_neighbors.dtype == np.int32
    assert all(part.dtype == np.int64 for part in graph.links())


@given(zoo.biadjacencies(), st.randoms(use_true_random=False))
def test_from_links_takes_links_in_any_order(matrix, random):
    links = np.argwhere(matrix).tolist()
    random.shuffle(links)
    left, right = zip(*links, strict=True) if links else ((), ())
    assert BipartiteGraph.from_links(left, right, matrix.shape) == as_bipartite(matrix)


@pytest.mark.parametrize(
    "kind",
    [
        np.array, np.ndarray.tolist, scipy.sparse.csr_array, scipy.sparse.csc_matrix,
        scipy.sparse.coo_array, scipy.sparse.lil_matrix, scipy.sparse.dok_array,
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.float32, np.float64])
def test_every_matrix_kind_gives_the_same_graph(kind, dtype):
    matrix = zoo.BIADJACENCIES["sparse"]
    assert as_bipartite(kind(matrix.astype(dtype))) == zoo.GRAPHS["sparse"]


def test_every_nonzero_entry_is_a_link_and_weights_are_not_dropped_in_silence():
    with pytest.warns(GraphInputWarning, match=r"^the weights of biadjacency"):
        graph = BipartiteGraph.from_biadjacency([[-0.5, 0.0], [1e-30, -0.0]])
    np.testing.assert_array_equal(graph.links(), [[0, 1], [0, 0]])


def test_explicit_zeros_of_a_sparse_matrix_are_no_links():
    matrix = scipy.sparse.csr_array(([0.0, 1.0], ([0, 1], [0, 1])), shape=(2, 2))
    np.testing.assert_array_equal(as_bipartite(matrix).links(), [[1], [1]])


def test_duplicate_entries_of_a_sparse_matrix_are_summed():
    matrix = scipy.sparse.coo_array(([3, -2, 1, -1], ([0, 0, 1, 1], [0, 0, 1, 1])), shape=(2, 2))
    np.testing.assert_array_equal(as_bipartite(matrix).links(), [[0], [0]])
    assert matrix.nnz == 4


def test_arrays_and_fields_cannot_be_changed(graph):
    for name in ("left_offsets", "left_neighbors", "right_offsets", "right_neighbors"):
        assert not getattr(graph, name).flags.writeable
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.shape = (1, 1)


def test_biadjacency_is_a_copy_of_the_links(graph):
    matrix, links = graph.biadjacency(), graph.links()
    assert matrix.shape == graph.shape
    assert as_bipartite(matrix) == graph
    matrix.data[:] = 0
    matrix.indices[:] = 0
    np.testing.assert_array_equal(graph.links(), links)


def test_a_graph_is_passed_through():
    assert as_bipartite(zoo.GRAPHS["path"]) is zoo.GRAPHS["path"]


def test_equality_looks_at_shape_links_and_names():
    graph = BipartiteGraph.from_links([0], [0], (2, 2))
    assert graph == BipartiteGraph.from_biadjacency([[1, 0], [0, 0]])
    assert hash(graph) == hash(BipartiteGraph.from_biadjacency([[1, 0], [0, 0]]))
    assert graph != BipartiteGraph.from_links([0], [0], (2, 3))
    assert graph != BipartiteGraph.from_links([0], [1], (2, 2))
    assert graph != BipartiteGraph.from_links([0], [0], (2, 2), left_names=["a", "b"])
    assert graph != "graph"


def test_link_ids_number_links_and_mark_the_rest(graph):
    left, right = np.divmod(np.arange(graph.n_left * graph.n_right), max(graph.n_right, 1))
    ids = graph.link_ids(left, right)
    np.testing.assert_array_equal(ids >= 0, graph.biadjacency().toarray().ravel() > 0)
    np.testing.assert_array_equal(ids[ids >= 0], np.arange(graph.n_links))


@given(zoo.biadjacencies(), st.integers(0, 2**32 - 1))
def test_keep_links_then_add_links_is_the_way_back(matrix, seed):
    graph = as_bipartite(matrix)
    order = np.random.default_rng(seed).permutation(graph.n_links)
    kept, lost = order[::2], order[1::2]
    part = graph.keep_links(kept)
    assert part.n_links == kept.size
    np.testing.assert_array_equal(np.sort(graph.link_ids(*part.links())), np.sort(kept))
    left, right = graph.links()
    assert part.add_links(left[lost], right[lost]) == graph


def test_names_survive_changes_of_links():
    graph = BipartiteGraph.from_links([0, 1], [0, 0], (2, 1), left_names="ab", right_names=["y"])
    for changed in (graph.keep_links([1]), graph.keep_links([])):
        assert (changed.left_names, changed.right_names) == (("a", "b"), ("y",))
    assert graph.keep_links([0]).add_links([1], [0]) == graph


def test_more_nodes_than_16_bits_can_number():
    nodes = np.array([3, 65_535, 65_536, 131_071])
    graph = BipartiteGraph.from_links(nodes, nodes[::-1].copy(), (131_072, 131_072))
    np.testing.assert_array_equal(graph.links(), [nodes, nodes[::-1]])
    np.testing.assert_array_equal(graph.link_ids(nodes, nodes[::-1]), [0, 1, 2, 3])
    np.testing.assert_array_equal(np.flatnonzero(graph.right_degree), nodes)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: BipartiteGraph.from_links([0], [2], (2, 2)), "right"),
        (lambda: BipartiteGraph.from_links([-1], [0], (2, 2)), "left"),
        (lambda: BipartiteGraph.from_links([0.5], [0], (2, 2)), "left"),
        (lambda: BipartiteGraph.from_links([[0]], [0], (2, 2)), "left"),
        (lambda: BipartiteGraph.from_links([0, 1], [0], (2, 2)), "left and right"),
        (lambda: BipartiteGraph.from_links([1, 1], [0, 0], (2, 2)), "left and right"),
        (lambda: BipartiteGraph.from_links([], [], (2, 2, 2)), "shape"),
        (lambda: BipartiteGraph.from_links([], [], (2, -1)), "shape"),
        (lambda: BipartiteGraph.from_links([], [], (2, 2**31)), "shape"),
        (lambda: BipartiteGraph.from_links([], [], (2, 1), left_names="a"), "left_names"),
        (lambda: BipartiteGraph.from_links([], [], (1, 2), right_names="aa"), "right_names"),
        (lambda: BipartiteGraph.from_biadjacency([1, 0]), "biadjacency"),
        (lambda: BipartiteGraph.from_biadjacency(np.zeros((2, 2, 2))), "biadjacency"),
        (lambda: BipartiteGraph.from_biadjacency([[np.nan, 0]]), "biadjacency"),
        (lambda: BipartiteGraph.from_biadjacency([["a", "b"]]), "biadjacency"),
        (lambda: zoo.GRAPHS["path"].keep_links([5]), "ids"),
        (lambda: zoo.GRAPHS["path"].link_ids([3], [0]), "left"),
        (lambda: zoo.GRAPHS["path"].link_ids([0], [3]), "right"),
        (lambda: zoo.GRAPHS["path"].add_links([0], [0]), "left and right"),
        (lambda: zoo.GRAPHS["path"].add_links([0], [7]), "right"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        call()


def test_shape_of_a_wrong_type_is_named():
    with pytest.raises(TypeError, match=r"^shape\b"):
        BipartiteGraph.from_links([], [], (2.0, 2))


@pytest.mark.parametrize("thing", [None, 3, "graph", {(0, 0): 1}, {1, 2}])
def test_what_is_no_graph_is_refused(thing):
    with pytest.raises(TypeError, match=f"BipartiteGraph.*got {type(thing).__name__}"):
        as_bipartite(thing)
