"""Moves nodes between the communities of a layer while that raises Barber's modularity.

Nodes may stand for many: each has a weight K (links of the left nodes in it) and D (of the
right ones). All gains are compared as integers, so equal ones tie and the search ends.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chgraph.jit import Int, kernel, leaf


class Nodes(NamedTuple):
    """Weighted links between nodes, each in both directions, and the weights of nodes."""

    offsets: np.ndarray
    neighbors: np.ndarray
    weights: np.ndarray
    left: np.ndarray
    right: np.ndarray


class Communities(NamedTuple):
    """Label of each node; weights, size of each community; ``free`` lists the empty ones.

    ``links`` (weight from the node in hand to each community) rests as zeros.
    """

    label: np.ndarray
    left: np.ndarray
    right: np.ndarray
    size: np.ndarray
    links: np.ndarray
    free: np.ndarray


@leaf
def _best_community(u: Int, n_links: Int, n_free: Int, nodes: Nodes, groups: Communities) -> Int:
    """Return the community that a node, taken out of its own, gains most from; -1: a new one.

    Its own wins ties, then one of its neighbors' in the order of its list.
    """
    own = groups.label[u]
    for k in range(nodes.offsets[u], nodes.offsets[u + 1]):
        groups.links[groups.label[nodes.neighbors[k]]] += nodes.weights[k]
    best = own
    gain = n_links * groups.links[own] - (
        nodes.left[u] * groups.right[own] + nodes.right[u] * groups.left[own]
    )
    if gain < 0 and n_free > 0:
        best, gain = -1, 0
    for k in range(nodes.offsets[u], nodes.offsets[u + 1]):
        group = groups.label[nodes.neighbors[k]]
        if groups.links[group] == 0:
            continue  # seen
        other = n_links * groups.links[group] - (
            nodes.left[u] * groups.right[group] + nodes.right[u] * groups.left[group]
        )
        groups.links[group] = 0
        if other > gain:
            best, gain = group, other
    return best


@kernel()
def move_nodes(n_links: Int, order: np.ndarray, nodes: Nodes, groups: Communities) -> bool:
    """Sweep over the nodes, each to its best community, until none moves; whether any did."""
    n_free = 0
    for group in range(groups.size.size):
        if groups.size[group] == 0:
            groups.free[n_free] = group
            n_free += 1
    any_moved, moved = False, True
    while moved:
        moved = False
        for u in order:
            own = groups.label[u]
            groups.left[own] -= nodes.left[u]
            groups.right[own] -= nodes.right[u]
            groups.size[own] -= 1
            best = _best_community(u, n_links, n_free, nodes, groups)
            if best == -1:
                n_free -= 1
                best = groups.free[n_free]
            groups.left[best] += nodes.left[u]
            groups.right[best] += nodes.right[u]
            groups.size[best] += 1
            if best != own:
                groups.label[u] = best
                moved = any_moved = True
                if groups.size[own] == 0:
                    groups.free[n_free] = own
                    n_free += 1
    return any_moved
