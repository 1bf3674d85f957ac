"""Overlap of two graphs."""

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, metrics
from chgraph.topology import regular


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.5, 0.9]))
def test_overlap_counts_entries_of_both_matrices(seed, density):
    rng = np.random.default_rng(seed)
    a, b = (rng.random((5, 7)) < density for _ in range(2))
    found = metrics.overlap(a, b)
    assert found.shared == (a & b).sum()
    for value, whole in (
        (found.jaccard, (a | b).sum()),
        (found.of_first, a.sum()),
        (found.of_second, b.sum()),
    ):
        assert value == pytest.approx((a & b).sum() / whole) if whole else math.isnan(value)


def test_a_graph_overlaps_with_itself_and_with_no_complement():
    graph = nx.karate_club_graph()
    for _, _, data in graph.edges(data=True):
        data.clear()
    assert metrics.overlap(graph, graph) == metrics.Overlap(78, 1.0, 1.0, 1.0)
    other = nx.Graph()
    other.add_nodes_from(graph)
    other.add_edges_from(nx.complement(graph).edges)
    assert metrics.overlap(graph, other) == metrics.Overlap(0, 0.0, 0.0, 0.0)


def test_a_layer_after_losing_a_third():
    before = regular(20, 30, 0.9, rng=0)
    after = before.keep_links(np.arange(40))
    assert metrics.overlap(before, after) == metrics.Overlap(40, 40 / 60, 40 / 60, 1.0)


def test_graphs_must_be_comparable():
    with pytest.raises(TypeError, match="one kind; got a Graph and a BipartiteGraph"):
        metrics.overlap(Graph.from_links([0], [1]), BipartiteGraph.from_biadjacency([[1, 0]]))
    with pytest.raises(ValueError, match=r"one shape; got \(1, 2\) and \(1, 3\)"):
        metrics.overlap([[1, 0]], [[1, 0, 0]])
    named = [Graph.from_links([0], [1], names=names) for names in (["a", "b"], ["b", "a"], None)]
    with pytest.raises(ValueError, match="same nodes in the same order"):
        metrics.overlap(named[0], named[1])
    assert metrics.overlap(named[0], named[2]).shared == 1
