"""Scored node pairs: what every method yields, and their order from best to worst."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from chgraph._ranking import TooManyPairs, ranked_pairs
from chgraph._rounding import round_significant

# Of a number of 63 bits: what is left has room for 12 decimals between 0 and 2.
_GROUP_BITS = 22

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


def best_first(pairs: ScoredPairs, k: int | None = None) -> ScoredPairs:
    """Return the pairs, or only k, by falling score, ties by (source, target).

    Scores that agree to 12 significant digits tie.
    """
    return ScoredPairs(*ranked_pairs(*pairs, k))


def tied(falling: np.ndarray) -> np.ndarray:
    """Whether each of some falling scores agrees with a neighbor at 12 significant digits."""
    same = _agreeing(falling)
    return np.append(same, False) | np.append(False, same) if falling.size else same


def ties_by(then: np.ndarray, pairs: ScoredPairs) -> ScoredPairs:
    """Return pairs that stand best first with those that tie by falling `then`, of 12 decimals.

    `then` lies between -1 and 1; it is read where scores tie.
    """
    places = np.flatnonzero(tied(pairs.score))
    if not places.size:
        return pairs
    scores = pairs.score[places]
    group = np.append(0, np.cumsum(~_agreeing(scores)))
    falling = np.rint((1.0 - then[places]) * 1e12).astype(np.int64)
    # Both in one number, which sorts several times faster than by two.
    if group[-1] < 2**_GROUP_BITS:
        order = np.argsort((group << (63 - _GROUP_BITS)) | falling, kind="stable")
    else:
        order = np.lexsort((falling, group))
    columns = tuple(column.copy() for column in pairs)
    for column in columns:
        column[places] = column[places][order]
    return ScoredPairs(*columns)


def _agreeing(falling: np.ndarray) -> np.ndarray:
    """Whether each score but the last agrees with the next at 12 significant digits."""
    keys = round_significant(falling)
    same: np.ndarray = keys[1:] == keys[:-1]
    return same


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
