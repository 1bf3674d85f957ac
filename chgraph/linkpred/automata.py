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
from collections.abc import Callable, Iterator

import numpy as np

from chgraph._neighbor_lists import neighbor_sums
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
# What a graph that may be larger than memory leaves for each of two tables.
_LEAN = {"apex_bytes": 64 * 2**20, "slot_bytes": 64 * 2**20}
# Share of the pairs of a row that have a walk from which on whole rows are faster.
_FULL = 0.5
# Additions that a walk of three links of a monopartite network stands for.
_PER_WALK = 10


def refusal(graph: Graph | BipartiteGraph, method: object) -> str | None:
    """Return why a rule of this family cannot score this graph; None if it can, or is another."""
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
        reached = neighbor_sums(graph.left_offsets, graph.left_neighbors, graph.right_degree)
        return float(graph.left_degree @ reached)
    reached = neighbor_sums(graph.offsets, graph.neighbors, graph.degree)
    return _PER_WALK * float(graph.degree @ reached) / 2


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
    ready = LeftSources(graph, method, n_threads)
    yield from ready.blocks(0, graph.n_left, n_threads, progress)


class LeftSources:
    """The left nodes of a bipartite graph, made ready to be scored by a rule.

    Parameters
    ----------
    graph : BipartiteGraph
    method : str
    n_threads : int, optional

    Attributes
    ----------
    costs : ndarray of int64
        Walks of three links from each: the additions that its row takes, and 1.
    """

    def __init__(self, graph: BipartiteGraph, method: str, n_threads: int | None) -> None:
        self.n_right = graph.n_right
        from_right = neighbor_sums(graph.right_offsets, graph.right_neighbors, graph.left_degree)
        self.costs = neighbor_sums(graph.left_offsets, graph.left_neighbors, from_right) + 1
        self.layer = _layer(graph, method, float(self.costs.sum()), n_threads)

    def blocks(
        self, first: int, last: int, n_threads: int | None, progress: Progress | None
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the first row and all scores of blocks of the rows first..last-1."""
        work = float(self.costs[first:last].sum())
        rows = max(1, _BLOCK_BYTES // (8 * max(self.n_right, 1)))
        if progress is not None:
            rows = max(1, min(rows, -(-(last - first) // 100)))
        for start in range(first, last, rows):
            stop = min(start + rows, last)
            block = np.empty((stop - start, self.n_right))
            with workers_for(work, n_threads) as n_workers:
                _bipartite_core.score_rows(start, stop, self.layer, n_workers, block)
            yield start, block
            if progress is not None:
                progress(self.costs[start:stop].sum() / work)

    def chunks(
        self, first: int, last: int, n_threads: int | None, progress: Progress | None
    ) -> Iterator[ScoredPairs]:
        """Yield the positive scores of the sources first..last-1."""
        for start, block in self.blocks(first, last, n_threads, progress):
            row, right = np.nonzero(block)
            yield ScoredPairs(row + start, right, block[row, right])

    def best(
        self, first: int, last: int, k: int, n_threads: int | None, progress: Progress | None
    ) -> ScoredPairs:
        """Return the k best pairs of the sources first..last-1, best first."""
        costs = self.costs[first:last]
        if costs.sum() > _FULL * costs.size * self.n_right:
            return ScoredPairs(*top_pairs(self.blocks(first, last, n_threads, progress), k))
        k = min(k, int(np.minimum(costs, self.n_right).sum()))
        return _best_by_heaps(
            lambda *run: _bipartite_core.best_pairs(run[0], run[1], self.layer, run[2]),
            (first, last, k),
            self.costs,
            float(costs.sum()),
            n_threads,
            progress,
        )


def _best_by_heaps(
    offer: Callable[[np.ndarray, np.ndarray, _pair_lists.Best], None],
    wanted: tuple[int, int, int],
    costs: np.ndarray,
    work: float,
    n_threads: int | None,
    progress: Progress | None,
) -> ScoredPairs:
    """Return the k best pairs of the sources first..last-1 that `offer` puts into heaps."""
    first, last, k = wanted
    if k == 0:
        return joined([])
    with workers_for(work, n_threads) as n_workers:
        best = _pair_lists.new_best(n_workers, k)
        cuts = _monopartite_network.chunk_bounds(costs[first:last], _CHUNK_WALKS)
        for start, stop in itertools.pairwise(first + np.array(cuts)):
            sources, bounds = _monopartite_network.deal_sources(start, stop, costs, n_workers)
            offer(sources, bounds, best)
            if progress is not None:
                progress(costs[start:stop].sum() / max(costs[first:last].sum(), 1))
    return ScoredPairs(*_pair_lists.merge_best(best))


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
            hubs_first=graph.hubs_first,
            **({} if graph.folder is None else _LEAN),
        )


class NodeSources:
    """The nodes of a monopartite network, made ready to be scored by a rule; hubs come first.

    Parameters
    ----------
    graph : Graph
    method : str
    local_community : {"all", "on-path"}
    n_threads : int, optional

    Attributes
    ----------
    costs : ndarray of int64
        Walks from each to nodes after it.
    """

    def __init__(
        self, graph: Graph, method: str, local_community: str, n_threads: int | None
    ) -> None:
        self.net = _network(graph, method, local_community, n_threads)
        self.costs = _monopartite_network.source_costs(self.net)
        self._room = _monopartite_network.target_limit(self.net, self.costs)

    def chunks(
        self, first: int, last: int, n_threads: int | None, progress: Progress | None
    ) -> Iterator[ScoredPairs]:
        """Yield the positive scores of the sources first..last-1."""
        costs = self.costs
        work = costs[first:last].sum()
        cuts = _monopartite_network.chunk_bounds(self._room[first:last], _CHUNK_PAIRS)
        for start, stop in itertools.pairwise(first + np.array(cuts)):
            found = _pair_lists.new_found(self._room, start, stop)
            with workers_for(_PER_WALK * work, n_threads) as n_workers:
                sources, bounds = _monopartite_network.deal_sources(start, stop, costs, n_workers)
                _monopartite_core.all_pairs(sources, bounds, self.net, found)
            yield _collected(self.net, found, start, stop)
            if progress is not None:
                progress(costs[start:stop].sum() / max(work, 1))

    def best(
        self, first: int, last: int, k: int, n_threads: int | None, progress: Progress | None
    ) -> ScoredPairs:
        """Return the k best pairs of the sources first..last-1, best first."""
        k = min(k, int(self._room[first:last].sum()))
        return _best_by_heaps(
            lambda *run: _monopartite_core.best_pairs(run[0], run[1], self.net, run[2]),
            (first, last, k),
            self.costs,
            _PER_WALK * float(self.costs[first:last].sum()),
            n_threads,
            progress,
        )


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


# ------------------------------------------------------------------- both kinds of graph


def rule_sources(
    graph: Graph | BipartiteGraph,
    method: str,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
) -> LeftSources | NodeSources:
    """Return the sources of a graph, made ready once to be scored by a rule, run by run."""
    if isinstance(graph, BipartiteGraph):
        return LeftSources(graph, method, n_threads)
    return NodeSources(graph, method, local_community, n_threads)


def automata_scores(
    graph: Graph | BipartiteGraph,
    method: str,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[ScoredPairs]:
    """Yield the positive scores of unlinked pairs; see :func:`scores.unlinked_scores`."""
    ready = rule_sources(graph, method, local_community=local_community, n_threads=n_threads)
    yield from ready.chunks(0, ready.costs.size, n_threads, progress)


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
    ready = rule_sources(graph, method, local_community=local_community, n_threads=n_threads)
    if k is not None:
        return ready.best(0, ready.costs.size, k, n_threads, progress)
    if isinstance(ready, LeftSources):
        blocks = ready.blocks(0, ready.costs.size, n_threads, progress)
        return ScoredPairs(*top_pairs(blocks, None, most=most))
    chunks = ready.chunks(0, ready.costs.size, n_threads, progress)
    return best_first(joined(at_most(chunks, most)))


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
