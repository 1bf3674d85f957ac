"""Compiled growth of a bipartite graph by preferential attachment."""

from __future__ import annotations

import numpy as np

from chgraph._jit import kernel

_TRIES = 64


@kernel()
def grow_links(
    side: np.ndarray,
    brought: np.ndarray,
    n_most: int,
    left: np.ndarray,
    right: np.ndarray,
    rng: np.random.Generator,
) -> int:
    """Let nodes arrive one by one and link to present nodes of the other side.

    Parameters
    ----------
    side : ndarray of int64, shape (n_nodes,)
        0 where a left node arrives, 1 where a right one does; nodes of a side are numbered
        as they come.
    brought : ndarray of int64, shape (n_nodes,)
        Links that each node brings. Those that find no node wait for the next arrival.
    n_most : int
        Number of nodes of the larger side.
    left, right : ndarray of int64, shape (n_links,)
        Filled with the ends of the links.

    Returns
    -------
    int
        How many links were made.
    """
    ends = (left, right)
    degree = np.zeros((2, n_most), dtype=np.int64)
    seen = np.full((2, n_most), -1, dtype=np.int64)  # by which arrival a node was last chosen
    present = np.zeros(2, dtype=np.int64)
    n_links, waiting = 0, 0
    for arrival in range(side.size):
        own, other = side[arrival], 1 - side[arrival]
        node = present[own]
        present[own] += 1
        waiting += brought[arrival]
        n_new = min(waiting, present[other])
        n_before = n_links
        for _ in range(n_new):
            target = _attached(
                ends[other], n_before, degree[other], seen[other], present[other], arrival, rng
            )
            seen[other, target] = arrival
            ends[own][n_links], ends[other][n_links] = node, target
            n_links += 1
        for i in range(n_before, n_links):
            degree[other, ends[other][i]] += 1
        degree[own, node] = n_new
        waiting -= n_new
    return n_links


@kernel()
def _attached(
    ends: np.ndarray,
    n_links: int,
    degree: np.ndarray,
    seen: np.ndarray,
    present: int,
    arrival: int,
    rng: np.random.Generator,
) -> int:
    """Draw a node that this arrival has not chosen yet, in proportion to its degree."""
    if n_links > 0:
        for _ in range(_TRIES):
            # The end of a random link is a node in proportion to its degree.
            target = ends[rng.integers(0, n_links)]
            if seen[target] != arrival:
                return target
    total = 0
    for node in range(present):
        if seen[node] != arrival:
            total += degree[node]
    # Nodes without links are drawn, uniformly, only when no others are left.
    uniform = total == 0
    if uniform:
        for node in range(present):
            if seen[node] != arrival:
                total += 1
    ticket = rng.integers(0, total)
    for node in range(present):
        if seen[node] != arrival:
            ticket -= 1 if uniform else degree[node]
            if ticket < 0:
                return node
    return -1  # never: n_new is at most the number of present nodes
