"""Cannistraci-Hebb score of given node pairs of a monopartite network, linked or not.

Written straight from the definition, pair by pair: the link u - v is on no path, and external
degrees leave out u and v. Time per pair: the links of the neighbors of u and of v.

Two storeys: ``score_pairs`` (split over workers) -> ``_pairs_of_worker`` (one thread).
"""

from __future__ import annotations

import numpy as np

from chgraph.jit import Int, kernel, leaf
from chgraph.linkpred._monopartite_network import Network
from chgraph.threads import run_workers

OF_U, OF_V, MEMBER = 1, 2, 4  # bits of a node's mark: linked to u, to v, in the local community


@leaf
def _n_marked(z: Int, net: Network, marks: np.ndarray, wanted: Int) -> Int:
    """Number of neighbors of z with one of the wanted bits."""
    total = 0
    for i in range(net.offsets[z], net.offsets[z + 1]):
        total += marks[net.neighbors[i]] & wanted != 0
    return total


@leaf
def _mark_neighbors(u: Int, v: Int, net: Network, bit: Int, marks: np.ndarray) -> None:
    """Mark N(u) without v."""
    for i in range(net.offsets[u], net.offsets[u + 1]):
        marks[net.neighbors[i]] |= bit
    marks[v] = 0


@leaf
def _mark_members(u: Int, net: Network, bit: Int, other: Int, marks: np.ndarray) -> None:
    """Mark those neighbors of u that have a neighbor on the other side of the middle link."""
    for i in range(net.offsets[u], net.offsets[u + 1]):
        z = net.neighbors[i]
        if marks[z] & bit and _n_marked(z, net, marks, other):
            marks[z] |= MEMBER


@leaf
def _l3_root(z: Int, net: Network, marks: np.ndarray) -> float:
    """Root of the term of a member of the L3 local community."""
    mark = marks[z]
    if net.on_path:
        # The middle link runs from a neighbor of one end to a neighbor of the other.
        wanted = (OF_V if mark & OF_U else 0) | (OF_U if mark & OF_V else 0)
        internal = _n_marked(z, net, marks, wanted)
    else:
        internal = _n_marked(z, net, marks, MEMBER)
    if mark & OF_U and mark & OF_V:
        return net.two_values[net.two_start[z] + internal]
    return net.one_values[net.one_start[z] + internal]


@leaf
def _score_l3(u: Int, v: Int, net: Network, marks: np.ndarray, roots: np.ndarray) -> float:
    _mark_members(u, net, OF_U, OF_V, marks)
    _mark_members(v, net, OF_V, OF_U, marks)
    for i in range(net.offsets[v], net.offsets[v + 1]):
        z2 = net.neighbors[i]
        if marks[z2] & MEMBER:
            roots[z2] = _l3_root(z2, net, marks)
    score = 0.0
    for i in range(net.offsets[u], net.offsets[u + 1]):
        z1 = net.neighbors[i]
        if marks[z1] & MEMBER == 0:
            continue
        after = 0.0
        for j in range(net.offsets[z1], net.offsets[z1 + 1]):
            z2 = net.neighbors[j]
            if marks[z2] & OF_V:
                after += roots[z2]
        score += after * _l3_root(z1, net, marks)
    return score


@leaf
def _score_l2(u: Int, net: Network, marks: np.ndarray) -> float:
    both = OF_U | OF_V
    for i in range(net.offsets[u], net.offsets[u + 1]):
        z = net.neighbors[i]
        if marks[z] & both == both:
            marks[z] |= MEMBER
    score = 0.0
    for i in range(net.offsets[u], net.offsets[u + 1]):
        z = net.neighbors[i]
        if marks[z] & MEMBER:
            internal = _n_marked(z, net, marks, MEMBER)
            score += net.two_values[net.two_start[z] + internal]
    return score


@kernel()
def _pairs_of_worker(
    worker: Int,
    n_workers: Int,
    first: np.ndarray,
    second: np.ndarray,
    net: Network,
    out: np.ndarray,
) -> None:
    """Score every n_workers-th pair."""
    n = net.offsets.size - 1
    marks = np.zeros(n, np.uint8)
    roots = np.zeros(n, np.float64)
    for i in range(worker, first.size, n_workers):
        u, v = min(first[i], second[i]), max(first[i], second[i])
        _mark_neighbors(u, v, net, OF_U, marks)
        _mark_neighbors(v, u, net, OF_V, marks)
        if net.length == 3:
            out[i] = _score_l3(u, v, net, marks, roots)
        else:
            out[i] = _score_l2(u, net, marks)
        for end in (u, v):
            for j in range(net.offsets[end], net.offsets[end + 1]):
                marks[net.neighbors[j]] = 0


def score_pairs(
    first: np.ndarray, second: np.ndarray, net: Network, n_workers: Int, out: np.ndarray
) -> None:
    """Fill ``out[i]`` with the score of (first[i], second[i]), u != v, in renumbered nodes.

    The caller maps its own node numbers by the inverse of ``net.labels``.
    """
    run_workers(
        n_workers, lambda worker: _pairs_of_worker(worker, n_workers, first, second, net, out)
    )
