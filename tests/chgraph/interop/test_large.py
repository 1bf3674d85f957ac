"""Graphs larger than one block of sources, and as many blocks as there are lanes."""

import networkx as nx
import numba
import numpy as np
import pytest

from chgraph.interop import backend
from chgraph.interop.network import convert_from_nx
from chgraph.metrics._bits_core import SOURCES
from chgraph.metrics._centrality_core import PARTS as LANES
from chgraph.threads import thread_limit
from tests.chgraph.interop.graphs import same

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="minutes without compilation")


@pytest.fixture(scope="module")
def graph():
    """Two scale-free parts, named and mixed, with hubs whose lists are searched, not read."""
    parts = nx.disjoint_union(
        nx.barabasi_albert_graph(440, 2, seed=1), nx.powerlaw_cluster_graph(160, 3, 0.5, seed=2)
    )
    order = np.random.default_rng(0).permutation(len(parts)).tolist()
    mixed = nx.Graph()
    mixed.add_nodes_from(f"n{i}" for i in order)
    mixed.add_edges_from((f"n{u}", f"n{v}") for u, v in parts.edges)
    return mixed


@pytest.mark.parametrize(
    "call",
    [
        nx.closeness_centrality,
        nx.harmonic_centrality,
        nx.betweenness_centrality,
        nx.edge_betweenness_centrality,
        nx.global_efficiency,
        nx.clustering,
        nx.square_clustering,
        nx.jaccard_coefficient,
        nx.resource_allocation_index,
    ],
)
def test_values_and_order(graph, call):
    ours, theirs = call(graph, backend="chgraph"), call(graph, backend="networkx")
    if hasattr(ours, "__next__"):
        ours, theirs = list(ours), list(theirs)
    assert same(ours, theirs)


def test_eccentricity(graph):
    part = graph.subgraph(max(nx.connected_components(graph), key=len)).copy()
    ours = nx.eccentricity(part, backend="chgraph")
    assert same(ours, nx.eccentricity(part, backend="networkx"))


def test_more_blocks_than_lanes():
    n_leaves = SOURCES * LANES + 700
    net = convert_from_nx(nx.star_graph(n_leaves))
    closeness = backend.closeness_centrality(net)
    assert closeness[0] == 1
    assert closeness[n_leaves] == pytest.approx(n_leaves / (2 * n_leaves - 1))
    assert backend.harmonic_centrality(net)[1] == 1 + (n_leaves - 1) / 2
    assert set(backend.eccentricity(net).values()) == {1, 2}
    betweenness = backend.betweenness_centrality(net)
    assert betweenness[0] == pytest.approx(1, rel=1e-15)
    assert not any(list(betweenness.values())[1:])


@pytest.mark.parametrize(
    "name", ["harmonic_centrality", "betweenness_centrality", "edge_betweenness_centrality"]
)
def test_threads_change_nothing(graph, name):
    found = []
    for n_threads in (1, None):
        with thread_limit(n_threads):
            found.append(getattr(backend, name)(convert_from_nx(graph)))
    assert found[0] == found[1]
