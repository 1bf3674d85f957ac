"""Betweenness of each node and link: Brandes' accumulation, from one source after another.

A search lists, for each node that it meets, the links that lead one step farther. Going back
through the list, what ends at a node and behind it is known from the nodes one step farther:
with s(u) the shortest paths that lead to u, the share of the paths from u on that each of
these s(u) carries is c(u) = 1 / s(u) + sum of c(v) over the nodes v behind u.

Sources are dealt to a fixed number of lanes, whose sums are added in their order: results do
not depend on the number of threads.

Brandes, J. Math. Sociol. 25:163, 2001.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import prange

from chgraph.jit import Int, kernel, leaf

LANES = 16


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
    n_met: Int, neighbors: np.ndarray, paths: Paths, of_nodes: np.ndarray, of_places: np.ndarray
) -> None:
    """Go back through the paths; ``of_places`` may be empty: links do not count."""
    for i in range(n_met - 1, -1, -1):
        u = paths.order[i]
        ways, behind = paths.ways[u], 0.0
        for j in range(paths.first[i], paths.first[i + 1]):
            place = paths.places[j]
            share = paths.share[neighbors[place]]
            behind += share
            if of_places.size > 0:
                of_places[place] += ways * share
        paths.share[u] = 1.0 / ways + behind
        paths.distance[u] = -1
        if i > 0:
            of_nodes[u] += ways * behind


@kernel()
def _betweenness_of_lane(
    lane: Int,
    n_lanes: Int,
    offsets: np.ndarray,
    neighbors: np.ndarray,
    of_nodes: np.ndarray,
    of_places: np.ndarray,
) -> None:
    n_nodes = offsets.size - 1
    if lane < n_nodes:
        paths = Paths(
            np.empty(n_nodes, np.int64),
            np.full(n_nodes, -1, np.int64),
            np.empty(n_nodes),
            np.empty(n_nodes),
            np.empty(n_nodes + 1, np.int64),
            np.empty(neighbors.size // 2 + 1, np.int64),
        )
        for source in range(lane, n_nodes, n_lanes):
            n_met = _search(source, offsets, neighbors, paths)
            _accumulate(n_met, neighbors, paths, of_nodes, of_places)


@kernel(parallel=True)
def betweenness(
    offsets: np.ndarray, neighbors: np.ndarray, of_nodes: np.ndarray, of_places: np.ndarray
) -> None:
    """Add to the rows, one per lane, the paths of all ordered pairs through nodes and links.

    ``of_nodes`` (lanes, n_nodes) leaves the ends of paths out; ``of_places`` (lanes, places of
    the neighbor lists) has a path at one of the two places of each link that it crosses, and
    may be (lanes, 0).
    """
    n_lanes = of_nodes.shape[0]
    for lane in prange(n_lanes):
        _betweenness_of_lane(lane, n_lanes, offsets, neighbors, of_nodes[lane], of_places[lane])
