"""Matrices as text: of 0 and 1, with weights, with names; and lists that are none."""

import networkx
import numpy as np
import pytest

from chgraph import BipartiteGraph, Graph, GraphInputWarning
from tests.chgraph.files.conftest import links_of


def text_of(matrix, separator=" "):
    return "\n".join(separator.join(f"{x:g}" for x in row) for row in matrix) + "\n"


@pytest.mark.parametrize("separator", [" ", ",", "\t", ";"])
def test_karate_as_zeros_and_ones(read, separator):
    matrix = (networkx.to_numpy_array(networkx.karate_club_graph()) != 0).astype(int)
    graph = read(text_of(matrix, separator), "karate.txt")
    assert graph == Graph.from_adjacency(matrix)
    assert (graph.n_nodes, graph.n_links) == (34, 78)
    assert read(text_of(matrix, separator), "karate.txt", bipartite=True).shape == (34, 34)


def test_a_rectangle_of_zeros_and_ones_has_two_sides(read):
    matrix = np.random.default_rng(0).integers(0, 2, (5, 8))
    assert read(text_of(matrix)) == BipartiteGraph.from_biadjacency(matrix)
    with pytest.raises(ValueError, match=r"net\.csv: adjacency must be square"):
        read(text_of(matrix), bipartite=False)


def test_weights_in_a_symmetric_square(read):
    matrix = [[0, 0.5, 0, 2], [0.5, 0, 1, 0], [0, 1, 0, 0], [2, 0, 0, 0]]
    with pytest.warns(GraphInputWarning, match="weights"):
        assert read(text_of(matrix)) == Graph.from_adjacency(np.array(matrix) != 0)


def test_a_directed_matrix_is_refused(read):
    matrix = np.triu(np.ones((5, 5)), 1)
    with pytest.raises(ValueError, match=r"net\.csv: its matrix is not symmetric.*directed"):
        read(text_of(matrix))
    assert read(text_of(matrix), ignore_directions=True).n_links == 10
    with pytest.raises(ValueError, match="holds no links"):
        read(text_of(np.zeros((5, 5))))


@pytest.mark.parametrize(
    "text",
    [
        ",a,b,c\na,0,1,0\nb,1,0,1\nc,0,1,0\n",
        "names\ta\tb\tc\na\t0\t1\t0\nb\t1\t0\t1\nc\t0\t1\t0\n",
        "a b c\na 0 1 0\nb 1 0 1\nc 0 1 0\n",
        '"a" "b" "c"\n"a" 0 1 0\n"b" 1 0 1\n"c" 0 1 0\n',
    ],
)
def test_names_at_the_edges(read, text):
    graph = read(text)
    assert graph.names == ("a", "b", "c")
    assert links_of(graph) == [("a", "b"), ("b", "c")]


def test_other_names_for_rows_than_for_columns(read):
    graph = read(",x,y,z\na,0,1,0\nb,1,0,1\n")
    assert (graph.left_names, graph.right_names) == (("a", "b"), ("x", "y", "z"))
    assert links_of(graph) == [("a", "y"), ("b", "x"), ("b", "z")]


@pytest.mark.parametrize(
    "text",
    [
        "1 2 5\n2 3 1\n3 1 4\n",
        "0 1\n1 2\n",
        "0 1 1\n0 2 1\n1 3 1\n",
        "u,v,w,t\n1,2,3,4\n2,3,1,1\n3,4,9,9\n",
        "1 2 3 4\n2 3 9 1\n3 4 1 1\n4 5 2 2\n",
    ],
)
@pytest.mark.filterwarnings("ignore:.*columns are read")
def test_lists_of_links_stay_lists(read, text):
    assert read(text, "net.txt").n_links == text.count("\n") - text.count("u")


def test_who_says_that_there_is_a_header_means_a_list(read):
    with pytest.warns(GraphInputWarning, match="2 of 4 columns|repeated"):
        assert read("0 1 0 1\n1 0 1 0\n0 1 0 1\n1 0 1 0\n", header=False).n_nodes == 2
