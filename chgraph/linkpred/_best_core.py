"""The k best pairs of a worker, kept in a heap while pairs are scored: compiled."""

from __future__ import annotations

from chgraph._rounding import significant
from chgraph.jit import Int, leaf
from chgraph.linkpred._pair_lists import Best


@leaf
def may_enter(best: Best, worker: Int, score: float) -> bool:
    """Whether a score has to be offered: cheap, and never wrong where it says no.

    What is clearly below the worst score kept cannot round to it.
    """
    full = best.sizes[worker] == best.keys.shape[1]
    return score > 0.0 and not (full and score < best.keys[worker, 0] * (1.0 - 1e-11))


@leaf
def _comes_later(best: Best, worker: Int, i: Int, key: float, u: Int, v: Int) -> bool:
    """Whether entry i ranks behind (key, u, v)."""
    if best.keys[worker, i] != key:
        return best.keys[worker, i] < key
    if best.first[worker, i] != u:
        return best.first[worker, i] > u
    return best.second[worker, i] > v


@leaf
def _put(best: Best, worker: Int, i: Int, key: float, score: float, u: Int, v: Int) -> None:
    best.keys[worker, i] = key
    best.scores[worker, i] = score
    best.first[worker, i] = u
    best.second[worker, i] = v


@leaf
def _move(best: Best, worker: Int, to: Int, source: Int) -> None:
    _put(
        best,
        worker,
        to,
        best.keys[worker, source],
        best.scores[worker, source],
        best.first[worker, source],
        best.second[worker, source],
    )


@leaf
def offer(best: Best, worker: Int, score: float, u: Int, v: Int) -> None:
    """Keep the pair if it is among the k best so far."""
    key = significant(score)
    size, k = best.sizes[worker], best.keys.shape[1]
    if size < k:
        i = size
        best.sizes[worker] += 1
        while i > 0 and not _comes_later(best, worker, (i - 1) // 2, key, u, v):
            _move(best, worker, i, (i - 1) // 2)
            i = (i - 1) // 2
        _put(best, worker, i, key, score, u, v)
        return
    if not _comes_later(best, worker, 0, key, u, v):
        return
    i = 0
    while 2 * i + 1 < k:
        child = 2 * i + 1
        if child + 1 < k and _comes_later(
            best,
            worker,
            child + 1,
            best.keys[worker, child],
            best.first[worker, child],
            best.second[worker, child],
        ):
            child += 1
        if not _comes_later(best, worker, child, key, u, v):
            break
        _move(best, worker, i, child)
        i = child
    _put(best, worker, i, key, score, u, v)
