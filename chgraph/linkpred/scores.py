"""Scores of node pairs by any method: the one place where a method's name finds its code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from chgraph.graph import BipartiteGraph, Graph


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


Progress = Callable[[float], None]
"""Told, as work goes on, which further fraction of it is done."""


def unlinked_scores(
    graph: Graph | BipartiteGraph,
    method: str,
    *,
    local_community: str = "all",
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[ScoredPairs]:
    """Score all unlinked pairs by a non-adaptive method, in chunks of bounded memory.

    Yields
    ------
    ScoredPairs
        The pairs with a positive score; every other unlinked pair scores 0. Chunks are in
        no promised order; within all chunks each pair stands once.
    """
    raise NotImplementedError


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

    The link of a linked pair is left out first.
    """
    raise NotImplementedError
