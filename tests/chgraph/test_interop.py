"""Conversions to and from networkx and igraph."""

import igraph
import networkx as nx
import numpy as np
import pytest

from chgraph import BipartiteGraph, as_bipartite
from tests import golden

NAMED = BipartiteGraph.from_links(
    [0, 0, 1], [0, 1, 1], (3, 2), left_names=["ann", "bob", "cy"], right_names=[("d", 1), 7]
)


def _joined_links(graph):
    """Links of the joined graph, whose right node v is node n_left + v."""
    left, right = graph.links()
    return list(zip(left.tolist(), (right + graph.n_left).tolist(), strict=True))


@pytest.mark.parametrize("write", [BipartiteGraph.to_networkx, BipartiteGraph.to_igraph])
def test_the_way_there_and_back_keeps_links(graph, write):
    back = as_bipartite(write(graph))
    assert back.shape == graph.shape
    np.testing.assert_array_equal(back.links(), graph.links())


@pytest.mark.parametrize("write", [BipartiteGraph.to_networkx, BipartiteGraph.to_igraph])
def test_the_way_there_and_back_keeps_names(write):
    assert as_bipartite(write(NAMED)) == NAMED


def test_networkx_nodes_carry_their_side(graph):
    written = graph.to_networkx()
    sides = [side for _, side in written.nodes(data="bipartite")]
    assert sides == [0] * graph.n_left + [1] * graph.n_right
    assert sorted(written.edges()) == _joined_links(graph)


def test_igraph_vertices_carry_their_type(graph):
    written = graph.to_igraph()
    assert written.vs["type"] == [False] * graph.n_left + [True] * graph.n_right
    assert written.get_edgelist() == _joined_links(graph)


def test_sides_may_be_mixed_and_links_written_either_way():
    source = nx.Graph()
    source.add_nodes_from([("x", {"bipartite": 1}), ("a", {"bipartite": 0})])
    source.add_nodes_from([("b", {"bipartite": 0}), ("y", {"bipartite": 1})])
    source.add_edges_from([("x", "a"), ("b", "x")])
    expected = BipartiteGraph.from_links([0, 1], [0, 0], (2, 2), left_names="ab", right_names="xy")
    assert as_bipartite(source) == expected

    source = igraph.Graph(n=4, edges=[(0, 1), (2, 0)])
    source.vs["name"], source.vs["type"] = list("xaby"), [True, False, False, True]
    assert as_bipartite(source) == expected


def test_davis_southern_women_is_the_golden_network():
    graph = BipartiteGraph.from_networkx(nx.davis_southern_women_graph())
    matrix = golden.biadjacency(golden.load("linkpred_bipartite", "davis_southern_women"))
    assert graph.shape == matrix.shape
    assert graph.n_links == matrix.sum() == 89
    assert graph.left_names[0] == "Evelyn Jefferson"


def test_a_side_may_have_names_alone():
    graph = BipartiteGraph.from_links([0], [0], (1, 2), left_names=["in"])
    assert list(graph.to_networkx()) == ["in", 1, 2]
    assert graph.to_igraph().vs["name"] == ["in", 1, 2]


def test_a_name_on_both_sides_does_not_fit_into_networkx():
    graph = BipartiteGraph.from_links([0], [0], (1, 1), left_names=["n"], right_names=["n"])
    with pytest.raises(ValueError, match="left_names and right_names"):
        graph.to_networkx()


def _networkx(kind=nx.Graph, sides=(0, 1), links=((0, 1),)):
    graph = kind()
    graph.add_nodes_from((i, {"bipartite": side}) for i, side in enumerate(sides))
    graph.add_edges_from(links)
    return graph


def _igraph(types=(False, True), links=((0, 1),), **options):
    graph = igraph.Graph(n=len(types), edges=links, **options)
    graph.vs["type"] = types
    return graph


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (_networkx(nx.DiGraph), "undirected networkx graph"),
        (nx.path_graph(2), "'bipartite'.* node 0 has None"),
        (_networkx(sides=(0, 2)), "'bipartite'.* node 1 has 2"),
        (_networkx(sides=(0, 0)), "joins two nodes of one side"),
        (_igraph(directed=True), "undirected igraph graph"),
        (igraph.Graph(n=2), "'type'"),
        (_igraph(types=(False, None)), "'type'.* node 1 has None"),
        (_igraph(types=(True, True)), "joins two nodes of one side"),
    ],
)
def test_graphs_without_two_clear_sides_are_refused(source, message):
    with pytest.raises(ValueError, match=message):
        as_bipartite(source)


def test_igraph_vertices_need_distinct_names():
    source = _igraph(types=(False, False, True), links=((0, 2), (1, 2)))
    source.vs["name"] = ["same", "same", "same"]
    with pytest.raises(ValueError, match="left_names must hold 2 distinct names"):
        as_bipartite(source)
