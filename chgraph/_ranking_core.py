"""Compiled sorting of scored pairs: by falling score, ties by rising code.

A record is a pair: the bits of its score (above 0, so that they rise with it) and its code, the
first node times 2**32 plus the second. Kernels see the records twice, as integers and as floats.
Scores tie when they agree to 12 significant digits: what is compared are the bits of the rounded
score, the key.

Two storeys of distribution by the key's place between the smallest and the largest: into buckets
(each worker a contiguous part of the records, then a contiguous run of buckets), and in each bucket
again; what is left are a few records, put in order by insertion. Neither changes the order of
records that tie, so that such as come in order stay in it. The result depends on the records
alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chgraph._rounding import round_part
from chgraph.jit import Int, inlined, kernel, leaf

_BLOCK = 512  # records whose keys are computed at a time
_FEW = 24  # records that are sorted by insertion


# --------------------------------------------------------------------- taking pairs from blocks


@kernel()
def count_above(values: np.ndarray, floor: float) -> Int:
    """Count the values above a floor."""
    n = 0
    for i in range(values.size):
        n += values[i] > floor
    return n


@kernel()
def take_above(
    block: np.ndarray, floor: float, first: Int, records: np.ndarray, floats: np.ndarray
) -> None:
    """List the values above a floor of some rows, the first of them row ``first``.

    ``records`` has room for exactly these.
    """
    n, total = 0, records.shape[0]
    is_rare = 16 * total < block.size
    for row in range(block.shape[0]):
        code = (first + row) << 32
        for column in range(block.shape[1]):
            if n == total:
                return
            if is_rare and not block[row, column] > floor:
                continue
            # Written always, kept if it counts: a branch on the value would often be guessed wrong.
            floats[n, 0] = block[row, column]
            records[n, 1] = code + column
            n += block[row, column] > floor


# ------------------------------------------------------------------------------- into buckets


@leaf
def _fill_keys(start: Int, stop: Int, floats: np.ndarray, scores: np.ndarray) -> None:
    for i in range(start, stop):
        scores[i - start] = floats[i, 0]


@kernel()
def count_buckets(floats: np.ndarray, top: Int, shift: Int, counts: np.ndarray) -> None:
    """Add up how many records each bucket gets: the key's distance from the top, shifted."""
    scores, rounded = np.empty(_BLOCK), np.empty(_BLOCK)
    bits, keys = scores.view(np.int64), rounded.view(np.int64)
    for start in range(0, floats.shape[0], _BLOCK):
        size = min(_BLOCK, floats.shape[0] - start)
        _fill_keys(start, start + size, floats, scores)
        round_part(scores[:size], bits[:size], rounded[:size])
        for i in range(size):
            counts[(top - keys[i]) >> shift] += 1


@kernel()
def deal(
    records: np.ndarray,
    floats: np.ndarray,
    top: Int,
    shift: Int,
    places: np.ndarray,
    dealt: np.ndarray,
) -> None:
    """Put every record where its bucket goes on; ``places`` moves along."""
    scores, rounded = np.empty(_BLOCK), np.empty(_BLOCK)
    bits, keys = scores.view(np.int64), rounded.view(np.int64)
    for start in range(0, records.shape[0], _BLOCK):
        size = min(_BLOCK, records.shape[0] - start)
        _fill_keys(start, start + size, floats, scores)
        round_part(scores[:size], bits[:size], rounded[:size])
        for i in range(size):
            bucket = (top - keys[i]) >> shift
            place = places[bucket]
            places[bucket] = place + 1
            dealt[place, 0] = records[start + i, 0]
            dealt[place, 1] = records[start + i, 1]


# ----------------------------------------------------------------------------- in each bucket


class Lists(NamedTuple):
    """Keys, codes and scores of the records of a bucket."""

    keys: np.ndarray
    codes: np.ndarray
    scores: np.ndarray


@inlined
def _goes_before(key: Int, code: Int, lists: Lists, i: Int) -> bool:
    return bool(key > lists.keys[i] or (key == lists.keys[i] and code < lists.codes[i]))


@inlined
def _put(lists: Lists, i: Int, key: Int, code: Int, score: float) -> None:
    lists.keys[i] = key
    lists.codes[i] = code
    lists.scores[i] = score


@inlined
def _move(lists: Lists, to: Int, source: Int) -> None:
    _put(lists, to, lists.keys[source], lists.codes[source], lists.scores[source])


@leaf
def _insert(start: Int, stop: Int, lists: Lists) -> None:
    """Sort a few records."""
    for i in range(start + 1, stop):
        key, code, score = lists.keys[i], lists.codes[i], lists.scores[i]
        j = i
        while j > start and _goes_before(key, code, lists, j - 1):
            _move(lists, j, j - 1)
            j -= 1
        if j < i:
            _put(lists, j, key, code, score)


@leaf
def _sift(root: Int, start: Int, stop: Int, lists: Lists) -> None:
    place = start + root
    key, code, score = lists.keys[place], lists.codes[place], lists.scores[place]
    while 2 * root + 1 < stop - start:
        child = start + 2 * root + 1
        if child + 1 < stop and _goes_before(
            lists.keys[child], lists.codes[child], lists, child + 1
        ):
            child += 1
        if not _goes_before(key, code, lists, child):
            break
        _move(lists, start + root, child)
        root = child - start
    _put(lists, start + root, key, code, score)


@leaf
def _heap_sort(start: Int, stop: Int, lists: Lists) -> None:
    """Sort in n log n steps, whatever the keys."""
    for root in range((stop - start) // 2 - 1, -1, -1):
        _sift(root, start, stop, lists)
    for last in range(stop - 1, start, -1):
        key, code, score = lists.keys[last], lists.codes[last], lists.scores[last]
        _move(lists, last, start)
        _put(lists, start, key, code, score)
        _sift(0, start, last, lists)


@leaf
def _is_sorted(start: Int, stop: Int, lists: Lists) -> bool:
    for i in range(start + 1, stop):
        if _goes_before(lists.keys[i], lists.codes[i], lists, i - 1):
            return False
    return True


@leaf
def _spread(size: Int, lists: Lists, spare: Lists, parts: np.ndarray, places: np.ndarray) -> Int:
    """Distribute ``lists`` into about as many parts, in ``spare``; places[p] is where part p ends.

    By the keys, or by the codes where all keys are equal. Returns the number of parts, below twice
    the size.
    """
    low = high = lists.keys[0]
    for i in range(1, size):
        low, high = min(low, lists.keys[i]), max(high, lists.keys[i])
    by_code = low == high
    if by_code:
        low = high = lists.codes[0]
        for i in range(1, size):
            low, high = min(low, lists.codes[i]), max(high, lists.codes[i])
    shift = 0
    while (high - low) >> shift >= 2 * size:
        shift += 1
    n_parts = ((high - low) >> shift) + 1
    places[: n_parts + 1] = 0
    if by_code:
        for i in range(size):
            parts[i] = (lists.codes[i] - low) >> shift
    else:
        for i in range(size):
            parts[i] = (high - lists.keys[i]) >> shift
    for i in range(size):
        places[parts[i] + 1] += 1
    for part in range(n_parts):
        places[part + 1] += places[part]
    for i in range(size):
        place = places[parts[i]]
        places[parts[i]] = place + 1
        _put(spare, place, lists.keys[i], lists.codes[i], lists.scores[i])
    return n_parts


@leaf
def _sort_bucket(
    size: Int, lists: Lists, spare: Lists, parts: np.ndarray, places: np.ndarray
) -> None:
    """Leave the records in order in ``spare``."""
    n_parts = _spread(size, lists, spare, parts, places)
    begin = 0
    for part in range(n_parts):
        end = places[part]
        if end - begin <= _FEW:
            _insert(begin, end, spare)
        elif not _is_sorted(begin, end, spare):
            _heap_sort(begin, end, spare)
        begin = end


@kernel()
def _new_lists(size: Int) -> Lists:
    return Lists(np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size))


@kernel()
def sort_buckets(
    bounds: np.ndarray,
    dealt: np.ndarray,
    floats: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    score: np.ndarray,
) -> None:
    """Write the pairs of every bucket, records ``bounds[b]`` to ``bounds[b + 1]``, in order."""
    most = 0
    for bucket in range(bounds.size - 1):
        most = max(most, bounds[bucket + 1] - bounds[bucket])
    lists, spare, rounded = _new_lists(most), _new_lists(most), np.empty(most)
    bits, keys = lists.scores.view(np.int64), rounded.view(np.int64)
    parts, places = np.empty(most, np.int32), np.empty(2 * most + 1, np.int32)
    for bucket in range(bounds.size - 1):
        start, size = bounds[bucket], bounds[bucket + 1] - bounds[bucket]
        if size == 0:
            continue
        for i in range(size):
            lists.scores[i] = floats[start + i, 0]
            lists.codes[i] = dealt[start + i, 1]
        round_part(lists.scores[:size], bits[:size], rounded[:size])
        lists.keys[:size] = keys[:size]
        _sort_bucket(size, lists, spare, parts, places)
        for i in range(size):
            source[start + i] = spare.codes[i] >> 32
            target[start + i] = spare.codes[i] & 0xFFFFFFFF
            score[start + i] = spare.scores[i]
