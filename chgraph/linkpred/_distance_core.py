"""Distances from a node to all others, as ranks: Dijkstra's algorithm, which meets them sorted.

Storeys: ``distance_ranks`` (split over workers) -> ``_ranks_of_worker`` -> ``_settle`` and
``_write_ranks`` (one source, one thread, no shared writes).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chgraph._rounding import significant
from chgraph.jit import Int, inlined, kernel, leaf
from chgraph.threads import run_workers


class Lengths(NamedTuple):
    """Neighbor lists (int64 offsets, uint32 neighbors) with the positive length of each link."""

    offsets: np.ndarray
    neighbors: np.ndarray
    lengths: np.ndarray


class Scratch(NamedTuple):
    """Working arrays of one worker: a heap that may hold a node once per link, and distances.

    ``order`` lists the settled nodes by rising distance.
    """

    distance: np.ndarray
    order: np.ndarray
    heap_distance: np.ndarray
    heap_node: np.ndarray


@inlined
def _push(size: Int, distance: float, node: Int, scratch: Scratch) -> None:
    """Add a node to a heap of `size` entries, each with four below it."""
    i = size
    while i > 0:
        parent = (i - 1) >> 2
        if scratch.heap_distance[parent] <= distance:
            break
        scratch.heap_distance[i] = scratch.heap_distance[parent]
        scratch.heap_node[i] = scratch.heap_node[parent]
        i = parent
    scratch.heap_distance[i] = distance
    scratch.heap_node[i] = node


@inlined
def _drop_first(size: Int, scratch: Scratch) -> None:
    """Take the nearest entry off a heap of `size` + 1 entries."""
    distance, node = scratch.heap_distance[size], scratch.heap_node[size]
    i = 0
    while True:
        least = 4 * i + 1
        if least >= size:
            break
        nearest = scratch.heap_distance[least]
        for child in range(least + 1, min(4 * i + 5, size)):
            if scratch.heap_distance[child] < nearest:
                nearest, least = scratch.heap_distance[child], child
        if nearest >= distance:
            break
        scratch.heap_distance[i] = nearest
        scratch.heap_node[i] = scratch.heap_node[least]
        i = least
    scratch.heap_distance[i] = distance
    scratch.heap_node[i] = node


@leaf
def _settle(source: Int, net: Lengths, scratch: Scratch) -> int:
    """Find the distance of every node from the source; returns how many are reached."""
    distance = scratch.distance
    distance[:] = np.inf
    distance[source] = 0.0
    scratch.heap_distance[0], scratch.heap_node[0] = 0.0, source
    size, settled = 1, 0
    while size > 0:
        near, u = scratch.heap_distance[0], scratch.heap_node[0]
        size -= 1
        _drop_first(size, scratch)
        if near > distance[u]:
            continue
        scratch.order[settled] = u
        settled += 1
        for k in range(net.offsets[u], net.offsets[u + 1]):
            v = net.neighbors[k]
            far = near + net.lengths[k]
            if far < distance[v]:
                distance[v] = far
                _push(size, far, v, scratch)
                size += 1
    return settled


@inlined
def _differ(small: float, large: float) -> bool:
    """Whether two distances, small <= large, differ at 12 significant digits."""
    if large == small:
        return False
    return large > small * (1.0 + 2e-11) or significant(large) != significant(small)


@leaf
def _write_ranks(settled: Int, scratch: Scratch, ranks: np.ndarray) -> None:
    """Write twice the average rank of each node's distance, less the mean n + 1 of that.

    The nodes out of reach are all infinitely far: they tie behind the others.
    """
    n = ranks.size
    start = 0
    for stop in range(1, settled + 1):
        if stop < settled and not _differ(
            scratch.distance[scratch.order[stop - 1]], scratch.distance[scratch.order[stop]]
        ):
            continue
        for i in range(start, stop):
            ranks[scratch.order[i]] = start + stop - n
        start = stop
    if settled < n:
        for v in range(n):
            if scratch.distance[v] == np.inf:
                ranks[v] = settled


@kernel()
def _ranks_of_worker(
    worker: Int, n_workers: Int, sources: np.ndarray, net: Lengths, out: np.ndarray
) -> None:
    n, room = net.offsets.size - 1, net.neighbors.size + 1
    scratch = Scratch(
        np.empty(n, np.float64),
        np.empty(n, np.int64),
        np.empty(room, np.float64),
        np.empty(room, np.uint32),
    )
    for i in range(worker, sources.size, n_workers):
        _write_ranks(_settle(sources[i], net, scratch), scratch, out[i])


def distance_ranks(sources: np.ndarray, net: Lengths, n_workers: Int, out: np.ndarray) -> None:
    """Fill ``out[i, v]`` with the centered doubled rank of v's distance from ``sources[i]``.

    With r the average rank, 1 to n, of the distance among all n nodes (that of the source
    itself, 0, included; equal at 12 significant digits tie): 2 r - (n + 1), an integer
    whose mean over v is 0.
    """
    run_workers(n_workers, lambda worker: _ranks_of_worker(worker, n_workers, sources, net, out))
