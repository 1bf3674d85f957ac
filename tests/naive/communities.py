"""Modularity of all partitions of small graphs."""

import math
from collections.abc import Iterator, Sequence

from tests.naive.graphs import Neighbors, links_of


def newman_modularity(neighbors: Neighbors, labels: Sequence[int]) -> float:
    """Q = (1/2E) sum_ij (A_ij - k_i k_j / 2E) [g_i = g_j] (Newman 2004)."""
    twice = sum(len(around) for around in neighbors)
    n = range(len(neighbors))
    terms = [
        (j in neighbors[i]) - len(neighbors[i]) * len(neighbors[j]) / twice
        for i in n
        for j in n
        if labels[i] == labels[j]
    ]
    return math.fsum(terms) / twice


def partitions(n: int) -> Iterator[list[int]]:
    """All partitions of n nodes, as labels in the order of the first node of each part."""
    labels = [0] * n

    def extend(node: int, n_parts: int) -> Iterator[list[int]]:
        if node == n:
            yield list(labels)
            return
        for part in range(n_parts + 1):
            labels[node] = part
            yield from extend(node + 1, max(n_parts, part + 1))

    return extend(0, 0)


def best_modularity(neighbors: Neighbors) -> float:
    """The largest modularity of any partition."""
    assert links_of(neighbors)
    return max(newman_modularity(neighbors, p) for p in partitions(len(neighbors)))
