"""Scored node pairs: what every method yields, and their order from best to worst."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chgraph._top_pairs import round_significant

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
    keys = round_significant(pairs.score)
    if k is not None and k < keys.size and then is None:
        threshold = np.partition(keys, keys.size - k)[keys.size - k] if k else np.inf
        candidates = np.flatnonzero(keys >= threshold)
        pairs, keys = ScoredPairs(*(column[candidates] for column in pairs)), keys[candidates]
    criteria = (-keys,) if then is None else (-then, -keys)
    order = np.lexsort((pairs.target, pairs.source, *criteria))[:k]
    return ScoredPairs(*(column[order] for column in pairs))


def joined(chunks: list[ScoredPairs]) -> ScoredPairs:
    """Return all chunks as one."""
    if not chunks:
        return ScoredPairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return ScoredPairs(*(np.concatenate(columns) for columns in zip(*chunks, strict=True)))
