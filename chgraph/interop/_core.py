"""Kernels of the backend: searches in networkx's order, pairs of nodes, squares.

One thread each: around them Python makes the objects that networkx returns, which takes
longer. ``offsets`` and ``neighbors`` are compressed neighbor lists.
"""

from __future__ import annotations

import numpy as np

from chgraph.jit import Int, kernel, leaf

HUB = 16  # times as many links as the other node: its list is searched, not read


@kernel()
def search(
    source: Int,
    offsets: np.ndarray,
    neighbors: np.ndarray,
    cutoff: float,
    order: np.ndarray,
    distance: np.ndarray,
) -> Int:
    """List the nodes within `cutoff` steps of a source; returns how many.

    ``order`` takes them as they are met, the neighbors of each in the order of its list;
    ``distance``, which must rest as -1, their distances.
    """
    order[0], distance[source] = source, 0
    n_met, i = 1, 0
    while i < n_met and distance[order[i]] < cutoff:
        u = order[i]
        for k in range(offsets[u], offsets[u + 1]):
            v = neighbors[k]
            if distance[v] < 0:
                distance[v] = distance[u] + 1
                order[n_met] = v
                n_met += 1
        i += 1
    return n_met


@kernel()
def is_two_sided(offsets: np.ndarray, neighbors: np.ndarray) -> bool:
    """Whether no cycle is odd: no link joins two nodes at the same parity of steps."""
    n_nodes = offsets.size - 1
    order, distance = np.empty(n_nodes, np.int64), np.full(n_nodes, -1, np.int64)
    for source in range(n_nodes):
        if distance[source] < 0:
            search(source, offsets, neighbors, np.inf, order, distance)
    for u in range(n_nodes):
        for k in range(offsets[u], offsets[u + 1]):
            if (distance[u] - distance[neighbors[k]]) % 2 == 0:
                return False
    return True


@leaf
def _searched(few: np.ndarray, many: np.ndarray, weight: np.ndarray) -> float:
    total = 0.0
    for w in few:
        place = np.searchsorted(many, w)
        if place < many.size and many[place] == w:
            total += weight[w]
    return total


@leaf
def _merged(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> float:
    total, i, j = 0.0, 0, 0
    while i < first.size and j < second.size:
        if first[i] < second[j]:
            i += 1
        elif first[i] > second[j]:
            j += 1
        else:
            total += weight[first[i]]
            i += 1
            j += 1
    return total


@kernel()
def shared_weights(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    weight: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill ``out`` with the summed weight of the common neighbors of each pair of nodes."""
    for i in range(first.size):
        u, v = first[i], second[i]
        of_u = neighbors[offsets[u] : offsets[u + 1]]
        of_v = neighbors[offsets[v] : offsets[v + 1]]
        if of_u.size > of_v.size:
            of_u, of_v = of_v, of_u
        if of_v.size > HUB * of_u.size:
            out[i] = _searched(of_u, of_v, weight)
        else:
            out[i] = _merged(of_u, of_v, weight)


@kernel()
def shared_pairs(offsets: np.ndarray, neighbors: np.ndarray, out: np.ndarray) -> None:
    """Fill ``out[u]`` with the pairs of neighbors that u shares with another node: squares."""
    n_nodes = offsets.size - 1
    shared, met = np.zeros(n_nodes, np.int64), np.empty(n_nodes, np.int64)
    for u in range(n_nodes):
        n_met, total = 0, 0
        for i in range(offsets[u], offsets[u + 1]):
            y = neighbors[i]
            for j in range(offsets[y], offsets[y + 1]):
                v = neighbors[j]
                if v != u:
                    if shared[v] == 0:
                        met[n_met] = v
                        n_met += 1
                    total += shared[v]
                    shared[v] += 1
        for i in range(n_met):
            shared[met[i]] = 0
        out[u] = total


@kernel()
def triangles_of_nodes(
    offsets: np.ndarray, neighbors: np.ndarray, rank: np.ndarray, out: np.ndarray
) -> None:
    """Add to ``out`` (zeros) the triangles through each node.

    Each is met once, from its node of lowest rank. With ranks by degree few nodes have many
    neighbors of higher rank, and hubs have none to speak of.
    """
    n_nodes = offsets.size - 1
    starts, above = np.zeros(n_nodes + 1, np.int64), np.empty(neighbors.size // 2, np.int64)
    n_above = 0
    for u in range(n_nodes):
        for k in range(offsets[u], offsets[u + 1]):
            if rank[neighbors[k]] > rank[u]:
                above[n_above] = neighbors[k]
                n_above += 1
        starts[u + 1] = n_above
    near = np.zeros(n_nodes, np.bool_)
    for u in range(n_nodes):
        for i in range(starts[u], starts[u + 1]):
            near[above[i]] = True
        for i in range(starts[u], starts[u + 1]):
            v, n_third = above[i], 0
            for j in range(starts[v], starts[v + 1]):
                if near[above[j]]:
                    out[above[j]] += 1
                    n_third += 1
            out[v] += n_third
            out[u] += n_third
        for i in range(starts[u], starts[u + 1]):
            near[above[i]] = False
