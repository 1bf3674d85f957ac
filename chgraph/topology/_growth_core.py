"""Compiled growth of a bipartite graph by preferential attachment."""

from __future__ import annotations

import numpy as np

from chgraph.jit import kernel

_MOST_VAIN = 64
_LATE = 1e6  # after every finish that there will ever be


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
    chosen = np.full((2, n_most), -1, dtype=np.int64)  # by which arrival, lastly
    present = np.zeros(2, dtype=np.int64)
    n_links, waiting = 0, 0
    for arrival in range(side.size):
        own, other = side[arrival], 1 - side[arrival]
        node = present[own]
        present[own] += 1
        waiting += brought[arrival]
        n_new = min(waiting, present[other])
        around = degree[other, : present[other]]
        _choose(ends[other], n_links, n_new, around, chosen[other], arrival, rng)
        for i in range(n_links, n_links + n_new):
            ends[own][i] = node
            around[ends[other][i]] += 1
        degree[own, node] = n_new
        n_links += n_new
        waiting -= n_new
    return n_links


@kernel()
def _choose(
    ends: np.ndarray,
    n_links: int,
    n_new: int,
    degree: np.ndarray,
    chosen: np.ndarray,
    arrival: int,
    rng: np.random.Generator,
) -> None:
    """Draw `n_new` different nodes in proportion to their degrees, into `ends` from `n_links` on.

    Nodes without links are drawn, uniformly, only when no others are left.
    """
    n_found, n_vain = 0, 0
    while n_found < n_new and n_vain < _MOST_VAIN and n_links > 0:
        # The end of a random link is a node in proportion to its degree.
        node = ends[rng.integers(0, n_links)]
        if chosen[node] == arrival:
            n_vain += 1
            continue
        chosen[node] = arrival
        ends[n_links + n_found] = node
        n_found, n_vain = n_found + 1, 0
    if n_found < n_new:
        # The same draw as a race over all nodes: each finishes at Exp(1) / degree.
        finish = np.empty(degree.size)
        for node in range(degree.size):
            finish[node] = rng.standard_exponential()
            finish[node] = finish[node] / degree[node] if degree[node] else _LATE + finish[node]
            if chosen[node] == arrival:
                finish[node] = np.inf
        ends[n_links + n_found : n_links + n_new] = np.argsort(finish)[: n_new - n_found]
