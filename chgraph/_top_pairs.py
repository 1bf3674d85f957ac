"""The n best of very many node pairs, from blocks of rows and in little memory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_PIECE = 2**16
_POWERS = 10.0 ** np.arange(-310, 309)
_DIGITS = 1.0 - 1e-11  # what rounding to 12 significant digits may take off, and more


def top_pairs(
    blocks: Iterable[tuple[int, np.ndarray]], n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the (left, right) pairs with the `n` largest positive values, best first.

    Parameters
    ----------
    blocks : iterable of (int, ndarray of float64, shape (rows, n_right))
        First left node and values of consecutive rows of the whole matrix, in row order.
        Pairs with a value of 0 or less are no candidates.
    n : int
        How many pairs to keep; fewer come back if fewer have a positive value.

    Returns
    -------
    left, right : ndarray of int64
    values : ndarray of float64
        Values that agree to 12 significant digits tie, and are ordered by (left, right).

    Notes
    -----
    Besides one block, memory is O(n).
    """
    codes, values = np.empty(0, dtype=np.int64), np.empty(0)
    n_right, floor = 1, 0.0
    for start, block in blocks:
        n_right = block.shape[1]
        flat = block.reshape(-1)
        found = np.flatnonzero(flat > floor)
        codes = np.concatenate([codes, found + start * n_right])
        values = np.concatenate([values, flat[found]])
        if codes.size > 2 * n:
            codes, values = _best(codes, values, n)
            floor = values[-1] * _DIGITS if n else np.inf
    codes, values = _best(codes, values, n)
    return *np.divmod(codes, n_right), values


def _best(codes: np.ndarray, values: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `n` entries with the largest values, best first, ties by code."""
    if n < values.size:
        # Everything that may tie with the n-th best stays in for the sort to decide.
        nth = np.partition(values, values.size - n)[values.size - n] if n else np.inf
        candidates = np.flatnonzero(values >= nth * _DIGITS)
        codes, values = codes[candidates], values[candidates]
    order = np.lexsort((codes, -round_significant(values)))[:n]
    return codes[order], values[order]


def round_significant(values: np.ndarray, digits: int = 12) -> np.ndarray:
    """Return the values rounded to so many significant decimal digits.

    Sums of the same terms in another order differ in the last bits; rounded, they tie.

    Examples
    --------
    >>> x, y = 0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1
    >>> x == y, bool(np.equal(*round_significant(np.array([x, y]))))
    (False, True)
    """
    values = np.asarray(values, dtype=np.float64)
    rounded = np.empty_like(values)
    # In pieces that stay in the cache: half the time of whole-array passes.
    for start in range(0, values.size, _PIECE):
        piece = values[start : start + _PIECE]
        with np.errstate(divide="ignore", invalid="ignore"):
            exponent = np.where(piece == 0, 0.0, np.floor(np.log10(np.abs(piece))))
        shift = (digits - 1 - exponent).astype(np.int64)
        # Two factors, since a single power of ten overflows for tiny values.
        small = _POWERS[np.minimum(shift, 290) + 310]
        large = _POWERS[np.maximum(shift - 290, 0) + 310]
        rounded[start : start + _PIECE] = np.rint(piece * small * large) / large / small
    return rounded
