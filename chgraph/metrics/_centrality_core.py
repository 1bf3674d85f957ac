"""Compiled centralities of single nodes and links.

Closeness by the bit-parallel search of :mod:`chgraph.metrics._bits_core`: distances are the same
both ways, so that a node can count the sources that reach it. Betweenness by Brandes'
accumulation (J. Math. Sociol. 25:163, 2001), from one source after another: a search lists, for
each node that it meets, the links that lead one step farther. Going back through the list, what
ends at a node and behind it is known from the nodes one step farther: with s(u) the shortest paths
that lead to u, the share of the paths from u on that each of these s(u) carries is
c(u) = 1 / s(u) + sum of c(v) over the nodes v behind u. Sources are split into a fixed number of
parts, each with sums of its own: results do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chgraph.jit import Int, kernel, leaf
from chgraph.metrics._bits_core import (
    SOURCES,
    WORDS,
    Search,
    n_ones,
    new_search,
    settle_bits,
    spread_bits,
    start_search,
)
from chgraph.threads import run_workers

PARTS = 16


class Reach(NamedTuple):
    """Per part and node: other nodes reached, sum of distances, sum of 1 / distance, and the
    largest distance.
    """

    reached: np.ndarray
    far: np.ndarray
    near: np.ndarray
    farthest: np.ndarray


class Between(NamedTuple):
    """Per part: shortest paths through nodes (ends left out) and along places of the lists.

    A link has a path at the one of its two places in whose direction it is crossed. ``links``
    may be (parts, 0): they do not count.
    ``overflow`` says where the paths are too many for a float64.
    """

    nodes: np.ndarray
    links: np.ndarray
    overflow: np.ndarray


class Paths(NamedTuple):
    """The shortest paths from one source.

    ``order``: nodes as they are met; ``distance``: -1 between uses; ``ways``: how many
    shortest paths lead to a node; ``share``: c of the formula. The links that lead farther
    from ``order[i]`` stand at ``first[i]`` to ``first[i + 1]`` of ``places``, as places of the
    neighbor lists.
    """

    order: np.ndarray
    distance: np.ndarray
    ways: np.ndarray
    share: np.ndarray
    first: np.ndarray
    places: np.ndarray


def sum_distances(offsets: np.ndarray, neighbors: np.ndarray, n_workers: int, reach: Reach) -> None:
    """Add to the rows of `reach` what every node is to all others."""
    run_parts(
        len(reach.far),
        n_workers,
        lambda part: _distances_of_part(part, offsets, neighbors, reach),
    )


def sum_paths(offsets: np.ndarray, neighbors: np.ndarray, n_workers: int, between: Between) -> None:
    """Add to the rows of `between` the shortest paths of all ordered pairs of nodes."""
    run_parts(
        len(between.nodes),
        n_workers,
        lambda part: _paths_of_part(part, offsets, neighbors, between),
    )


def run_parts(n_parts: int, n_workers: int, body: Callable[[int], object]) -> None:
    """Call ``body(part)`` for every part, shared out to the workers."""

    def work(worker: int) -> None:
        for part in range(worker, n_parts, n_workers):
            body(part)

    run_workers(min(n_workers, n_parts), work)


@kernel()
def _distances_of_part(part: Int, offsets: np.ndarray, neighbors: np.ndarray, reach: Reach) -> None:
    n_nodes = offsets.size - 1
    search = new_search(n_nodes)
    for first in range(part * SOURCES, n_nodes, reach.far.shape[0] * SOURCES):
        n_sources = min(SOURCES, n_nodes - first)
        start_search(first, n_sources, n_nodes, search)
        n_active: Int = n_sources
        distance = 0
        while n_active > 0:
            n_touched = spread_bits(n_active, offsets, neighbors, search)
            n_active, _ = settle_bits(n_touched, n_sources, search)
            distance += 1
            _credit(part, n_active, distance, search, reach)


@leaf
def _credit(part: Int, n_active: Int, distance: Int, search: Search, reach: Reach) -> None:
    """Note of the nodes just reached by how many sources they were."""
    for i in range(n_active):
        v = search.active[i]
        ones = np.uint64(0)
        for w in range(WORDS):
            ones += n_ones(search.last[v, w])
        new = np.int64(ones)
        reach.reached[part, v] += new
        reach.far[part, v] += distance * new
        reach.near[part, v] += new / distance
        reach.farthest[part, v] = max(reach.farthest[part, v], distance)


@kernel()
def _paths_of_part(part: Int, offsets: np.ndarray, neighbors: np.ndarray, between: Between) -> None:
    n_nodes = offsets.size - 1
    paths = Paths(
        np.empty(n_nodes, np.int64),
        np.full(n_nodes, -1, np.int64),
        np.empty(n_nodes),
        np.empty(n_nodes),
        np.empty(n_nodes + 1, np.int64),
        np.empty(neighbors.size // 2 + 1, np.int64),
    )
    for source in range(part, n_nodes, between.nodes.shape[0]):
        n_met = _search(source, offsets, neighbors, paths)
        _accumulate(part, n_met, neighbors, paths, between)


@leaf
def _search(source: Int, offsets: np.ndarray, neighbors: np.ndarray, paths: Paths) -> Int:
    """List the shortest paths from a source and count them; returns the number of nodes met."""
    paths.order[0], paths.distance[source] = source, 0
    n_met, n_places, i = 1, 0, 0
    while i < n_met:
        u = paths.order[i]
        paths.first[i] = n_places
        farther = paths.distance[u] + 1
        for k in range(offsets[u], offsets[u + 1]):
            v = neighbors[k]
            if paths.distance[v] < 0:
                paths.distance[v], paths.ways[v] = farther, 0.0
                paths.order[n_met] = v
                n_met += 1
            paths.places[n_places] = k  # without a branch: overwritten if it does not lead on
            n_places += paths.distance[v] == farther
        i += 1
    paths.first[n_met] = n_places
    paths.ways[source] = 1.0
    for i in range(n_met):
        ways = paths.ways[paths.order[i]]
        for j in range(paths.first[i], paths.first[i + 1]):
            paths.ways[neighbors[paths.places[j]]] += ways
    return n_met


@leaf
def _accumulate(
    part: Int, n_met: Int, neighbors: np.ndarray, paths: Paths, between: Between
) -> None:
    """Go back through the paths; without places of links only nodes count."""
    for i in range(n_met - 1, -1, -1):
        u = paths.order[i]
        ways, behind = paths.ways[u], 0.0
        if ways == np.inf:
            between.overflow[part] = True
        for j in range(paths.first[i], paths.first[i + 1]):
            place = paths.places[j]
            share = paths.share[neighbors[place]]
            behind += share
            if between.links.size > 0:
                between.links[part, place] += ways * share
        paths.share[u] = 1.0 / ways + behind
        paths.distance[u] = -1
        if i > 0:
            between.nodes[part, u] += ways * behind
