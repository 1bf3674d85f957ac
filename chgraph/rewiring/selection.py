"""Exactly k of n, drawn in proportion to scores or taken from the top."""

from __future__ import annotations

from typing import Any

import numpy as np

from chgraph.checks import (
    as_generator,
    check_choice,
    check_count,
    check_link_values,
    check_real,
)

SAMPLINGS = ("soft", "hard")


def select_links(
    scores: Any, k: int, *, sampling: str = "soft", temperature: float = 1.0, rng: Any = None
) -> np.ndarray:
    """Choose exactly `k` links (to keep) by their scores.

    Parameters
    ----------
    scores : array_like, shape (n,)
        Non-negative score of each link.
    k : int
        How many to choose.
    sampling : {"soft", "hard"}
        "soft": draw without replacement, probability proportional to
        ``scores ** temperature``; links of score 0 are drawn, uniformly, only when the
        others do not suffice. "hard": the `k` largest, equal scores by lower index.
    temperature : float
        Exponent of the soft rule, at least 0; larger is more decided.
    rng : int, numpy Generator or None
        Seed or generator of the soft rule.

    Returns
    -------
    ndarray of int64, shape (k,)
        Chosen indices, ascending.

    Raises
    ------
    ValueError
        If `k` exceeds the number of scores, or a score is negative or not finite.

    Notes
    -----
    Soft draws are an exponential race: each link finishes at Exp(1) / score, and the first
    `k` win, which has the law of successive draws without replacement.

    References
    ----------
    CH-SNN, arXiv 2511.05581, section 3.2.3; CHTs, arXiv 2501.19107; Efraimidis and
    Spirakis, Inf. Process. Lett. 97 (2006) 181.

    Examples
    --------
    >>> select_links([0.1, 5.0, 0.0, 5.0], 2, sampling="hard")
    array([1, 3])
    >>> select_links([0.1, 5.0, 0.0, 5.0], 3, rng=0)
    array([0, 1, 3])
    """
    size = np.shape(scores)[0] if np.ndim(scores) == 1 else -1
    values = check_link_values("scores", scores, size)
    k = check_count("k", k)
    check_choice("sampling", sampling, SAMPLINGS)
    temperature = check_real("temperature", temperature, minimum=0.0)
    if (values < 0).any():
        raise ValueError(f"scores must not be negative, got {values.min()}")
    if k > values.size:
        raise ValueError(f"k must be at most the number of scores {values.size}, got {k}")
    if sampling == "hard":
        return np.sort(np.argsort(-values, kind="stable")[:k])
    return _race(values, k, temperature, as_generator(rng))


def _race(values: np.ndarray, k: int, temperature: float, rng: np.random.Generator) -> np.ndarray:
    """Return the `k` indices that finish first, ascending; zeros run only if needed."""
    finish = np.log(rng.exponential(size=values.size))
    positive = np.flatnonzero(values > 0)
    if k <= positive.size:
        # In logarithms, so that large temperatures neither overflow nor vanish.
        finish[positive] -= temperature * np.log(values[positive])
        return np.sort(positive[_first(finish[positive], k)])
    zeros = np.flatnonzero(values == 0)
    rest = zeros[_first(finish[zeros], k - positive.size)]
    return np.sort(np.concatenate([positive, rest]))


def _first(finish: np.ndarray, k: int) -> np.ndarray:
    """Return the positions of the `k` smallest, in no order."""
    return np.arange(finish.size) if k == finish.size else np.argpartition(finish, k)[:k]
