"""Where scored pairs go: the k best of each worker, or room for all of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Best(NamedTuple):
    """The k best pairs of each worker as heaps, worst on top; ``sizes`` says how full they are.

    Pairs are compared by ``keys``, the score rounded to 12 significant digits: sums of equal
    terms in another order differ in the last digit, and a tie must stay a tie.
    """

    keys: np.ndarray
    scores: np.ndarray
    first: np.ndarray
    second: np.ndarray
    sizes: np.ndarray


def new_best(n_workers: int, k: int) -> Best:
    """Empty heaps, to be handed to ``best_pairs`` chunk after chunk."""
    return Best(
        np.zeros((n_workers, k), np.float64),
        np.zeros((n_workers, k), np.float64),
        np.zeros((n_workers, k), np.int64),
        np.zeros((n_workers, k), np.int64),
        np.zeros(n_workers, np.int64),
    )


def merge_best(best: Best) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The k best of all workers: (u, v, score), best first, ties by (u, v)."""
    filled = np.arange(best.keys.shape[1]) < best.sizes[:, None]
    keys, scores, first, second = (rows[filled] for rows in best[:4])
    order = np.lexsort((second, first, -keys))[: best.keys.shape[1]]
    return first[order], second[order], scores[order]


class Found(NamedTuple):
    """Room for all positive scores: source u writes from position ``begins[u]`` on.

    ``counts[u]`` becomes their number; ``targets`` are the caller's node numbers.
    """

    begins: np.ndarray
    counts: np.ndarray
    targets: np.ndarray
    scores: np.ndarray


def new_found(room: np.ndarray, first: int, last: int) -> Found:
    """Room for sources first..last-1, given the upper bounds of ``target_limit``."""
    begins = np.cumsum(room) - room - room[:first].sum()
    size = int(room[first:last].sum())
    counts = np.zeros(room.size, np.int64)
    return Found(begins, counts, np.empty(size, np.int64), np.empty(size, np.float64))
