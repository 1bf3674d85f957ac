"""Kernels of the measures where small graphs do not reach: blocks of 512, hubs, many threads."""

import networkx as nx
import numba
import numpy as np
import pytest

from chgraph import BipartiteGraph, Graph, metrics, threads
from chgraph.metrics import _bits_core
from chgraph.threads import thread_count, thread_limit, workers_for

COMPILED = not numba.config.DISABLE_JIT
NEEDS_COMPILED = pytest.mark.skipif(not COMPILED, reason="too slow without compilation")


def random_graph(n, n_links, seed):
    return Graph.from_networkx(nx.gnm_random_graph(n, n_links, seed=seed))


def test_ones_are_counted():
    words = np.random.default_rng(0).integers(0, 2**64, 50, dtype=np.uint64)
    words[:3] = 0, 1, 2**64 - 1

    @numba.njit
    def count(word):
        return _bits_core.n_ones(word)

    for word in words:
        assert count(word) == int(word).bit_count()


@NEEDS_COMPILED
@pytest.mark.parametrize("n", [511, 512, 513, 1100])
def test_graphs_of_several_blocks_of_sources(n):
    graph = random_graph(n, 2 * n, seed=n)
    peer = graph.to_igraph()
    hops = np.array(peer.distances())
    counts = np.bincount(hops[np.isfinite(hops)].astype(int))
    assert metrics.distance_distribution(graph).tolist() == counts.tolist()


@NEEDS_COMPILED
def test_a_path_is_as_long_as_it_is():
    n = 3000
    counts = metrics.distance_distribution(nx.path_graph(n))
    assert counts.tolist() == [n, *(2 * (n - d) for d in range(1, n))]


@NEEDS_COMPILED
def test_neighbors_of_a_hub_fill_several_blocks():
    rim = nx.gnm_random_graph(700, 2500, seed=1)
    graph = rim.copy()
    graph.add_edges_from(("hub", node) for node in rim)
    efficiency = metrics.global_efficiency(rim)
    rest = sum(nx.global_efficiency(graph.subgraph(graph[node])) for node in rim)
    assert metrics.local_efficiency(graph) == pytest.approx((efficiency + rest) / 701, rel=1e-12)
    pairs = [(len(shared), graph.subgraph(shared).number_of_edges()) for shared in _shared(graph)]
    expected = np.corrcoef(np.transpose(pairs))[0, 1]
    assert metrics.lcp_corr(graph) == pytest.approx(expected, rel=1e-10)


def test_wheels_whose_hub_dwarfs_the_rim():
    n = 60  # nodes of the rim, three links each
    graph = nx.wheel_graph(n + 1)
    assert metrics.clustering(graph) == pytest.approx((n * 2 / 3 + 2 / (n - 1)) / (n + 1))
    cycle = sum(1 / min(d, n - d) for d in range(1, n)) / (n - 1)
    assert metrics.local_efficiency(graph) == pytest.approx((n * 5 / 6 + cycle) / (n + 1))
    assert metrics.lcp_corr(graph) == 0.0
    # Chords make triangles next to the hub: LCL is no longer 0 everywhere.
    graph.add_edges_from((1 + i, 1 + (i + 2) % n) for i in range(0, n, 3))
    pairs = [(len(shared), graph.subgraph(shared).number_of_edges()) for shared in _shared(graph)]
    expected = np.corrcoef(np.transpose(pairs))[0, 1]
    assert metrics.lcp_corr(graph) == pytest.approx(expected, rel=1e-12)


def _shared(graph):
    """Common neighbors of each link that has some."""
    return [shared for u, v in graph.edges if (shared := set(graph[u]) & set(graph[v]))]


@NEEDS_COMPILED
def test_a_clique_of_several_blocks():
    # Every ego network is a clique of 599: LCL = C(CN, 2) with CN = 598 for every link, and the
    # pendant clique gives the second value that a correlation needs.
    graph = nx.disjoint_union(nx.complete_graph(600), nx.complete_graph(5))
    assert metrics.local_efficiency(graph) == pytest.approx(1.0)
    assert metrics.lcp_corr(graph) == pytest.approx(1.0)


@NEEDS_COMPILED
def test_more_nodes_than_16_bits_can_number():
    n = 70_000
    star = Graph.from_links(np.zeros(n - 1, dtype=np.int64), np.arange(1, n), n)
    expected = [n, 2 * (n - 1), (n - 1) * (n - 2)]
    assert metrics.distance_distribution(star).tolist() == expected
    layer = BipartiteGraph.from_links([0, n - 1], [n - 1, 0], (n, n))
    assert metrics.distance_distribution(layer).tolist() == [2 * n, 4]
    assert metrics.nodf(layer) == 0.0


@pytest.mark.parametrize("n_threads", [1, 2])
def test_threads_change_nothing(n_threads, monkeypatch):
    n = 1500 if COMPILED else 30
    layer = np.random.default_rng(1).random((n // 100, n // 50)) < 0.3
    graphs = random_graph(n, 4 * n, seed=1), BipartiteGraph.from_biadjacency(layer)

    def measured():
        fast = [metrics.summary(graph, rng=3).to_dict() for graph in graphs]
        return *fast, metrics.powerlaw_p(graphs[0], n_samples=20, rng=3)

    once = measured()
    monkeypatch.setattr(threads, "LITTLE_WORK", 0)
    with thread_limit(n_threads):
        assert measured() == once


def test_little_work_is_for_one_thread():
    before = thread_count()
    with workers_for(threads.LITTLE_WORK - 1) as n_workers:
        assert (n_workers, thread_count()) == (1, 1)
        with thread_limit(2) as inner:  # never more than the block around it
            assert inner == 1
    with workers_for(threads.LITTLE_WORK) as n_workers:
        assert n_workers == thread_count() == before
    assert thread_count() == before
