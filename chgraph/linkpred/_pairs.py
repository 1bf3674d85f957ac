"""Scored node pairs: what every method yields, and their order from best to worst."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from chgraph._ranking import TooManyPairs, ranked_pairs
from chgraph._rounding import round_significant

Progress = Callable[[float], None]
"""Told, as work goes on, which further fraction of it is done."""


class ScoredPairs(NamedTuple):
    """Node pairs with their scores.

    Attributes
    ----------
    source, target : ndarray of int64
        In a graph of one kind of node source < target; in a bipartite one the left and
        the right node.
    score : ndarray of float64

    Examples
    --------
    >>> import chgraph
    >>> layer = chgraph.BipartiteGraph.from_biadjacency([[1, 1, 0], [0, 1, 1]])
    >>> pairs = next(chgraph.linkpred.unlinked_scores(layer, "CH3-L3"))
    >>> sorted(zip(pairs.source.tolist(), pairs.target.tolist(), pairs.score.tolist()))
    [(0, 2, 1.0), (1, 0, 1.0)]
    """

    source: np.ndarray
    target: np.ndarray
    score: np.ndarray


def best_first(
    pairs: ScoredPairs, k: int | None = None, *, then: np.ndarray | None = None
) -> ScoredPairs:
    """Return the pairs by falling score, ties by `then` (falling) and (source, target).

    Scores that agree to 12 significant digits tie.

    Parameters
    ----------
    pairs : ScoredPairs
    k : int, optional
        Return only so many.
    then : ndarray, optional
        Second criterion.
    """
    if then is None:
        return ScoredPairs(*ranked_pairs(*pairs, k))
    keys = -round_significant(pairs.score)
    if k is not None and 0 < k < keys.size:  # the rest has no part in it
        near = keys <= np.partition(keys, k - 1)[k - 1]
        pairs, then, keys = ScoredPairs(*(column[near] for column in pairs)), then[near], keys[near]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    tied = np.zeros(keys.size, dtype=bool)
    tied[1:] = keys[1:] == keys[:-1]
    tied[:-1] |= tied[1:]
    ties = order[tied]
    places = pairs.target[ties], pairs.source[ties], -then[ties], keys[tied]
    order[tied] = ties[np.lexsort(places)]
    order = order[:k]
    return ScoredPairs(*(column[order] for column in pairs))


def scaled(progress: Progress | None, share: float) -> Progress | None:
    """Return what is told fractions of a part of the work, that is `share` of the whole."""
    return None if progress is None else lambda fraction: progress(share * fraction)


def at_most(chunks: Iterable[ScoredPairs], most: int | None) -> list[ScoredPairs]:
    """Return the chunks.

    Raises
    ------
    TooManyPairs
        As soon as they hold more than `most` pairs.
    """
    held, listed = 0, []
    for chunk in chunks:
        listed.append(chunk)
        held += chunk.score.size
        if most is not None and held > most:
            raise TooManyPairs(f"more than {most:,} pairs score above 0")
    return listed


def joined(chunks: list[ScoredPairs]) -> ScoredPairs:
    """Return all chunks as one."""
    if not chunks:
        return ScoredPairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return ScoredPairs(*(np.concatenate(columns) for columns in zip(*chunks, strict=True)))
