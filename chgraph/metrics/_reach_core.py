"""Distances summed for each node, by the search of :mod:`chgraph.metrics._bits_core`.

In an undirected graph the sources that reach a node at distance d are the nodes that it
reaches at d: their number is that of the new bits of the node in step d, and every sum over
distances is known for each node without a search of its own.

The blocks of sources are dealt to a fixed number of lanes, whose sums are added in their
order: sums of fractions do not depend on the number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from chgraph.jit import Int, kernel, leaf
from chgraph.metrics._bits_core import SOURCES, WORDS, Search, _n_ones, _new_search, _spread, _start

LANES = 16


class Reach(NamedTuple):
    """Sums of each node, an array of one row per lane.

    ``reached``: other nodes reached; ``hops``: the sum of their distances;
    ``inverse``: the sum of 1 / distance; ``farthest``: the largest distance.
    """

    reached: np.ndarray
    hops: np.ndarray
    inverse: np.ndarray
    farthest: np.ndarray


@leaf
def _settle(n_touched: Int, n_sources: Int, distance: Int, search: Search, reach: Reach) -> Int:
    """Keep what is new of the bits handed on and count it; returns the new active nodes."""
    n_active = 0
    for i in range(n_touched):
        v = search.touched[i]
        new, total = np.uint64(0), np.uint64(0)
        for w in range(WORDS):
            bits = search.fresh[v, w] & ~search.seen[v, w]
            search.fresh[v, w] = 0
            search.last[v, w] = bits
            search.seen[v, w] |= bits
            new += _n_ones(bits)
            total += _n_ones(search.seen[v, w])
        search.marked[v] = False
        search.full[v] = total == np.uint64(n_sources)
        if new > 0:
            search.active[n_active] = v
            n_active += 1
            n_new = np.int64(new)
            reach.reached[v] += n_new
            reach.hops[v] += distance * n_new
            reach.inverse[v] += n_new / distance
            reach.farthest[v] = max(reach.farthest[v], distance)
    return n_active


@leaf
def _reach_from(
    first: Int,
    n_nodes: Int,
    offsets: np.ndarray,
    neighbors: np.ndarray,
    search: Search,
    reach: Reach,
) -> None:
    n_sources = min(SOURCES, n_nodes - first)
    _start(first, n_sources, n_nodes, search)
    n_active, distance = n_sources, 0
    while n_active > 0:
        n_touched = _spread(n_active, offsets, neighbors, search)
        distance += 1
        n_active = _settle(n_touched, n_sources, distance, search, reach)


@kernel()
def _reach_of_lane(
    lane: Int, n_lanes: Int, offsets: np.ndarray, neighbors: np.ndarray, reach: Reach
) -> None:
    n_nodes = offsets.size - 1
    if lane * SOURCES < n_nodes:
        search = _new_search(n_nodes)
        for first in range(lane * SOURCES, n_nodes, n_lanes * SOURCES):
            _reach_from(first, n_nodes, offsets, neighbors, search, reach)


@kernel(parallel=True)
def reaches(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    reached: np.ndarray,
    hops: np.ndarray,
    inverse: np.ndarray,
    farthest: np.ndarray,
) -> None:
    """Fill the rows (zeros, one per lane) of what :class:`Reach` names."""
    n_lanes = reached.shape[0]
    for lane in prange(n_lanes):
        lists = Reach(reached[lane], hops[lane], inverse[lane], farthest[lane])
        _reach_of_lane(lane, n_lanes, offsets, neighbors, lists)
