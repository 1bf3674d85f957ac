"""Compiled scoring of bipartite L3 paths; :mod:`chgraph.linkpred.automata` is the way in."""

from __future__ import annotations

import numba
import numpy as np

from chgraph._jit import kernel


@kernel()
def _common_neighbors(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    other_offsets: np.ndarray,
    other_neighbors: np.ndarray,
    node: int,
    count: np.ndarray,
) -> None:
    """Count in ``count[x]`` the neighbours that `node` shares with every node x of its side."""
    count[:] = 0
    for i in range(offsets[node], offsets[node + 1]):
        z = neighbors[i]
        for j in range(other_offsets[z], other_offsets[z + 1]):
            count[other_neighbors[j]] += 1


@kernel()
def _ch3_l3_row(
    u: int,
    left_offsets: np.ndarray,
    left_neighbors: np.ndarray,
    right_offsets: np.ndarray,
    right_neighbors: np.ndarray,
    shared: np.ndarray,
    factor: np.ndarray,
    reached: np.ndarray,
    row: np.ndarray,
) -> None:
    """Fill ``row[v]`` with CH3-L3(u, v) of every right node v that is not linked to `u`.

    With q(z2) = (d(z2) - |N(z2) & N(u)|)^-1/2 a path u-z1-z2-v costs one addition: q is
    summed over the z2 of each (z1, v), and the sum times the factor of z1 goes to row[v].
    """
    _common_neighbors(left_offsets, left_neighbors, right_offsets, right_neighbors, u, shared)
    for z2 in range(shared.size):
        external = left_offsets[z2 + 1] - left_offsets[z2] - shared[z2]
        # external = 0: all neighbours of z2 are linked to u, no path through it counts.
        factor[z2] = 1.0 / np.sqrt(external) if external > 0 else 0.0
    factor[u] = 0.0
    row[:] = 0.0
    for i in range(left_offsets[u], left_offsets[u + 1]):
        z1 = left_neighbors[i]
        degree = right_offsets[z1 + 1] - right_offsets[z1]
        _add_paths_through(
            z1, degree, left_offsets, left_neighbors, right_offsets, right_neighbors,
            factor, reached, row,
        )  # fmt: skip
    for i in range(left_offsets[u], left_offsets[u + 1]):
        row[left_neighbors[i]] = 0.0


@kernel()
def _add_paths_through(
    z1: int,
    degree: int,
    left_offsets: np.ndarray,
    left_neighbors: np.ndarray,
    right_offsets: np.ndarray,
    right_neighbors: np.ndarray,
    factor: np.ndarray,
    reached: np.ndarray,
    row: np.ndarray,
) -> None:
    """Add to ``row[v]`` the paths whose first intermediate node is `z1`."""
    # reached[v] = (sum of q over the z2 linking z1 to v, |N(z1) & N(v)|)
    reached[:] = 0.0
    for j in range(right_offsets[z1], right_offsets[z1 + 1]):
        z2 = right_neighbors[j]
        q = factor[z2]
        for k in range(left_offsets[z2], left_offsets[z2 + 1]):
            v = left_neighbors[k]
            reached[v, 0] += q
            reached[v, 1] += 1.0
    for v in range(row.size):
        if reached[v, 0] > 0.0 and reached[v, 1] < degree:
            row[v] += reached[v, 0] / np.sqrt(degree - reached[v, 1])


@kernel(parallel=True)
def ch3_l3_block(
    start: int,
    n_workers: int,
    left_offsets: np.ndarray,
    left_neighbors: np.ndarray,
    right_offsets: np.ndarray,
    right_neighbors: np.ndarray,
    out: np.ndarray,
) -> None:
    """Score rows ``start .. start + out.shape[0]``; linked pairs get 0.

    Each worker takes every n-th row and owns its scratch; a row is written by one worker.
    """
    n_left, n_right = left_offsets.size - 1, right_offsets.size - 1
    for worker in numba.prange(n_workers):
        shared = np.empty(n_left, dtype=np.int64)
        factor = np.empty(n_left)
        reached = np.empty((n_right, 2))
        for i in range(worker, out.shape[0], n_workers):
            _ch3_l3_row(
                start + i, left_offsets, left_neighbors, right_offsets, right_neighbors,
                shared, factor, reached, out[i],
            )  # fmt: skip
