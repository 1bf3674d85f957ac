"""Graphs as plain Python: neighbour sets and 0/1 matrices."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Neighbours = list[set[int]]
Array = np.ndarray[Any, Any]


def neighbours_from_edges(n: int, edges: Iterable[Sequence[int]]) -> Neighbours:
    """Neighbour sets of the undirected graph with these links (definitions.md 1)."""
    neighbours: Neighbours = [set() for _ in range(n)]
    for u, v in edges:
        neighbours[int(u)].add(int(v))
        neighbours[int(v)].add(int(u))
    return neighbours


def bipartite_neighbours(biadjacency: Array) -> Neighbours:
    """Neighbour sets of the joined graph; right node j is n_left + j (definitions.md 1)."""
    n_left, n_right = biadjacency.shape
    links = [(i, n_left + j) for i in range(n_left) for j in range(n_right) if biadjacency[i, j]]
    return neighbours_from_edges(n_left + n_right, links)


def adjacency_matrix(neighbours: Neighbours) -> Array:
    """Dense 0/1 adjacency of the neighbour sets."""
    adjacency = np.zeros((len(neighbours), len(neighbours)))
    for u, around in enumerate(neighbours):
        for v in around:
            adjacency[u, v] = 1.0
    return adjacency


def links_of(neighbours: Neighbours) -> list[tuple[int, int]]:
    """Links (u, v), u < v, sorted."""
    return [(u, v) for u, around in enumerate(neighbours) for v in sorted(around) if u < v]


def all_pairs(neighbours: Neighbours) -> list[tuple[int, int]]:
    """All node pairs (u, v), u < v, row-major (definitions.md 1)."""
    return list(itertools.combinations(range(len(neighbours)), 2))
