"""A monopartite network made ready for the scoring kernels.

Nodes are renumbered by falling degree, the triangles of every link are listed, and the
node terms are tabulated: all that the scores of every pair share. Also the cost estimate of
every source and its dealing to workers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chgraph._neighbor_lists import HubsFirst, by_falling_degree
from chgraph.jit import Int, kernel, leaf
from chgraph.linkpred._node_terms import term_table
from chgraph.threads import run_workers, thread_count


class Network(NamedTuple):
    """What the kernels read. ``neighbors`` is a uint32 view (unguarded indexing).

    ``labels`` gives back the caller's node numbers. ``one_*`` and ``two_*`` are the node
    terms (L2) or their roots (L3) of nodes linked to one or both ends of a pair.
    ``apexes[apex_offsets[i]:apex_offsets[i + 1]]`` are the common neighbors of the two ends of
    link slot i; ``apexes`` is empty if they are to be found again when needed, and so is
    ``apex_offsets`` (but for a 0) if it is not even known which links have any.
    """

    offsets: np.ndarray
    neighbors: np.ndarray
    labels: np.ndarray
    one_start: np.ndarray
    one_values: np.ndarray
    two_start: np.ndarray
    two_values: np.ndarray
    apex_offsets: np.ndarray
    apexes: np.ndarray
    length: int
    on_path: bool


@leaf
def _common_of_link(
    u: Int, v: Int, offsets: np.ndarray, neighbors: np.ndarray, out: np.ndarray
) -> Int:
    """Write the common neighbors of u and v to ``out`` (if it has room); returns how many."""
    i, j, total = offsets[u], offsets[v], 0
    while i < offsets[u + 1] and j < offsets[v + 1]:
        y, z = neighbors[i], neighbors[j]
        if y == z:
            if out.size:
                out[total] = y
            total += 1
        i += y <= z
        j += z <= y
    return total


@kernel()
def _apexes_of_worker(
    worker: Int,
    n_workers: Int,
    offsets: np.ndarray,
    neighbors: np.ndarray,
    apex_offsets: np.ndarray,
    apexes: np.ndarray,
    counts: np.ndarray,
) -> None:
    """List the common neighbors of every link of some nodes; without offsets, count them."""
    for u in range(worker, offsets.size - 1, n_workers):
        for slot in range(offsets[u], offsets[u + 1]):
            mine = apexes[:0]
            if apex_offsets.size:
                mine = apexes[apex_offsets[slot] : apex_offsets[slot + 1]]
                if mine.size == 0:
                    continue
            n_common = _common_of_link(u, neighbors[slot], offsets, neighbors, mine)
            if counts.size:
                counts[slot] = n_common


def _count_apexes(offsets: np.ndarray, neighbors: np.ndarray) -> np.ndarray:
    counts = np.zeros(neighbors.size, np.int64)
    _run_over_apexes(offsets, neighbors, np.zeros(0, np.int64), np.zeros(0, np.uint32), counts)
    return counts


def _list_apexes(
    offsets: np.ndarray, neighbors: np.ndarray, apex_offsets: np.ndarray
) -> np.ndarray:
    apexes = np.zeros(apex_offsets[-1], np.uint32)
    _run_over_apexes(offsets, neighbors, apex_offsets, apexes, np.zeros(0, np.int64))
    return apexes


def _run_over_apexes(*lists: np.ndarray) -> None:
    n_workers = thread_count()
    run_workers(n_workers, lambda worker: _apexes_of_worker(worker, n_workers, *lists))


def prepare(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    rule: str,
    *,
    length: int = 3,
    local_community: str = "all",
    apex_bytes: int = 400_000_000,
    hubs_first: HubsFirst | None = None,
    slot_bytes: int | None = None,
) -> Network:
    """Gather what the kernels need, once per network and rule.

    The common neighbors of linked nodes (24 bytes per triangle) are listed when they fit into
    ``apex_bytes`` and searched for again otherwise: slower, bit-identical scores.
    Only L3 scores that count internal links need them.

    Parameters
    ----------
    offsets, neighbors : ndarray
        Of the graph.
    rule : str
    length : {2, 3}
    local_community : {"all", "on-path"}
    apex_bytes : int
    hubs_first : tuple of ndarray, optional
        What :func:`by_falling_degree` returns, where it is at hand.
    slot_bytes : int, optional
        Memory for numbers that there are two of for each link and direction, of 8 bytes; without
        it the common neighbors are not counted either, but searched for at every link.
    """
    offsets, neighbors, labels = hubs_first or by_falling_degree(offsets, neighbors)
    neighbors = neighbors.view(np.uint32)
    degrees = np.diff(offsets)
    counts_links = local_community == "all" and rule != "RA" and length == 3
    apex_offsets, apexes = np.zeros(1, np.int64), np.zeros(0, np.uint32)
    if counts_links and (slot_bytes is None or 16 * neighbors.size <= slot_bytes):
        counts = _count_apexes(offsets, neighbors)
        apex_offsets = np.concatenate(([0], np.cumsum(counts)))
        if 0 < 4 * apex_offsets[-1] <= apex_bytes:
            apexes = _list_apexes(offsets, neighbors, apex_offsets)
    root = length == 3
    return Network(
        offsets,
        neighbors,
        labels,
        *term_table(degrees, rule, seeds=1, root=root),
        *term_table(degrees, rule, seeds=2, root=root),
        apex_offsets,
        apexes,
        length,
        not counts_links,
    )


@kernel()
def _walks_to_larger(
    offsets: np.ndarray, neighbors: np.ndarray, length: Int, costs: np.ndarray
) -> None:
    """Walks of this length from every u to nodes v > u, in time sum of degree squared.

    While u rises, ``ahead[z]`` keeps the number of neighbors of z above u, and ``beyond[z]``
    the sum of ``ahead`` over the neighbors of z.
    """
    n = offsets.size - 1
    ahead = np.zeros(n, np.int64)
    beyond = np.zeros(n, np.int64)
    for z in range(n):
        ahead[z] = offsets[z + 1] - offsets[z]
        for i in range(offsets[z], offsets[z + 1]):
            y = neighbors[i]
            beyond[z] += offsets[y + 1] - offsets[y]
    for u in range(n):
        for i in range(offsets[u], offsets[u + 1]):
            z = neighbors[i]
            ahead[z] -= 1
            if length == 3:
                for j in range(offsets[z], offsets[z + 1]):
                    beyond[neighbors[j]] -= 1
        for i in range(offsets[u], offsets[u + 1]):
            z = neighbors[i]
            costs[u] += beyond[z] if length == 3 else ahead[z]


def source_costs(net: Network) -> np.ndarray:
    """Estimated work of every source (renumbered nodes): its walks to nodes after it."""
    costs = np.zeros(net.labels.size, np.int64)
    _walks_to_larger(net.offsets, net.neighbors, net.length, costs)
    return costs


def target_limit(net: Network, costs: np.ndarray) -> np.ndarray:
    """Upper bound on the number of targets of every source."""
    n = net.labels.size
    return np.minimum(costs, n - 1 - np.arange(n))


def deal_sources(
    first: int, last: int, costs: np.ndarray, n_workers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Deal sources first..last-1 so that the workers' costs are about equal.

    Snake order of falling cost. Returns (sources, bounds): worker w gets
    ``sources[bounds[w]:bounds[w + 1]]``. Scores do not depend on it.
    """
    order = first + np.argsort(-costs[first:last], kind="stable")
    order = order[costs[order] > 0]
    turn = np.arange(order.size) % (2 * n_workers)
    worker = np.minimum(turn, 2 * n_workers - 1 - turn)
    sources = order[np.argsort(worker, kind="stable")]
    bounds = np.concatenate(([0], np.cumsum(np.bincount(worker, minlength=n_workers))))
    return sources.astype(np.int64), bounds.astype(np.int64)


def chunk_bounds(weights: np.ndarray, limit: float) -> list[int]:
    """Cut the sources into runs whose weights sum to at most ``limit`` (at least one source)."""
    sums = np.cumsum(weights)
    bounds, total = [0], 0
    while bounds[-1] < sums.size:
        stop = int(np.searchsorted(sums, total + limit, side="right"))
        bounds.append(max(stop, bounds[-1] + 1))
        total = sums[bounds[-1] - 1]
    return bounds
