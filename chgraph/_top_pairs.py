"""The n best of very many node pairs, from blocks of rows and in little memory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def top_pairs(blocks: Iterable[tuple[int, np.ndarray]], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the (left, right) pairs with the `n` largest positive keys, best first.

    Parameters
    ----------
    blocks : iterable of (int, ndarray of float64, shape (rows, n_right))
        First left node and keys of consecutive rows of the whole key matrix, in row order.
        Pairs with a key of 0 or less are no candidates.
    n : int
        How many pairs to keep; fewer come back if fewer have a positive key.

    Returns
    -------
    left, right : ndarray of int64
        Equal keys are ordered by (left, right). Besides one block, memory is O(n).
    """
    codes, keys = np.empty(0, dtype=np.int64), np.empty(0)
    n_right, floor = 1, 0.0
    for start, block in blocks:
        n_right = block.shape[1]
        flat = block.reshape(-1)
        # A later pair that only equals the n-th best loses the tie: ">" is exact.
        found = np.flatnonzero(flat > floor)
        codes = np.concatenate([codes, found + start * n_right])
        keys = np.concatenate([keys, flat[found]])
        if codes.size > 2 * n:
            codes, keys = _best(codes, keys, n)
            floor = keys[-1] if n else np.inf
    codes, _ = _best(codes, keys, n)
    return np.divmod(codes, n_right)


def _best(codes: np.ndarray, keys: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `n` entries with the largest keys, best first, ties by code."""
    if n < keys.size:
        # Everything that ties with the n-th best key stays in for the sort to decide.
        threshold = np.partition(keys, keys.size - n)[keys.size - n] if n else np.inf
        candidates = np.flatnonzero(keys >= threshold)
        codes, keys = codes[candidates], keys[candidates]
    order = np.lexsort((codes, -keys))[:n]
    return codes[order], keys[order]
