"""The four measures under small-worldness, against their definitions and golden values."""

import math

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, as_graph
from chgraph.metrics._basic import BASIC_MEASURES, as_one_graph, basic_measures
from tests import golden, naive, zoo


@given(zoo.biadjacencies(max_nodes=8), st.booleans())
def test_measures_are_their_definitions(matrix, joined):
    if joined:
        graph = as_one_graph(BipartiteGraph.from_biadjacency(matrix))
        neighbors = naive.bipartite_neighbors(matrix)
    else:
        size = min(matrix.shape)
        upper = np.triu(matrix[:size, :size], 1)
        graph = Graph.from_adjacency(upper | upper.T)
        neighbors = naive.neighbors_from_edges(size, np.argwhere(upper))
    for name, value in basic_measures(graph).items():
        expected = getattr(naive, name)(neighbors)
        np.testing.assert_allclose(value, expected, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", golden.entries("topological_measures.json"))
def test_measures_of_real_networks(name):
    expected = golden.read_json("topological_measures.json")[name]["deterministic"]
    links, n_nodes = golden.one_graph(name)
    for measure, value in basic_measures(Graph.from_links(*links, n_nodes)).items():
        np.testing.assert_allclose(value, expected[measure], atol=1e-10, err_msg=measure)


@pytest.mark.parametrize("name", BASIC_MEASURES)
def test_a_measure_alone_is_the_same(name):
    graph = as_graph(networkx.petersen_graph())
    assert basic_measures(graph, (name,)) == {name: basic_measures(graph)[name]}


@pytest.mark.parametrize("n_nodes", [0, 1, 4])
def test_graphs_without_links(n_nodes):
    values = basic_measures(as_graph(networkx.empty_graph(n_nodes)))
    assert math.isnan(values["char_path"])
    assert values["efficiency_glob"] == 0.0
    assert math.isnan(values["clustering"]) == math.isnan(values["efficiency_loc"]) == (not n_nodes)


def test_a_layer_is_one_graph_of_all_its_nodes(graph):
    one = as_one_graph(graph)
    assert (one.n_nodes, one.n_links) == (sum(graph.shape), graph.n_links)
    assert as_one_graph(one) is one
    np.testing.assert_array_equal(one.degree, [*graph.left_degree, *graph.right_degree])
