"""Scores of node pairs by any method: the one place where a method's name finds its code."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chgraph.checks import check_choice, shown
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred import automata, classic
from chgraph.linkpred._pairs import Progress, ScoredPairs, at_most, best_first, joined
from chgraph.linkpred.methods import ADAPTIVE_METHODS, LOCAL_COMMUNITIES, check_method

__all__ = [
    "Progress",
    "ScoredPairs",
    "Sources",
    "best_of_nodes",
    "best_unlinked",
    "pair_scores",
    "ready_sources",
    "unlinked_scores",
]

Sources = automata.LeftSources | automata.NodeSources | classic.ClassicSources
"""Sources of pairs: `costs` of each, the `chunks` or the `best` of a run of them."""

_CANDIDATES = 1_000_000  # pairs that are scored at a time


def unlinked_scores(
    graph: Graph | BipartiteGraph,
    method: str,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[ScoredPairs]:
    """Score all unlinked pairs by a non-adaptive method, in chunks of bounded memory.

    Parameters
    ----------
    graph : Graph or BipartiteGraph
    method : str
        A key of :data:`chgraph.METHODS` other than the adaptive ones.
    local_community : {"all", "on-path"}
    n_threads : int, optional
    progress : callable, optional
        Called with the fraction of the work that each chunk was.

    Yields
    ------
    ScoredPairs
        The pairs with a positive score; every other unlinked pair scores 0. Within all
        chunks each pair stands once; their order is not promised.

    Raises
    ------
    ValueError
        If the method cannot score this kind of graph.

    Examples
    --------
    >>> import chgraph
    >>> club = chgraph.datasets.load("karate")
    >>> sum(len(pairs.score) for pairs in chgraph.linkpred.unlinked_scores(club, "CH3-L3"))
    401
    """
    method = _checked(graph, method, local_community)
    if method in automata.AUTOMATA_METHODS:
        return automata.automata_scores(
            graph, method, local_community=local_community, n_threads=n_threads, progress=progress
        )
    return classic.classic_scores(graph, method, n_threads=n_threads, progress=progress)


def best_unlinked(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int | None,
    *,
    most: int | None = None,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> ScoredPairs:
    """Return the `k` unlinked pairs with the best positive scores, best first; ``None``: all.

    Memory is O(links + k + one row per thread) for the Cannistraci-Hebb rules.
    Other parameters as in :func:`unlinked_scores`.

    Raises
    ------
    TooManyPairs
        If all are wanted and there are more than `most`.
    """
    method = _checked(graph, method, local_community)
    if method in automata.AUTOMATA_METHODS:
        return automata.best_automata(
            graph,
            method,
            k,
            most=most,
            local_community=local_community,
            n_threads=n_threads,
            progress=progress,
        )
    ready = classic.ClassicSources(graph, method, n_threads)
    if k is not None:
        return ready.best(0, ready.costs.size, k, n_threads, progress)
    chunks = ready.chunks(0, ready.costs.size, n_threads, progress)
    return best_first(joined(at_most(chunks, most)))


def ready_sources(
    graph: Graph | BipartiteGraph,
    method: str,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
) -> Sources:
    """Return the sources of a graph, made ready once to be scored by a method, run by run."""
    method = _checked(graph, method, local_community)
    if method in automata.AUTOMATA_METHODS:
        return automata.rule_sources(
            graph, method, local_community=local_community, n_threads=n_threads
        )
    return classic.ClassicSources(graph, method, n_threads)


def best_of_nodes(
    graph: Graph | BipartiteGraph,
    method: str,
    nodes: np.ndarray,
    k: int | None,
    *,
    most: int | None = None,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> ScoredPairs:
    """Return the `k` best unlinked pairs of which one node is among some, best first.

    In a bipartite graph the left nodes are meant. Candidates are scored as pairs, so many at a
    time: memory is O(links + k). Other parameters as in :func:`best_unlinked`.
    """
    kept: list[ScoredPairs] = []
    held = 0
    for source, target, share in _candidates(graph, nodes):
        score = pair_scores(
            graph, method, source, target, local_community=local_community, n_threads=n_threads
        )
        found = ScoredPairs(source[score > 0], target[score > 0], score[score > 0])
        kept.append(found if k is None else best_first(found, k))
        held += kept[-1].score.size
        if k is None:
            at_most(kept, most)
        elif held > 2 * k:
            kept = [best_first(joined(kept), k)]
            held = kept[0].score.size
        if progress is not None:
            progress(share)
    return best_first(joined(kept), k)


def _candidates(
    graph: Graph | BipartiteGraph, nodes: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield the unlinked pairs of some nodes, each once, and the share of the nodes they are of.

    In a graph of one kind of node source < target.
    """
    n_targets = graph.shape[1]
    chosen = np.zeros(graph.shape[0], dtype=bool)
    chosen[nodes] = True
    at_once = max(1, _CANDIDATES // max(n_targets, 1))
    for start in range(0, nodes.size, at_once):
        part = nodes[start : start + at_once]
        source, target = np.repeat(part, n_targets), np.tile(np.arange(n_targets), part.size)
        free = ~graph.has_links(source, target)
        if not graph.is_bipartite:  # of two chosen nodes the smaller one has the pair
            free &= (source != target) & ~(chosen[target] & (target < source))
        source, target = source[free], target[free]
        if not graph.is_bipartite:
            source, target = np.minimum(source, target), np.maximum(source, target)
        yield source, target, part.size / nodes.size


def pair_scores(
    graph: Graph | BipartiteGraph,
    method: str,
    source: np.ndarray,
    target: np.ndarray,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
) -> np.ndarray:
    """Score the given pairs, linked or not, by a non-adaptive method; float64.

    The link of a linked pair is left out first. Parameters as in :func:`unlinked_scores`.
    """
    method = _checked(graph, method, local_community)
    if method in automata.AUTOMATA_METHODS:
        return automata.automata_pair_scores(
            graph, method, source, target, local_community=local_community, n_threads=n_threads
        )
    return classic.classic_pair_scores(graph, method, source, target)


def _checked(graph: Graph | BipartiteGraph, method: str, local_community: str) -> str:
    if not isinstance(graph, Graph | BipartiteGraph):
        raise TypeError(
            f"graph must be a Graph or BipartiteGraph, as chgraph.as_network makes one; got "
            f"{shown(graph)}"
        )
    method = check_method(graph, method)
    check_choice("local_community", local_community, LOCAL_COMMUNITIES)
    if method in ADAPTIVE_METHODS:
        raise ValueError(f"method {method!r} ranks a whole network; it has no score of a pair")
    return method
