"""Scores of node pairs by any method: the one place where a method's name finds its code."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chgraph._checks import check_choice
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred import automata, classic
from chgraph.linkpred._pairs import Progress, ScoredPairs, best_first, joined
from chgraph.linkpred.adaptive import ADAPTIVE_METHODS

__all__ = [
    "LOCAL_COMMUNITIES",
    "METHODS",
    "Progress",
    "ScoredPairs",
    "best_unlinked",
    "check_method",
    "pair_scores",
    "unlinked_scores",
]

LOCAL_COMMUNITIES = ("all", "on-path")

METHODS: dict[str, str] = {
    **automata.AUTOMATA_METHODS,
    **classic.CLASSIC_METHODS,
    "CHA": "adaptive: the best of CH2-L2, CH3-L2, CH2-L3, CH3-L3 for this network, SPcorr for ties",
    "CHA-CH3.1": "adaptive: the best of CH3-L2, CH3.1-L2, CH3-L3, CH3.1-L3, SPcorr for ties",
}
"""Every method of link prediction by name, with a line of description."""


def check_method(graph: Graph | BipartiteGraph, method: str) -> str:
    """Return the method's name if it can score this kind of graph.

    Raises
    ------
    ValueError
        If the name is unknown, or the method is not defined for the graph; says why.
    """
    reason = automata.refusal(graph, method)
    if reason is not None:
        raise ValueError(f"method {method!r}: {reason}")
    check_choice("method", method, METHODS)
    if method in classic.CLASSIC_METHODS:
        classic.check_classic_method(graph, method)
    return method


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
        A key of :data:`METHODS` other than the adaptive ones.
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
    """
    _check(graph, method, local_community)
    if method in automata.AUTOMATA_METHODS:
        return automata.automata_scores(
            graph, method, local_community=local_community, n_threads=n_threads, progress=progress
        )
    return classic.classic_scores(graph, method, n_threads=n_threads, progress=progress)


def best_unlinked(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> ScoredPairs:
    """Return the `k` unlinked pairs with the best positive scores, best first.

    Memory is O(links + k + one row per thread) for the Cannistraci-Hebb rules.
    Parameters as in :func:`unlinked_scores`.
    """
    _check(graph, method, local_community)
    if method in automata.AUTOMATA_METHODS:
        return automata.best_automata(
            graph,
            method,
            k,
            local_community=local_community,
            n_threads=n_threads,
            progress=progress,
        )
    best = joined([])
    for chunk in classic.classic_scores(graph, method, n_threads=n_threads, progress=progress):
        best = best_first(joined([best, best_first(chunk, k)]), k)
    return best


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
    _check(graph, method, local_community)
    if method in automata.AUTOMATA_METHODS:
        return automata.automata_pair_scores(
            graph, method, source, target, local_community=local_community, n_threads=n_threads
        )
    return classic.classic_pair_scores(graph, method, source, target)


def _check(graph: Graph | BipartiteGraph, method: str, local_community: str) -> None:
    check_method(graph, method)
    check_choice("local_community", local_community, LOCAL_COMMUNITIES)
    if method in ADAPTIVE_METHODS:
        raise ValueError(f"method {method!r} ranks a whole network; it has no score of a pair")
