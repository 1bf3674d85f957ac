"""What a random ranking gets on average: the baseline of every measure."""

from __future__ import annotations

import numpy as np
import scipy.special

_ONE_BY_ONE = 2**18  # terms that are summed singly


def expected_by_chance(n_positive: int, n_pairs: int, k: int = 100) -> dict[str, float]:
    """Return every measure of a random ranking, on average, under the names of `measure_all`.

    AUC-PR is that of one tie of all pairs; over random orders it is a little more.

    Examples
    --------
    >>> values = expected_by_chance(5, 20)
    >>> values["precision"], values["AUC-PR"], values["AUC-ROC"], values["MCC"]
    (0.25, 0.25, 0.5, 0.0)
    """
    share = n_positive / n_pairs
    found = n_positive / np.maximum(n_pairs, np.arange(1, k + 1))
    depth = float(found[0] if k == 1 else np.trapezoid(found) / (k - 1))
    gain = share * _discounts(n_pairs) / _discounts(n_positive)
    return {
        "precision": share,
        "AUC-PR": share,
        "AUC-ROC": 0.5,
        "AUC-mROC": 0.5,
        f"AUP@{k}": depth,
        "NDCG": gain,
        "MCC": 0.0,
    }


def _discounts(n: int) -> float:
    """Return the sum of 1 / log2(1 + i) for i = 1, ..., n, by the integral far down."""
    one_by_one = min(n, _ONE_BY_ONE)
    total = float(np.sum(1 / np.log2(1 + np.arange(1, one_by_one + 1))))
    ends = np.log(np.array([n, one_by_one]) + 1.5)
    return total + float(-np.diff(scipy.special.expi(ends))[0] * np.log(2))
