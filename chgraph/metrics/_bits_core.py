"""Counts by bits: breadth-first search from 512 nodes at a time, and links among neighbors.

Bit `s` of the 512 of a node stands for source `s`. One step of the search hands the bits of
the nodes reached last to all their neighbors, so that a link costs one operation on a cache
line for 512 sources, and the nodes at each distance are counted, never listed. Only nodes
whose bits changed take part: at large diameters it is no more work than 512 separate searches.

The network among the neighbors of a node `u`, its *ego network*, is listed with neighbors
numbered by their place among those of u that have a link to another one of them.

Three storeys: the functions with ``n_workers`` (split over workers) -> ``_*_of_worker`` ->
``_*_from``, ``_open_ego``, ``_links_within`` (one thread, no shared writes). What is summed
over workers is an integer: results do not depend on their number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chgraph.jit import Int, inlined, kernel, leaf
from chgraph.threads import run_workers

WORDS = 8
SOURCES = 64 * WORDS
HUB = 16  # times as many links as the other node: its list is searched, not read


class Search(NamedTuple):
    """Rows of one worker. ``fresh`` rests as zeros; ``active`` and ``touched`` list nodes.

    ``seen[v]``, ``last[v]``, ``fresh[v]``: the sources that have reached v, that reached it
    in the last step, and that reach it in this one. ``full[v]``: all of them have.
    """

    seen: np.ndarray
    last: np.ndarray
    fresh: np.ndarray
    full: np.ndarray
    active: np.ndarray
    touched: np.ndarray
    marked: np.ndarray


@kernel()
def new_search(n_nodes: Int) -> Search:
    return Search(
        np.zeros((n_nodes, WORDS), np.uint64),
        np.zeros((n_nodes, WORDS), np.uint64),
        np.zeros((n_nodes, WORDS), np.uint64),
        np.zeros(n_nodes, np.bool_),
        np.empty(n_nodes, np.int64),
        np.empty(n_nodes, np.int64),
        np.zeros(n_nodes, np.bool_),
    )


@inlined
def n_ones(word: np.uint64) -> np.uint64:
    """Number of ones of 64 bits (compilers know this idiom)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@leaf
def start_search(first: Int, n_sources: Int, n_nodes: Int, search: Search) -> None:
    """Make the nodes first, first + 1, ... the sources 0, 1, ... of a search."""
    search.seen[:n_nodes] = 0
    search.full[:n_nodes] = False
    for s in range(n_sources):
        v = first + s
        search.last[v] = 0
        bit = np.uint64(1) << np.uint64(s & 63)
        search.last[v, s >> 6] = search.seen[v, s >> 6] = bit
        search.active[s] = v


@leaf
def spread_bits(n_active: Int, offsets: np.ndarray, neighbors: np.ndarray, search: Search) -> Int:
    """Hand the bits of the active nodes to their neighbors; returns how many are touched."""
    n_touched = 0
    for i in range(n_active):
        u = search.active[i]
        for k in range(offsets[u], offsets[u + 1]):
            v = neighbors[k]
            if search.full[v]:
                continue
            if not search.marked[v]:
                search.marked[v] = True
                search.touched[n_touched] = v
                n_touched += 1
            for w in range(WORDS):
                search.fresh[v, w] |= search.last[u, w]
    return n_touched


@leaf
def settle_bits(n_touched: Int, n_sources: Int, search: Search) -> tuple[Int, Int]:
    """Keep what is new of the bits handed on; returns the new active nodes and new bits."""
    n_active, n_new = 0, np.uint64(0)
    for i in range(n_touched):
        v = search.touched[i]
        new, total = np.uint64(0), np.uint64(0)
        for w in range(WORDS):
            bits = search.fresh[v, w] & ~search.seen[v, w]
            search.fresh[v, w] = 0
            search.last[v, w] = bits
            search.seen[v, w] |= bits
            new += n_ones(bits)
            total += n_ones(search.seen[v, w])
        search.marked[v] = False
        search.full[v] = total == np.uint64(n_sources)
        if new > 0:
            search.active[n_active] = v
            n_active += 1
            n_new += new
    return n_active, np.int64(n_new)


@leaf
def _hops_from(
    first: Int,
    n_nodes: Int,
    offsets: np.ndarray,
    neighbors: np.ndarray,
    search: Search,
    counts: np.ndarray,
) -> None:
    """Add to ``counts[d]`` the nodes at distance d from each of the 512 nodes from `first`."""
    n_sources = min(SOURCES, n_nodes - first)
    start_search(first, n_sources, n_nodes, search)
    n_active, distance = n_sources, 0
    counts[0] += n_sources
    while n_active > 0:
        n_touched = spread_bits(n_active, offsets, neighbors, search)
        n_active, n_new = settle_bits(n_touched, n_sources, search)
        distance += 1
        if n_new > 0:
            counts[distance] += n_new


@kernel()
def _hops_of_worker(
    worker: Int, n_workers: Int, offsets: np.ndarray, neighbors: np.ndarray, counts: np.ndarray
) -> None:
    n_nodes = offsets.size - 1
    search = new_search(n_nodes)
    for first in range(worker * SOURCES, n_nodes, n_workers * SOURCES):
        _hops_from(first, n_nodes, offsets, neighbors, search, counts)


def hop_counts(
    offsets: np.ndarray, neighbors: np.ndarray, n_workers: Int, counts: np.ndarray
) -> None:
    """Add to the rows of ``counts`` (n_workers, n_nodes) the ordered pairs at each distance."""
    run_workers(
        n_workers,
        lambda worker: _hops_of_worker(worker, n_workers, offsets, neighbors, counts[worker]),
    )


# ------------------------------------------------------------------------- ego networks


class Ego(NamedTuple):
    """The ego network of one node: lists of neighbors, and ``place``, -1 between uses."""

    offsets: np.ndarray
    neighbors: np.ndarray
    place: np.ndarray


@kernel()
def _new_ego(n_nodes: Int, most_nodes: Int, most_slots: Int) -> Ego:
    return Ego(
        np.empty(most_nodes + 1, np.int64),
        np.empty(most_slots, np.int64),
        np.full(n_nodes, -1, np.int64),
    )


@leaf
def _list_neighbors(
    u: Int, v: Int, n_slots: Int, offsets: np.ndarray, neighbors: np.ndarray, ego: Ego
) -> Int:
    """List the neighbors of v in the ego network of u behind `n_slots`; returns the new end."""
    of_v = neighbors[offsets[v] : offsets[v + 1]]
    if of_v.size > HUB * (offsets[u + 1] - offsets[u]):
        for i in range(offsets[u], offsets[u + 1]):
            w = neighbors[i]
            k = np.searchsorted(of_v, w)
            if k < of_v.size and of_v[k] == w:
                ego.neighbors[n_slots] = ego.place[w]
                n_slots += 1
        return n_slots
    for w in of_v:
        if ego.place[w] >= 0:
            ego.neighbors[n_slots] = ego.place[w]
            n_slots += 1
    return n_slots


@leaf
def _open_ego(
    u: Int, offsets: np.ndarray, neighbors: np.ndarray, common: np.ndarray, ego: Ego
) -> Int:
    """List the ego network of u; returns its number of nodes."""
    n_nodes: Int = 0
    n_slots: Int = 0
    for k in range(offsets[u], offsets[u + 1]):
        if common[k] > 0:
            ego.place[neighbors[k]] = n_nodes
            n_nodes += 1
    ego.offsets[0] = 0
    n_listed = 0
    for k in range(offsets[u], offsets[u + 1]):
        if common[k] > 0:
            n_slots = _list_neighbors(u, neighbors[k], n_slots, offsets, neighbors, ego)
            n_listed += 1
            ego.offsets[n_listed] = n_slots
    for k in range(offsets[u], offsets[u + 1]):
        ego.place[neighbors[k]] = -1
    return n_nodes


@leaf
def _efficiency_within(n_nodes: Int, ego: Ego, search: Search, counts: np.ndarray) -> float:
    """Return the sum of 1 / distance over the ordered pairs of the ego network."""
    for first in range(0, n_nodes, SOURCES):
        _hops_from(first, n_nodes, ego.offsets, ego.neighbors, search, counts)
    total = 0.0
    for distance in range(1, n_nodes):
        if counts[distance] == 0:
            break
        total += counts[distance] / distance
        counts[distance] = 0
    counts[0] = 0
    return total


@kernel()
def _efficiency_of_worker(
    worker: Int,
    n_workers: Int,
    offsets: np.ndarray,
    neighbors: np.ndarray,
    common: np.ndarray,
    most: tuple[Int, Int],
    out: np.ndarray,
) -> None:
    n_nodes = offsets.size - 1
    ego, search = _new_ego(n_nodes, most[0], most[1]), new_search(most[0])
    counts = np.zeros(most[0] + 1, np.int64)
    for u in range(worker, n_nodes, n_workers):
        n_listed = _open_ego(u, offsets, neighbors, common, ego)
        if n_listed > 0:
            degree = offsets[u + 1] - offsets[u]
            total = _efficiency_within(n_listed, ego, search, counts)
            out[u] = total / (degree * (degree - 1.0))


def ego_efficiencies(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    common: np.ndarray,
    most: tuple[Int, Int],
    n_workers: Int,
    out: np.ndarray,
) -> None:
    """Fill ``out[u]`` (zeros) with the global efficiency of the ego network of each node.

    ``common`` as :func:`_overlap_core.common_neighbors` fills it; ``most`` is the largest
    number of nodes with a link in an ego network, and of places in its lists.
    """
    run_workers(
        n_workers,
        lambda worker: _efficiency_of_worker(
            worker, n_workers, offsets, neighbors, common, most, out
        ),
    )


@inlined
def _owns(u: Int, v: Int, offsets: np.ndarray) -> bool:
    """Whether the link u - v is counted from u: the end with fewer links, then the first."""
    of_u, of_v = offsets[u + 1] - offsets[u], offsets[v + 1] - offsets[v]
    return bool(of_u < of_v or (of_u == of_v and u < v))


@leaf
def _fill_bits(first: Int, n_nodes: Int, ego: Ego, bits: np.ndarray) -> None:
    """Set bit `s` of row `z` where z has a link to node ``first + s`` of the ego network."""
    bits[:n_nodes] = 0
    for z in range(n_nodes):
        for i in range(ego.offsets[z], ego.offsets[z + 1]):
            s = ego.neighbors[i] - first
            if s >= 0 and s < SOURCES:
                bits[z, s >> 6] |= np.uint64(1) << np.uint64(s & 63)


@leaf
def _links_within(place: Int, ego: Ego, bits: np.ndarray) -> np.uint64:
    """Count, twice each, links of this block among the neighbors of a node in the ego network."""
    total = np.uint64(0)
    for i in range(ego.offsets[place], ego.offsets[place + 1]):
        z = ego.neighbors[i]
        for w in range(WORDS):
            total += n_ones(bits[z, w] & bits[place, w])
    return total


@kernel()
def _local_links_of_worker(
    worker: Int,
    n_workers: Int,
    offsets: np.ndarray,
    neighbors: np.ndarray,
    common: np.ndarray,
    most: tuple[Int, Int],
    out: np.ndarray,
) -> None:
    n_nodes = offsets.size - 1
    ego, bits = _new_ego(n_nodes, most[0], most[1]), np.empty((most[0], WORDS), np.uint64)
    for u in range(worker, n_nodes, n_workers):
        n_listed = _open_ego(u, offsets, neighbors, common, ego)
        for first in range(0, n_listed, SOURCES):
            _fill_bits(first, n_listed, ego, bits)
            place = -1
            for k in range(offsets[u], offsets[u + 1]):
                place += common[k] > 0
                if common[k] > 1 and _owns(u, neighbors[k], offsets):
                    out[k] += np.int64(_links_within(place, ego, bits))


def local_links(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    common: np.ndarray,
    most: tuple[Int, Int],
    n_workers: Int,
    out: np.ndarray,
) -> None:
    """Fill ``out[k]`` (zeros) with twice the links among the common neighbors of a link.

    At one of the two places of each link only, that of the end that :func:`_owns` it.
    """
    run_workers(
        n_workers,
        lambda worker: _local_links_of_worker(
            worker, n_workers, offsets, neighbors, common, most, out
        ),
    )
