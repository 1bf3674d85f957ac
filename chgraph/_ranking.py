"""Scored pairs from best to worst: all of them, or the n best of very many in little memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np

from chgraph import _ranking_core
from chgraph._rounding import NEARLY, round_significant
from chgraph.threads import run_workers, workers_for

_PER_RECORD = 20.0  # operations to sort one
_SAMPLE = 2**14
_RECORDS_A_BUCKET = 256
_MOST_BUCKETS = 2**13

Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]


class TooManyPairs(ValueError):
    """More pairs than a caller can take."""


def top_pairs(
    blocks: Iterable[tuple[int, np.ndarray]], n: int | None, *, most: int | None = None
) -> Pairs:
    """Return the (left, right) pairs with the `n` largest positive values, best first.

    Parameters
    ----------
    blocks : iterable of (int, ndarray of float64, shape (rows, n_right))
        First left node and values of consecutive rows of the whole matrix, in row order.
        Pairs with a value of 0 or less are not candidates.
    n : int or None
        How many pairs to keep; fewer come back if fewer have a positive value. ``None``: all.
    most : int, optional
        How many pairs there may be where all are kept.

    Returns
    -------
    left, right : ndarray of int64
    values : ndarray of float64
        Values that agree to 12 significant digits tie, and are ordered by (left, right).

    Raises
    ------
    TooManyPairs
        If there are more than `most`.

    Notes
    -----
    Besides one block, memory is O(n).
    """
    chunks: list[np.ndarray] = []
    held = 0
    if n is None:
        for start, block in blocks:
            chunks.append(_taken(start, block, 0.0))
            held += len(chunks[-1])
            if most is not None and held > most:
                raise TooManyPairs(f"more than {most:,} pairs score above 0")
        return _sorted(_joined(chunks))
    floor = 0.0 if n else math.inf
    for start, block in blocks:
        chunks.append(_best_of_block(start, block, n, floor))
        held += len(chunks[-1])
        if held > 2 * n:
            chunks = [_best(_joined(chunks), n)]
            held = len(chunks[0])
            floor = max(floor, _scores(chunks[0]).min(initial=math.inf) * (1.0 - 1e-15))
    pairs = _sorted(_best(_joined(chunks), n))
    return pairs[0][:n], pairs[1][:n], pairs[2][:n]


def ranked_pairs(
    source: np.ndarray, target: np.ndarray, score: np.ndarray, n: int | None = None
) -> Pairs:
    """Return pairs by falling score, those that tie by (source, target).

    Parameters
    ----------
    source, target : ndarray of int64
        Below 2**31.
    score : ndarray of float64
        Above 0. Those that agree to 12 significant digits tie.
    n : int, optional
        Return only so many.
    """
    records = np.empty((score.size, 2), np.int64)
    records[:, 0] = np.ascontiguousarray(score, np.float64).view(np.int64)
    np.left_shift(source, 32, out=records[:, 1])
    records[:, 1] += target
    if n is not None:
        records = _best(records, n)
    return tuple(column[:n] for column in _sorted(records))  # type: ignore[return-value]


# ----------------------------------------------------------------------------- records


def _scores(records: np.ndarray) -> np.ndarray:
    scores: np.ndarray = records.view(np.float64)[:, 0]
    return scores


def _joined(chunks: list[np.ndarray]) -> np.ndarray:
    if len(chunks) == 1:
        return chunks[0]
    return np.concatenate([np.empty((0, 2), np.int64), *chunks])


def _best(records: np.ndarray, n: int) -> np.ndarray:
    """Return the records with the `n` largest scores and all that may tie with the last."""
    if n >= len(records):
        return records
    scores = _scores(records)
    nth = np.partition(scores, scores.size - n)[scores.size - n] if n else math.inf
    kept: np.ndarray = records[scores >= nth * NEARLY]
    return kept


def _parts(size: int, n_workers: int) -> list[slice]:
    cuts = [size * worker // n_workers for worker in range(n_workers + 1)]
    return [slice(*ends) for ends in itertools.pairwise(cuts)]


# ------------------------------------------------------------------------- from the blocks


def _best_of_block(start: int, block: np.ndarray, n: int, floor: float) -> np.ndarray:
    """Return the records above a floor, without most that are not among the `n` best."""
    guess = _likely_below(block.reshape(-1), n)
    if guess > floor:
        records = _taken(start, block, guess * NEARLY)
        if np.count_nonzero(_scores(records) > guess) >= n:
            return records  # what may tie with the n-th is there too
    return _taken(start, block, floor)


def _likely_below(values: np.ndarray, n: int) -> float:
    """Return a number that a sample says at least `n` of the values are above; 0 if unsure."""
    if values.size < 4 * _SAMPLE or n == 0:
        return 0.0
    sample = values[:: values.size // _SAMPLE]
    expected = n * sample.size / values.size
    rank = math.ceil(expected + 4.0 * math.sqrt(expected) + 8.0)
    if 2 * rank > sample.size:
        return 0.0
    return max(0.0, float(np.partition(sample, sample.size - rank)[sample.size - rank]))


def _taken(start: int, block: np.ndarray, floor: float) -> np.ndarray:
    """Return the records of the pairs of a block whose value is above a floor."""
    with workers_for(2.0 * block.size) as n_workers:
        parts = _parts(len(block), n_workers)
        counts = np.zeros(n_workers + 1, np.int64)

        def count(w: int) -> None:
            counts[w + 1] = _ranking_core.count_above(block[parts[w]].reshape(-1), floor)

        run_workers(n_workers, count)
        begins = np.cumsum(counts)
        records = np.empty((begins[-1], 2), np.int64)

        def take(w: int) -> None:
            mine = records[begins[w] : begins[w + 1]]
            first, rows = start + parts[w].start, block[parts[w]]
            _ranking_core.take_above(rows, floor, first, mine, mine.view(np.float64))

        run_workers(n_workers, take)
    return records


# --------------------------------------------------------------------------------- sorting


def _sorted(records: np.ndarray) -> Pairs:
    """Return the pairs of records in order; the memory of the records is used up."""
    n, scores = len(records), _scores(records)
    if n == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    low, top = round_significant(np.array([scores.min(), scores.max()])).view(np.int64).tolist()
    wanted = max(1, min(n // _RECORDS_A_BUCKET, _MOST_BUCKETS))
    shift = max(0, (top - low).bit_length() - wanted.bit_length())
    n_buckets = ((top - low) >> shift) + 1
    with workers_for(_PER_RECORD * n) as n_workers:
        parts = [records[part] for part in _parts(n, n_workers)]
        counts = np.zeros((n_workers, n_buckets), np.int64)

        def count(w: int) -> None:
            _ranking_core.count_buckets(parts[w].view(np.float64), top, shift, counts[w])

        run_workers(n_workers, count)
        by_bucket = counts.T.reshape(-1)
        places = np.ascontiguousarray((np.cumsum(by_bucket) - by_bucket).reshape(-1, n_workers).T)
        bounds = np.append(places[0], n)
        dealt = np.empty_like(records)

        def deal(w: int) -> None:
            mine = parts[w], parts[w].view(np.float64)
            _ranking_core.deal(*mine, top, shift, places[w], dealt)

        run_workers(n_workers, deal)
        # The records are elsewhere now, and their memory is just what two columns need: touching
        # memory for the first time takes as long as sorting.
        columns = records.reshape(2, n)
        pairs = columns[0], columns[1], np.empty(n)
        shares = np.searchsorted(bounds, [part.start for part in _parts(n, n_workers)])
        shares = np.append(shares, n_buckets)

        def sort(w: int) -> None:
            mine = bounds[shares[w] : shares[w + 1] + 1]
            _ranking_core.sort_buckets(mine, dealt, dealt.view(np.float64), *pairs)

        run_workers(n_workers, sort)
    return pairs
