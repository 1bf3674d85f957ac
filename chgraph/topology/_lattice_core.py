"""Compiled swaps that bring a graph to a lattice on a ring: partners are looked for nearby.

A swap of two links drawn anywhere hardly ever shortens both once they are short; here the
second link is drawn near an end of the first, at distances of every order of magnitude
alike, so that the number of draws per link hardly grows with the number of nodes.

Nodes of a side stand in ``order`` on the ring, and ``rank[v]`` is the place of v in it. A
graph with one kind of nodes has the same order twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chgraph.jit import Int, kernel
from chgraph.topology._null_core import linked, replace, ring_distance


class Ring(NamedTuple):
    """Where nodes lie: ``place`` on a ring of ``length`` steps, ``rank`` in their side's order.

    Nodes from ``n_first`` on are of the second side, if there are two.
    """

    place: np.ndarray
    length: int
    rank: np.ndarray
    first_order: np.ndarray
    second_order: np.ndarray
    n_first: int


@kernel()
def draw_near(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    owner: np.ndarray,
    ring: Ring,
    n_draws: Int,
    rng: np.random.Generator,
) -> None:
    """Draw `n_draws` times a link a-b, a node c near a and a link c-d; swap to a-c, b-d.

    Swaps are made unless they lengthen the links in sum. ``owner[i]`` is the node whose
    neighbor stands at place i of the lists.
    """
    for _ in range(n_draws):
        i = rng.integers(0, neighbors.size)
        a, b = owner[i], np.int64(neighbors[i])
        c = _near(a, _apart(a, b, ring), ring, rng)
        n_links = offsets[c + 1] - offsets[c]
        if c in (a, b) or n_links == 0:
            continue
        d = np.int64(neighbors[offsets[c] + rng.integers(0, n_links)])
        before = _apart(a, b, ring) + _apart(c, d, ring)
        if d in (a, b) or _apart(a, c, ring) + _apart(b, d, ring) > before:
            continue
        if linked(offsets, neighbors, a, c) or linked(offsets, neighbors, b, d):
            continue
        replace(offsets, neighbors, a, b, c)
        replace(offsets, neighbors, b, a, d)
        replace(offsets, neighbors, c, d, a)
        replace(offsets, neighbors, d, c, b)


@kernel()
def total_length(neighbors: np.ndarray, owner: np.ndarray, ring: Ring) -> int:
    """Return the sum of the lengths of all links, each counted from both ends."""
    total = 0
    for i in range(neighbors.size):
        total += _apart(owner[i], np.int64(neighbors[i]), ring)
    return total


@kernel()
def _near(a: Int, reach: Int, ring: Ring, rng: np.random.Generator) -> Int:
    """Draw a node that a may link to, or a itself, up to about twice `reach` away.

    Farther nodes shorten nothing, unless their own link is longer: they will be first then.
    """
    order, own = ring.second_order, ring.first_order
    if a >= ring.n_first:
        order, own = own, order
    there = (2 * ring.rank[a] + 1) * order.size // (2 * own.size)
    farthest = min(order.size // 2, 2 * reach * order.size // ring.length) + 1.0
    away = np.int64(np.exp(rng.random() * np.log(farthest)))
    return order[(there + (away - 1 if rng.random() < 0.5 else -away)) % order.size]


@kernel()
def _apart(u: Int, v: Int, ring: Ring) -> int:
    return ring_distance(ring.place[u], ring.place[v], ring.length)
