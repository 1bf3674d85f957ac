"""Lists of spikes from a row-major array: which inputs fire in each line, and the reverse.

With them a *dense* product with a binary input is a sum of the weight rows that fire: ``rate``
times the work of a matrix product, in one stream each. ``links.product`` does the sums, with
weights of one.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from chgraph.jit import Int, kernel


@kernel(parallel=True)
def count_line_spikes(
    x: np.ndarray, lines: Int, features: Int, counts: np.ndarray, ok: np.ndarray
) -> None:
    """Count the spikes of every line of ``x[line, feature]``; ``ok`` where all are 0 or 1."""
    for line in prange(lines):
        row = x[line * features : (line + 1) * features]
        n, other = np.int32(0), np.int32(0)
        for i in range(features):
            n += np.int32(row[i] != 0)
            other += np.int32((row[i] != 0) & (row[i] != 1))
        counts[line] = n
        ok[line] = other == 0


@kernel(parallel=True)
def list_line_spikes(
    x: np.ndarray, lines: Int, features: Int, offsets: np.ndarray, events: np.ndarray
) -> None:
    """List the features that spike in every line, rising; ``events`` has one spare place."""
    for line in prange(lines):
        row = x[line * features : (line + 1) * features]
        place, last = offsets[line], offsets[line + 1]
        for i in range(features):
            if place == last:
                break
            events[place] = i  # without a branch on the spike, which nobody can predict
            place += row[i] != 0


@kernel()
def turn_events(
    offsets: np.ndarray, events: np.ndarray, features: Int
) -> tuple[np.ndarray, np.ndarray]:
    """List the lines in which every feature spikes (a counting sort, so in rising order)."""
    turned_offsets = np.zeros(features + 1, np.int64)
    for e in events:
        turned_offsets[e + 1] += 1
    for i in range(features):
        turned_offsets[i + 1] += turned_offsets[i]
    place = turned_offsets[:-1].copy()
    turned = np.empty(events.size, np.int32)
    for line in range(offsets.size - 1):
        for p in range(offsets[line], offsets[line + 1]):
            i = events[p]
            turned[place[i]] = line
            place[i] += 1
    return turned_offsets, turned
