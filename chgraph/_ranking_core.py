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
from chgraph.jit import Int, kernel, leaf

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


@leaf
def _insert(start: Int, stop: Int, lists: Lists) -> None:
    """Sort a few records; many that are in order already cost one look each."""
    keys, codes, scores = lists.keys, lists.codes, lists.scores
    for i in range(start + 1, stop):
        key, code, score = keys[i], codes[i], scores[i]
        j = i
        while j > start and (key > keys[j - 1] or (key == keys[j - 1] and code < codes[j - 1])):
            keys[j], codes[j], scores[j] = keys[j - 1], codes[j - 1], scores[j - 1]
            j -= 1
        keys[j], codes[j], scores[j] = key, code, score


@leaf
def _merge(start: Int, middle: Int, stop: Int, lists: Lists, room: Lists) -> None:
    """Merge two sorted runs; the first one moves to ``room`` meanwhile."""
    keys, codes, scores = lists.keys, lists.codes, lists.scores
    n = middle - start
    for i in range(n):
        room.keys[i], room.codes[i] = keys[start + i], codes[start + i]
        room.scores[i] = scores[start + i]
    i, j, place = 0, middle, start
    while i < n:
        later = j < stop and (
            keys[j] > room.keys[i] or (keys[j] == room.keys[i] and codes[j] < room.codes[i])
        )
        if later:
            keys[place], codes[place], scores[place] = keys[j], codes[j], scores[j]
            j += 1
        else:
            keys[place], codes[place] = room.keys[i], room.codes[i]
            scores[place] = room.scores[i]
            i += 1
        place += 1


@leaf
def _sort_part(start: Int, stop: Int, lists: Lists, room: Lists) -> None:
    """Sort records in n log n steps: runs by insertion, merged; runs in order stay as they are."""
    keys, codes = lists.keys, lists.codes
    for begin in range(start, stop, _FEW):
        _insert(begin, min(begin + _FEW, stop), lists)
    width = _FEW
    while width < stop - start:
        for begin in range(start, stop - width, 2 * width):
            middle = begin + width
            if keys[middle] > keys[middle - 1] or (
                keys[middle] == keys[middle - 1] and codes[middle] < codes[middle - 1]
            ):
                _merge(begin, middle, min(middle + width, stop), lists, room)
        width *= 2


@leaf
def _spread(size: Int, lists: Lists, spare: Lists, parts: np.ndarray, places: np.ndarray) -> Int:
    """Distribute ``lists`` into nearly as many parts, in ``spare``; places[p] is where p ends.

    By the keys, or by the codes where all keys are equal. Returns the number of parts, or 0 if
    none has many records.
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
    while (high - low) >> shift >= size:
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
    most = 0
    for part in range(n_parts):
        most = max(most, places[part + 1])
        places[part + 1] += places[part]
    for i in range(size):
        place = places[parts[i]]
        places[parts[i]] = place + 1
        spare.keys[place], spare.codes[place] = lists.keys[i], lists.codes[i]
        spare.scores[place] = lists.scores[i]
    return n_parts if most > _FEW else 0


@leaf
def _sort_bucket(
    size: Int, lists: Lists, spare: Lists, parts: np.ndarray, places: np.ndarray
) -> None:
    """Leave the records in order in ``spare``."""
    n_parts = _spread(size, lists, spare, parts, places)
    if n_parts == 0:  # hardly any record is more than a few places from its own
        _insert(0, size, spare)
        return
    begin = 0
    for part in range(n_parts):
        end = places[part]
        if end - begin > 1:
            _sort_part(begin, end, spare, lists)
        begin = end


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
    numbers, fractions = np.empty((4, most), np.int64), np.empty((3, most))
    lists = Lists(numbers[0], numbers[1], fractions[0])
    spare = Lists(numbers[2], numbers[3], fractions[1])
    rounded = fractions[2]
    bits, keys = lists.scores.view(np.int64), rounded.view(np.int64)
    parts, places = np.empty(most, np.int32), np.empty(most + 1, np.int32)
    for bucket in range(bounds.size - 1):
        start, size = bounds[bucket], bounds[bucket + 1] - bounds[bucket]
        if size == 0:
            continue
        for i in range(size):
            lists.scores[i] = floats[start + i, 0]
            lists.codes[i] = dealt[start + i, 1]
        round_part(lists.scores[:size], bits[:size], rounded[:size])
        for i in range(size):  # numba takes a second and a half over an assignment of slices
            lists.keys[i] = keys[i]
        _sort_bucket(size, lists, spare, parts, places)
        for i in range(size):
            source[start + i] = spare.codes[i] >> 32
            target[start + i] = spare.codes[i] & 0xFFFFFFFF
            score[start + i] = spare.scores[i]
