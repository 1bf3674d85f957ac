"""Graphs as plain Python: neighbor sets and 0/1 matrices."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Neighbors = list[set[int]]
Array = np.ndarray[Any, Any]


def neighbors_from_edges(n: int, edges: Iterable[Sequence[int]]) -> Neighbors:
    """Neighbor sets of the undirected graph with these links (definitions.md 1)."""
    neighbors: Neighbors = [set() for _ in range(n)]
    for u, v in edges:
        neighbors[int(u)].add(int(v))
        neighbors[int(v)].add(int(u))
    return neighbors


def bipartite_neighbors(biadjacency: Array) -> Neighbors:
    """Neighbor sets of the joined graph; right node j is n_left + j (definitions.md 1)."""
    n_left, n_right = biadjacency.shape
    links = [(i, n_left + j) for i in range(n_left) for j in range(n_right) if biadjacency[i, j]]
    return neighbors_from_edges(n_left + n_right, links)


def adjacency_matrix(neighbors: Neighbors) -> Array:
    """Dense 0/1 adjacency of the neighbor sets."""
    adjacency = np.zeros((len(neighbors), len(neighbors)))
    for u, around in enumerate(neighbors):
        for v in around:
            adjacency[u, v] = 1.0
    return adjacency


def links_of(neighbors: Neighbors) -> list[tuple[int, int]]:
    """Links (u, v), u < v, sorted."""
    return [(u, v) for u, around in enumerate(neighbors) for v in sorted(around) if u < v]


def all_pairs(neighbors: Neighbors) -> list[tuple[int, int]]:
    """All node pairs (u, v), u < v, row-major (definitions.md 1)."""
    return list(itertools.combinations(range(len(neighbors)), 2))
