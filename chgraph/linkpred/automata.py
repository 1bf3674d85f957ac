"""Cannistraci-Hebb rules: scores of missing links from paths of two or three links.

For a pair (u, v) and path length n the local community is the set of all intermediate
nodes of the simple paths of n links between them. A node z of it has degree d, di links to
other nodes of it, and de links to nodes that are neither in it nor u nor v. The score is the
sum over the paths of the geometric mean of the node terms of their intermediate nodes:

=====  ========================================
RA     1 / d
CH1    di / d
CH2    (1 + di) / (1 + de)
CH3    1 / (1 + de)
CH3.1  (1 + di) / (1 + de)^(1 + de / (1 + de))
=====  ========================================

References: adaptive network automata (CHA, NeurIPS 2025), section 2.1.3; CH-SNN, arXiv
2511.05581, equation 5; node-based forms: CHTs, arXiv 2501.19107, algorithm 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from chgraph._ranking import top_pairs
from chgraph.bipartite import check_bipartite
from chgraph.checks import check_choice
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred import (
    _bipartite_core,
    _monopartite_core,
    _monopartite_network,
    _pair_lists,
)
from chgraph.linkpred import _monopartite_pairs_core as _pairs_core
from chgraph.linkpred._pairs import Progress, ScoredPairs, at_most, best_first, joined
from chgraph.linkpred.rules import OFFERED, Rule, rule_of
from chgraph.threads import thread_limit, workers_for

AUTOMATA_METHODS: dict[str, str] = {rule.name: rule.description for rule in OFFERED}
BIPARTITE_METHODS = tuple(rule.name for rule in OFFERED if rule.joins_sides)

_BLOCK_BYTES = 32 * 2**20
_CHUNK_WALKS = 20_000_000
_CHUNK_PAIRS = 4_000_000
# Additions that a walk of three links of a monopartite network stands for.
_PER_WALK = 10


def refusal(graph: Graph | BipartiteGraph, method: object) -> str | None:
    """Return why a rule of this family cannot score this graph; None if it can or is no such."""
    rule = Rule.read(method)
    if rule is None:
        return None
    if rule.length > 3:
        return (
            "paths of more than 3 links are not offered: they win on few networks (CHA: at "
            "most 5 % of them for lengths 4 to 6) and their number grows with every link; "
            "use L2 or L3"
        )
    if graph.is_bipartite and not rule.joins_sides:
        return (
            "paths of an even number of links join nodes of the same side, so every pair "
            "across scores 0; use L3"
        )
    if rule.node_based and not graph.is_bipartite:
        return "the node-based form is defined on bipartite graphs; use the path-based L3"
    return None


def operations_of(graph: Graph | BipartiteGraph) -> float:
    """Return about how many additions it takes to score every unlinked pair by paths of three."""
    if isinstance(graph, BipartiteGraph):
        left, right = graph.links()
        return float(graph.left_degree[left] @ graph.right_degree[right])
    first, second = graph.links()
    return _PER_WALK * float(graph.degree[first] @ graph.degree[second])


# ------------------------------------------------------------------------- bipartite


def score_blocks(
    graph: BipartiteGraph,
    method: str = "CH3-L3",
    *,
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    r"""Score every unlinked pair of a bipartite graph, a block of left nodes at a time.

    Parameters
    ----------
    graph : BipartiteGraph
    method : {"RA-L3", "CH1-L3", "CH2-L3", "CH3-L3", "CH3.1-L3", "CH2-L3n", "CH3-L3n"}
    n_threads : int, optional
        At most this many threads; the scores are the same for any number.
    progress : callable, optional
        Called with the fraction of the work that each block was.

    Yields
    ------
    start : int
        First left node of the block.
    scores : ndarray of float64, shape (rows, n_right)
        Scores of left nodes ``start, start + 1, ...``; 0 for linked pairs and for pairs
        without a path. A block holds at most 32 MiB (or one row).

    Raises
    ------
    TypeError
        If `graph` is not a BipartiteGraph.
    ValueError
        If `method` is unknown.

    Notes
    -----
    In a bipartite graph and for an unlinked pair, di(z1) = \|N(z1) & N(v)\| and
    di(z2) = \|N(z2) & N(u)\|: both depend on a pair of one side only, so a path costs one
    multiplication and addition. Memory is the links, one block, a row per thread, and at
    most 64 MB of shared-neighbor counts (counted anew for each row where they need more).

    Examples
    --------
    A path of four nodes: its two ends are joined by one path, through nodes with no
    link outside it.

    >>> graph = BipartiteGraph.from_biadjacency([[1, 0], [1, 1]])
    >>> [(start, scores.tolist()) for start, scores in score_blocks(graph)]
    [(0, [[0.0, 1.0], [0.0, 0.0]])]
    """
    check_bipartite("graph", graph)
    check_choice("method", method, BIPARTITE_METHODS)
    # Walks of three links from each left node: the additions its row costs.
    matrix = graph.biadjacency().astype(np.float64)
    cost = matrix @ (matrix.T @ graph.left_degree) + 1.0
    work = cost.sum()
    layer = _layer(graph, method, work, n_threads)
    rows = max(1, _BLOCK_BYTES // (8 * max(graph.n_right, 1)))
    if progress is not None:
        rows = min(rows, -(-graph.n_left // 100))
    for start in range(0, graph.n_left, rows):
        stop = min(start + rows, graph.n_left)
        block = np.empty((stop - start, graph.n_right))
        with workers_for(work, n_threads) as n_workers:
            _bipartite_core.score_rows(start, stop, layer, n_workers, block)
        yield start, block
        if progress is not None:
            progress(cost[start:stop].sum() / work)


def _layer(
    graph: BipartiteGraph, method: str, work: float, n_threads: int | None
) -> _bipartite_core.Layer:
    rule = rule_of(method)
    with workers_for(work, n_threads):
        return _bipartite_core.prepare(
            graph.left_offsets,
            graph.left_neighbors,
            graph.right_offsets,
            graph.right_neighbors,
            rule.term,
            node_based=rule.node_based,
        )


def _bipartite_pair_scores(
    graph: BipartiteGraph,
    method: str,
    left: np.ndarray,
    right: np.ndarray,
    n_threads: int | None,
) -> np.ndarray:
    layer = _layer(graph, method, operations_of(graph), n_threads)
    if not rule_of(method).node_based:
        scores = np.empty(left.size)
        with thread_limit(n_threads) as n_workers:
            _bipartite_core.score_pairs(left, right, layer, n_workers, scores)
        return scores
    if (graph.link_ids(left, right) >= 0).any():
        raise ValueError(f"method {method!r} scores unlinked pairs only, and a pair is linked")
    # The node-based form is a sum over rows: score the row of each distinct left node.
    scores = np.empty(left.size)
    row = np.empty((1, graph.n_right))
    for u in np.unique(left):
        _bipartite_core.score_rows(u, u + 1, layer, 1, row)
        scores[left == u] = row[0, right[left == u]]
    return scores


# ----------------------------------------------------------------------- monopartite


def _network(
    graph: Graph, method: str, local_community: str, n_threads: int | None
) -> _monopartite_network.Network:
    rule = rule_of(method)
    with workers_for(operations_of(graph), n_threads):
        return _monopartite_network.prepare(
            graph.offsets,
            graph.neighbors,
            rule.term,
            length=rule.length,
            local_community=local_community,
        )


def _monopartite_scores(
    net: _monopartite_network.Network, n_threads: int | None, progress: Progress | None
) -> Iterator[ScoredPairs]:
    """Yield the positive scores, a run of sources at a time."""
    costs = _monopartite_network.source_costs(net)
    room = _monopartite_network.target_limit(net, costs)
    for first, last in itertools.pairwise(_monopartite_network.chunk_bounds(room, _CHUNK_PAIRS)):
        found = _pair_lists.new_found(room, first, last)
        with workers_for(_PER_WALK * costs.sum(), n_threads) as n_workers:
            sources, bounds = _monopartite_network.deal_sources(first, last, costs, n_workers)
            _monopartite_core.all_pairs(sources, bounds, net, found)
        yield _collected(net, found, first, last)
        if progress is not None:
            progress(costs[first:last].sum() / max(costs.sum(), 1))


def _collected(
    net: _monopartite_network.Network, found: _pair_lists.Found, first: int, last: int
) -> ScoredPairs:
    """Return what the sources of a run found, by the caller's node numbers."""
    counts = found.counts[first:last]
    kept = np.repeat(found.begins[first:last] - np.cumsum(counts) + counts, counts)
    kept += np.arange(kept.size)
    source = np.repeat(net.labels[first:last], counts)
    target = found.targets[kept]
    return ScoredPairs(np.minimum(source, target), np.maximum(source, target), found.scores[kept])


def _best_monopartite(
    net: _monopartite_network.Network, k: int, n_threads: int | None, progress: Progress | None
) -> ScoredPairs:
    n_nodes = net.labels.size
    k = min(k, n_nodes * (n_nodes - 1) // 2)
    if k == 0:
        return joined([])
    costs = _monopartite_network.source_costs(net)
    k = min(k, int(_monopartite_network.target_limit(net, costs).sum()) + 1)
    with workers_for(_PER_WALK * costs.sum(), n_threads) as n_workers:
        best = _pair_lists.new_best(n_workers, k)
        runs = itertools.pairwise(_monopartite_network.chunk_bounds(costs, _CHUNK_WALKS))
        for first, last in runs:
            sources, bounds = _monopartite_network.deal_sources(first, last, costs, n_workers)
            _monopartite_core.best_pairs(sources, bounds, net, best)
            if progress is not None:
                progress(costs[first:last].sum() / max(costs.sum(), 1))
    return ScoredPairs(*_pair_lists.merge_best(best))


# ------------------------------------------------------------------- both kinds of graph


def automata_scores(
    graph: Graph | BipartiteGraph,
    method: str,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[ScoredPairs]:
    """Yield the positive scores of unlinked pairs; see :func:`scores.unlinked_scores`."""
    if isinstance(graph, Graph):
        net = _network(graph, method, local_community, n_threads)
        yield from _monopartite_scores(net, n_threads, progress)
        return
    for start, block in score_blocks(graph, method, n_threads=n_threads, progress=progress):
        row, right = np.nonzero(block)
        yield ScoredPairs(row + start, right, block[row, right])


def best_automata(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int | None,
    *,
    most: int | None = None,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> ScoredPairs:
    """Return the `k` best unlinked pairs, best first; see :func:`scores.best_unlinked`."""
    if isinstance(graph, BipartiteGraph):
        blocks = score_blocks(graph, method, n_threads=n_threads, progress=progress)
        return ScoredPairs(*top_pairs(blocks, k, most=most))
    net = _network(graph, method, local_community, n_threads)
    if k is None:
        return best_first(joined(at_most(_monopartite_scores(net, n_threads, progress), most)))
    return _best_monopartite(net, k, n_threads, progress)


def automata_pair_scores(
    graph: Graph | BipartiteGraph,
    method: str,
    source: np.ndarray,
    target: np.ndarray,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
) -> np.ndarray:
    """Score the given pairs, linked or not; see :func:`scores.pair_scores`."""
    if isinstance(graph, BipartiteGraph):
        return _bipartite_pair_scores(graph, method, source, target, n_threads)
    net = _network(graph, method, local_community, n_threads)
    place = np.empty(graph.n_nodes, dtype=np.int64)
    place[net.labels] = np.arange(graph.n_nodes)
    scores = np.empty(source.size)
    with thread_limit(n_threads) as n_workers:
        _pairs_core.score_pairs(place[source], place[target], net, n_workers, scores)
    return scores
