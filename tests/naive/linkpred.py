"""Cannistraci-Hebb scores from their definition (definitions.md 2)."""

import math
from collections.abc import Callable

from tests.naive.graphs import Array, Neighbors, bipartite_neighbors

NODE_TERMS: dict[str, Callable[[int, int, int], float]] = {
    "RA": lambda d, di, de: 1 / d,
    "CH1": lambda d, di, de: di / d,
    "CH2": lambda d, di, de: (1 + di) / (1 + de),
    "CH3": lambda d, di, de: 1 / (1 + de),
    "CH3.1": lambda d, di, de: (1 + di) / (1 + de) ** (1 + de / (1 + de)),
}
"""Node term t(z) by rule (definitions.md 2, table)."""


def simple_paths(neighbors: Neighbors, u: int, v: int, length: int) -> list[tuple[int, ...]]:
    """Intermediate nodes of every simple path of `length` links from u to v (definitions.md 2)."""
    walks: list[tuple[int, ...]] = [(u,)]
    for _ in range(length - 1):
        walks = [(*w, z) for w in walks for z in neighbors[w[-1]] if z not in w and z != v]
    return [walk[1:] for walk in walks if v in neighbors[walk[-1]]]


def internal_degrees(
    neighbors: Neighbors, paths: list[tuple[int, ...]], local_community: str
) -> dict[int, int]:
    """di of each LC node: links to LC, or middle links of L3 paths "on-path" (definitions.md 2)."""
    community = {z for path in paths for z in path}
    if local_community not in ("all", "on-path"):
        raise ValueError(f"local_community={local_community!r} is neither 'all' nor 'on-path'")
    if local_community == "all" or all(len(path) == 1 for path in paths):  # L2: both are equal
        return {z: len(neighbors[z] & community) for z in community}
    if any(len(path) != 2 for path in paths):
        raise ValueError("'on-path' is defined for lengths 2 and 3")
    middle_links = {frozenset(path) for path in paths}
    return {z: sum(1 for link in middle_links if z in link) for z in community}


def ch_node_counts(
    neighbors: Neighbors, u: int, v: int, paths: list[tuple[int, ...]], local_community: str
) -> dict[int, tuple[int, int, int]]:
    """(d, di, de) of every node of LC(u, v), the nodes on these paths (definitions.md 2)."""
    counts = {}
    for z, di in internal_degrees(neighbors, paths, local_community).items():
        d = len(neighbors[z])
        counts[z] = (d, di, d - di - (u in neighbors[z]) - (v in neighbors[z]))
    return counts


def ch_score(
    neighbors: Neighbors, u: int, v: int, rule: str, length: int, local_community: str = "all"
) -> float:
    """Sum over paths of the geometric mean of the node terms (definitions.md 2; CH-SNN eq. 5).

    Linked pairs go by the same rule: the link u-v is on no path and enters no count.
    """
    paths = simple_paths(neighbors, u, v, length)
    counts = ch_node_counts(neighbors, u, v, paths, local_community)
    term = {z: NODE_TERMS[rule](*counts[z]) for z in counts}
    return math.fsum(math.prod(term[z] for z in path) ** (1 / (length - 1)) for path in paths)


def ch_l3n_score(biadjacency: Array, left: int, right: int, rule: str) -> float:
    """Node-based L3n: sum of the node terms over LC, unlinked pairs only (definitions.md 2)."""
    if biadjacency[left, right]:
        raise ValueError(f"L3n is defined for unlinked pairs, ({left}, {right}) is linked")
    neighbors, node = bipartite_neighbors(biadjacency), biadjacency.shape[0] + right
    paths = simple_paths(neighbors, left, node, 3)
    counts = ch_node_counts(neighbors, left, node, paths, "all")
    return math.fsum(NODE_TERMS[rule](*count) for count in counts.values())


def ch2_l3n(biadjacency: Array, left: int, right: int) -> float:
    """CH2-L3n = sum over LC of (1 + di) / (1 + de) (definitions.md 2)."""
    return ch_l3n_score(biadjacency, left, right, "CH2")


def ch3_l3n(biadjacency: Array, left: int, right: int) -> float:
    """CH3-L3n = sum over LC of 1 / (1 + de) (definitions.md 2)."""
    return ch_l3n_score(biadjacency, left, right, "CH3")
