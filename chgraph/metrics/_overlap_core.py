"""Neighbors that two nodes share: of the ends of links, and of nodes of one side of a layer.

Two storeys and a split: ``common_neighbors`` and ``overlap_sums`` (over workers) ->
``_*_of_worker`` -> ``_overlaps_of`` (one node, one thread, no shared writes).
"""

from __future__ import annotations

import numpy as np

from chgraph.jit import Int, kernel, leaf
from chgraph.metrics._bits_core import HUB
from chgraph.threads import run_workers

DOT, MIN, MAX, NESTED = range(4)  # columns of the sums


@leaf
def _overlaps_of(
    u: Int,
    offsets: np.ndarray,
    neighbors: np.ndarray,
    back_offsets: np.ndarray,
    back_neighbors: np.ndarray,
    shared: np.ndarray,
    reached: np.ndarray,
    sums: np.ndarray,
) -> Int:
    """Fill the sums of one node; returns the 4-cycles through it and later nodes.

    ``shared`` rests as zeros.
    """
    n_reached = 0
    for i in range(offsets[u], offsets[u + 1]):
        y = neighbors[i]
        for j in range(back_offsets[y], back_offsets[y + 1]):
            v = back_neighbors[j]
            if shared[v] == 0:
                reached[n_reached] = v
                n_reached += 1
            shared[v] += 1
    degree, cycles = offsets[u + 1] - offsets[u], 0
    for r in range(n_reached):
        v = reached[r]
        common, shared[v] = shared[v], 0
        if v == u:
            continue
        other = offsets[v + 1] - offsets[v]
        small, large = min(degree, other), max(degree, other)
        sums[DOT] += common / (degree + other - common)
        sums[MIN] += common / small
        sums[MAX] += common / large
        if v > u:
            cycles += common * (common - 1) // 2
            if small < large:
                sums[NESTED] += 100.0 * common / small
    if n_reached > 1:
        for mode in (DOT, MIN, MAX):
            sums[mode] /= n_reached - 1
    return cycles


@kernel()
def _overlaps_of_worker(
    worker: Int,
    n_workers: Int,
    offsets: np.ndarray,
    neighbors: np.ndarray,
    back_offsets: np.ndarray,
    back_neighbors: np.ndarray,
    sums: np.ndarray,
    cycles: np.ndarray,
) -> None:
    n_nodes = offsets.size - 1
    shared, reached = np.zeros(n_nodes, np.int64), np.empty(n_nodes, np.int64)
    for u in range(worker, n_nodes, n_workers):
        cycles[u] = _overlaps_of(
            u, offsets, neighbors, back_offsets, back_neighbors, shared, reached, sums[u]
        )


def overlap_sums(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    back_offsets: np.ndarray,
    back_neighbors: np.ndarray,
    n_workers: Int,
    sums: np.ndarray,
    cycles: np.ndarray,
) -> None:
    """Compare every node of a side with the others that share a neighbor with it.

    ``sums[u]`` (zeros, 4 columns): the means over these others v of |N(u) & N(v)| over the
    union, the smaller and the larger neighborhood; and, over the v > u of another degree,
    the sum of the shared percentage of the smaller neighborhood. ``cycles[u]``: pairs of
    shared neighbors, over the v > u.
    """
    lists = offsets, neighbors, back_offsets, back_neighbors
    run_workers(
        n_workers, lambda worker: _overlaps_of_worker(worker, n_workers, *lists, sums, cycles)
    )


@leaf
def _n_common(u: Int, v: Int, offsets: np.ndarray, neighbors: np.ndarray, near: np.ndarray) -> Int:
    """Count the neighbors of v that are near u; for a hub v those of u that are linked to it."""
    common = 0
    of_v = neighbors[offsets[v] : offsets[v + 1]]
    if of_v.size > HUB * (offsets[u + 1] - offsets[u]):
        for i in range(offsets[u], offsets[u + 1]):
            place = np.searchsorted(of_v, neighbors[i])
            common += place < of_v.size and of_v[place] == neighbors[i]
    else:
        for i in range(offsets[v], offsets[v + 1]):
            common += near[neighbors[i]]
    return common


@kernel()
def _common_of_worker(
    worker: Int, n_workers: Int, offsets: np.ndarray, neighbors: np.ndarray, out: np.ndarray
) -> None:
    n_nodes = offsets.size - 1
    near = np.zeros(n_nodes, np.bool_)
    for u in range(worker, n_nodes, n_workers):
        for k in range(offsets[u], offsets[u + 1]):
            near[neighbors[k]] = True
        for k in range(offsets[u], offsets[u + 1]):
            out[k] = _n_common(u, neighbors[k], offsets, neighbors, near)
        for k in range(offsets[u], offsets[u + 1]):
            near[neighbors[k]] = False


def common_neighbors(
    offsets: np.ndarray, neighbors: np.ndarray, n_workers: Int, out: np.ndarray
) -> None:
    """Fill ``out[k]`` with the common neighbors of the two ends of each place of the list."""
    run_workers(
        n_workers, lambda worker: _common_of_worker(worker, n_workers, offsets, neighbors, out)
    )
