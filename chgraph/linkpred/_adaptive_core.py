"""Where the keys of linked pairs stand among the keys of all pairs, counted without sorting."""

from __future__ import annotations

import numpy as np

from chgraph.jit import Int, kernel
from chgraph.threads import run_workers


@kernel()
def _count_of_worker(
    start: Int,
    stop: Int,
    first: np.ndarray,
    second: np.ndarray,
    known_first: np.ndarray,
    known_second: np.ndarray,
    equal: np.ndarray,
    below: np.ndarray,
) -> None:
    for i in range(start, stop):
        low, high = 0, known_first.size
        while low < high:
            middle = (low + high) >> 1
            if first[i] > known_first[middle] or (
                first[i] == known_first[middle] and second[i] >= known_second[middle]
            ):
                low = middle + 1
            else:
                high = middle
        if low > 0 and first[i] == known_first[low - 1] and second[i] == known_second[low - 1]:
            equal[low - 1] += 1
        else:
            below[low] += 1


def count_keys(
    first: np.ndarray,
    second: np.ndarray,
    known_first: np.ndarray,
    known_second: np.ndarray,
    equal: np.ndarray,
    below: np.ndarray,
) -> None:
    """Count the keys (first, second) against m strictly ascending known ones.

    ``equal[w, j]`` and ``below[w, j]``, shape (n_workers, m + 1) and 0 at the start, get
    the keys that equal known key j, and those between known keys j - 1 and j, of the w-th
    part of the keys.
    """
    n_workers = equal.shape[0]

    def body(worker: int) -> None:
        part = first.size * worker // n_workers, first.size * (worker + 1) // n_workers
        known = known_first, known_second
        _count_of_worker(*part, first, second, *known, equal[worker], below[worker])

    run_workers(n_workers, body)
