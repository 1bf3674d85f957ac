"""The pairs of a network from best to worst, by any method and either order of ties."""

from __future__ import annotations

from typing import Any

import numpy as np

from chgraph._ranking import TooManyPairs
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred._pairs import (
    Progress,
    ScoredPairs,
    at_most,
    best_first,
    joined,
    scaled,
    tied,
    ties_by,
)
from chgraph.linkpred._rule_choice import choose_rule
from chgraph.linkpred._spcorr import spcorr
from chgraph.linkpred.methods import ADAPTIVE_METHODS
from chgraph.linkpred.scores import (
    best_of_nodes,
    best_unlinked,
    pair_scores,
    unlinked_scores,
)

MAX_PAIRS = 20_000_000


def rank_pairs(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int | None,
    *,
    nodes: np.ndarray | None = None,
    tie_break: str = "index",
    progress: Progress | None = None,
    **options: Any,
) -> tuple[ScoredPairs, dict[str, Any]]:
    """Return what :func:`chgraph.predict_links` of checked arguments returns, and its details.

    Parameters
    ----------
    graph : Graph or BipartiteGraph
    method : str
    k : int or None
    nodes : ndarray of int64, optional
    tie_break : {"index", "SPcorr"}
    progress : callable, optional
    options
        `local_community` and `n_threads`.
    """
    if method in ADAPTIVE_METHODS:
        return _adaptive(graph, method, k, progress=progress, **options)
    by = _by_spcorr if tie_break == "SPcorr" else _by_score
    return by(graph, method, k, progress=progress, nodes=nodes, **options), {}


def _by_score(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int | None,
    *,
    nodes: np.ndarray | None,
    **options: Any,
) -> ScoredPairs:
    try:
        if nodes is not None:
            return best_of_nodes(graph, method, nodes, k, most=MAX_PAIRS, **options)
        return best_unlinked(graph, method, k, most=MAX_PAIRS, **options)
    except TooManyPairs as error:
        raise with_advice(error) from None


def with_advice(error: TooManyPairs) -> ValueError:
    """Return what a user is told where there are more pairs than can be listed."""
    return ValueError(
        f'{error}; pass k (and tie_break="index") to get the best k of them, or read them in '
        "chunks from chgraph.linkpred.unlinked_scores"
    )


def _by_spcorr(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int | None,
    *,
    progress: Progress | None,
    nodes: np.ndarray | None,
    scored: list[ScoredPairs] | None = None,
    **options: Any,
) -> ScoredPairs:
    """Return the pairs with ties by SPcorr; `scored` are all pairs if they are known."""
    if scored is not None:
        pairs = best_first(joined(scored))
    elif k is None or nodes is not None:
        pairs = _by_score(graph, method, None, progress=progress, nodes=nodes, **options)
    else:
        pairs = _best_and_ties(graph, method, k, progress=progress, **options)
    ties = tied(pairs.score)
    correlation = np.zeros(pairs.score.size)
    if ties.any():
        link_scores = pair_scores(graph, method, *graph.links(), **options)
        correlation[ties] = spcorr(
            graph,
            link_scores,
            pairs.source[ties],
            pairs.target[ties],
            n_threads=options["n_threads"],
        )
    return ScoredPairs(*(column[:k] for column in ties_by(correlation, pairs)))


def _best_and_ties(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int,
    *,
    progress: Progress | None,
    **options: Any,
) -> ScoredPairs:
    """Return the k best pairs and all that tie with the last of them, best first."""
    best = _by_score(graph, method, k, progress=scaled(progress, 0.5), nodes=None, **options)
    if not k or best.score.size < k:
        if progress is not None:
            progress(0.5)
        return best
    least = best.score[-1] * (1 - 1e-11)
    chunks = unlinked_scores(graph, method, progress=scaled(progress, 0.5), **options)
    near = (ScoredPairs(*(part[chunk.score >= least] for part in chunk)) for chunk in chunks)
    try:
        return best_first(joined(at_most(near, MAX_PAIRS)))
    except TooManyPairs as error:
        raise ValueError(
            f'{error} or tie with the last of the best; use tie_break="index"'
        ) from None


def _adaptive(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int | None,
    *,
    progress: Progress | None,
    **options: Any,
) -> tuple[ScoredPairs, dict[str, Any]]:
    choice = choose_rule(
        graph,
        method,
        progress=scaled(progress, 0.5),
        most_held=MAX_PAIRS if k is None else 0,
        **options,
    )
    told = scaled(progress, 0.5)
    pairs = _by_spcorr(
        graph, choice.selected, k, progress=told, nodes=None, scored=choice.held, **options
    )
    if choice.held is not None and told is not None:
        told(1.0)
    bounds = {rule: list(ends) for rule, ends in choice.bounds.items()}
    return pairs, {"selected": choice.selected, "aupr_bounds": bounds}
