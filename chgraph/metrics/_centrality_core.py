"""Compiled centralities of single nodes and links.

Closeness by the bit-parallel search of :mod:`chgraph.metrics._bits_core`: distances are the same
both ways, so that a node can count the sources that reach it. Betweenness by Brandes' two
passes per source. Sources are split into a fixed number of parts, each with sums of its own:
results do not depend on the number of threads.
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
    """Per part and node: other nodes reached, sum of distances, sum of 1 / distance."""

    reached: np.ndarray
    far: np.ndarray
    near: np.ndarray


class Between(NamedTuple):
    """Per part: shares of shortest paths through nodes and along places of the lists.

    ``overflow`` says where the paths are too many for a float64.
    """

    nodes: np.ndarray
    links: np.ndarray
    overflow: np.ndarray


class Paths(NamedTuple):
    """Work space of one part: nodes in the order reached, and of each node its distance
    (-1 between sources), its number of shortest paths, and what rests on them.
    """

    order: np.ndarray
    distance: np.ndarray
    ways: np.ndarray
    share: np.ndarray


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


@kernel()
def _paths_of_part(part: Int, offsets: np.ndarray, neighbors: np.ndarray, between: Between) -> None:
    n_nodes = offsets.size - 1
    paths = Paths(
        np.empty(n_nodes, np.int64),
        np.full(n_nodes, -1, np.int64),
        np.zeros(n_nodes),
        np.zeros(n_nodes),
    )
    for source in range(part, n_nodes, between.nodes.shape[0]):
        n_reached = _count_paths(source, offsets, neighbors, paths)
        _share_paths(part, n_reached, offsets, neighbors, paths, between)


@leaf
def _count_paths(source: Int, offsets: np.ndarray, neighbors: np.ndarray, paths: Paths) -> Int:
    """Count the shortest paths from the source to every node; returns how many it reaches."""
    paths.order[0] = source
    paths.distance[source], paths.ways[source] = 0, 1.0
    head, tail = 0, 1
    while head < tail:
        u = paths.order[head]
        head += 1
        for i in range(offsets[u], offsets[u + 1]):
            v = neighbors[i]
            if paths.distance[v] < 0:
                paths.distance[v] = paths.distance[u] + 1
                paths.order[tail] = v
                tail += 1
            if paths.distance[v] == paths.distance[u] + 1:
                paths.ways[v] += paths.ways[u]
    return tail


@leaf
def _share_paths(
    part: Int,
    n_reached: Int,
    offsets: np.ndarray,
    neighbors: np.ndarray,
    paths: Paths,
    between: Between,
) -> None:
    """Hand every node's path, and what lies behind it, back to the nodes before it."""
    for head in range(n_reached - 1, 0, -1):
        v = paths.order[head]
        if paths.ways[v] == np.inf:
            between.overflow[part] = True
        per_path = (1.0 + paths.share[v]) / paths.ways[v]
        for i in range(offsets[v], offsets[v + 1]):
            u = neighbors[i]
            if paths.distance[u] == paths.distance[v] - 1:
                share = paths.ways[u] * per_path
                paths.share[u] += share
                between.links[part, i] += share
        between.nodes[part, v] += paths.share[v]
    for head in range(n_reached):
        v = paths.order[head]
        paths.distance[v], paths.ways[v], paths.share[v] = -1, 0.0, 0.0
