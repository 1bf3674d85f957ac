"""Whether lists of neighbors that come from a file can be trusted: compiled, in one pass each.

That both directions of the links, or two numberings of the nodes, hold the same links is told by
a sum over the links of a mixed number each, which does not depend on their order: one pass over
the lists instead of a search for every link. Different lists have equal sums by a chance of 2^-64.
"""

from __future__ import annotations

import numpy as np

from chgraph.jit import Int, inlined, kernel


@inlined
def _mixed(row: Int, column: Int, salt: np.uint64) -> np.uint64:
    """Return a number of 64 bits that looks random (the steps of SplitMix64)."""
    x = ((np.uint64(row) << np.uint64(32)) | np.uint64(column)) + salt
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel()
def first_fault(offsets: np.ndarray, neighbors: np.ndarray, n_columns: Int) -> Int:
    """Return the first row that is not strictly ascending or leaves [0, n_columns); -1 if none."""
    for row in range(offsets.size - 1):
        before = np.int64(-1)
        for i in range(offsets[row], offsets[row + 1]):
            column = np.int64(neighbors[i])
            if column <= before or column >= n_columns:
                return row
            before = column
    return -1


@kernel()
def digest_of_links(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    row_labels: np.ndarray,
    column_labels: np.ndarray,
    swapped: bool,
    salt: np.uint64,
) -> np.uint64:
    """Return the sum over the links; nodes go by their labels, or by number where there are none.

    Only of lists that :func:`first_fault` finds nothing in.
    """
    total = np.uint64(0)
    for r in range(offsets.size - 1):
        row = row_labels[r] if row_labels.size else np.int64(r)
        for i in range(offsets[r], offsets[r + 1]):
            c = np.int64(neighbors[i])
            column = column_labels[c] if column_labels.size else c
            if swapped:
                total += _mixed(column, row, salt)
            else:
                total += _mixed(row, column, salt)
    return total


@kernel()
def number_links(columns: np.ndarray, next_slots: np.ndarray, out: np.ndarray) -> None:
    """Write the numbers of links that come in order of their right node.

    ``next_slots[u]`` is the number of the next link of left node u, and moves on.
    """
    for i in range(columns.size):
        u = columns[i]
        out[i] = next_slots[u]
        next_slots[u] += 1


@kernel()
def first_wrong_link(columns: np.ndarray, next_slots: np.ndarray, links: np.ndarray) -> Int:
    """Return the first place at which ``links`` is not what :func:`number_links` writes, or -1."""
    for i in range(columns.size):
        u = columns[i]
        if links[i] != next_slots[u]:
            return i
        next_slots[u] += 1
    return -1


@kernel()
def has_loop(offsets: np.ndarray, neighbors: np.ndarray) -> bool:
    """Whether a node is its own neighbor."""
    for row in range(offsets.size - 1):
        for i in range(offsets[row], offsets[row + 1]):
            if neighbors[i] == row:
                return True
    return False
