"""Exact L3 scores on bipartite graphs: one addition per path, no list of paths.

For u (left) and v (right), unlinked, every L3 path is u - z1 - z2 - v with z1 right and
z2 left, and the internal degrees depend on one pair of nodes of the same side only::

    di(z1) = |N(z1) & N(v)|        di(z2) = |N(z2) & N(u)|        de = d - di - 1

So a path contributes ``root(z1, di(z1)) * root(z2, di(z2))``, with ``root`` the square root
of the node term of the rule. Both roots are read from a table over (degree, di), which
makes every rule cost the same as CH3.

Three storeys: ``score_rows`` / ``best_pairs`` / ``score_pairs`` (split over workers) ->
``_rows_of_worker`` -> ``_add_*`` (one row, one thread, no shared writes). Each row is summed in
one fixed order, so results are bit-identical for any number of workers and any block limits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chgraph.jit import Int, inlined, kernel, leaf
from chgraph.linkpred._best_core import may_enter, offer
from chgraph.linkpred._node_terms import term_table
from chgraph.linkpred._pair_lists import Best
from chgraph.threads import run_workers, thread_count

BY_PATHS, BY_NODES, BY_DEGREES = range(3)


class Layer(NamedTuple):
    """What the kernels read: both directions of the links and the tables of node terms.

    ``*_neighbors`` are uint32 views of the int32 arrays (no copy): numba guards every
    signed index against being negative, and that guard costs as much as the addition.
    ``*_values[*_start[z] + di]`` is the root (or, for node-based scores, the term) of node z.
    ``common[z, v]`` is |N(z) & N(v)| of two right nodes; shape (0, 0) = count when needed.
    """

    left_offsets: np.ndarray
    left_neighbors: np.ndarray
    right_offsets: np.ndarray
    right_neighbors: np.ndarray
    left_start: np.ndarray
    left_values: np.ndarray
    right_start: np.ndarray
    right_values: np.ndarray
    common: np.ndarray
    kind: int


class Scratch(NamedTuple):
    """Working rows of one worker; ``internal`` and ``counts`` are zero between uses."""

    internal: np.ndarray
    factor: np.ndarray
    reached: np.ndarray
    counts: np.ndarray


@inlined
def _count_common(
    z: Int,
    from_offsets: np.ndarray,
    from_neighbors: np.ndarray,
    to_offsets: np.ndarray,
    to_neighbors: np.ndarray,
    row: np.ndarray,
) -> None:
    """Add to row[v] the number of common neighbors of z and v, all v of z's own side."""
    for i in range(from_offsets[z], from_offsets[z + 1]):
        y = from_neighbors[i]
        for j in range(to_offsets[y], to_offsets[y + 1]):
            row[to_neighbors[j]] += 1


@inlined
def _clear_common(
    z: Int,
    from_offsets: np.ndarray,
    from_neighbors: np.ndarray,
    to_offsets: np.ndarray,
    to_neighbors: np.ndarray,
    row: np.ndarray,
) -> None:
    """Undo ``_count_common``: touches only what it touched."""
    for i in range(from_offsets[z], from_offsets[z + 1]):
        y = from_neighbors[i]
        for j in range(to_offsets[y], to_offsets[y + 1]):
            row[to_neighbors[j]] = 0


@kernel()
def _common_of_worker(
    worker: Int,
    n_workers: Int,
    right_offsets: np.ndarray,
    right_neighbors: np.ndarray,
    left_offsets: np.ndarray,
    left_neighbors: np.ndarray,
    out: np.ndarray,
) -> None:
    for z in range(worker, out.shape[0], n_workers):
        _count_common(z, right_offsets, right_neighbors, left_offsets, left_neighbors, out[z])


def fill_common(
    right_offsets: np.ndarray,
    right_neighbors: np.ndarray,
    left_offsets: np.ndarray,
    left_neighbors: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill ``out[z, v] = |N(z) & N(v)|`` for all pairs of right nodes (out starts at 0)."""
    lists = right_offsets, right_neighbors, left_offsets, left_neighbors
    n_workers = thread_count()
    run_workers(n_workers, lambda worker: _common_of_worker(worker, n_workers, *lists, out))


def prepare(
    left_offsets: np.ndarray,
    left_neighbors: np.ndarray,
    right_offsets: np.ndarray,
    right_neighbors: np.ndarray,
    rule: str,
    *,
    node_based: bool = False,
    table_bytes: int = 64_000_000,
) -> Layer:
    """Gather what the kernels need, once per graph and rule.

    The counts of common neighbors of the right nodes are shared by all rows: they are
    kept as a table of 1- or 2-byte integers when that fits into ``table_bytes``, and counted
    again for each row otherwise (about twice the time, bit-identical scores). RA needs none.
    """
    left_degrees, right_degrees = np.diff(left_offsets), np.diff(right_offsets)
    left_neighbors = left_neighbors.view(np.uint32)
    right_neighbors = right_neighbors.view(np.uint32)
    kind = BY_NODES if node_based else BY_DEGREES if rule == "RA" else BY_PATHS

    def terms(degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return term_table(degrees, rule, root=not node_based, least_internal=int(node_based))

    n_right = right_degrees.size
    count_type = np.min_scalar_type(int(right_degrees.max(initial=1)))
    stored = kind != BY_DEGREES and n_right * n_right * count_type.itemsize <= table_bytes
    common = np.zeros((n_right, n_right) if stored else (0, 0), count_type)
    fill_common(right_offsets, right_neighbors, left_offsets, left_neighbors, common)
    return Layer(
        left_offsets,
        left_neighbors,
        right_offsets,
        right_neighbors,
        *terms(left_degrees),
        *terms(right_degrees),
        common,
        kind,
    )


@kernel()
def _new_scratch(layer: Layer) -> Scratch:
    n_left, n_right = layer.left_offsets.size - 1, layer.right_offsets.size - 1
    return Scratch(
        np.zeros(n_left, np.int64),
        np.zeros(n_left, np.float64),
        np.zeros(n_left, np.int64),
        np.zeros(n_right, layer.common.dtype),
    )


@leaf
def _left_factors(u: Int, layer: Layer, scratch: Scratch) -> Int:
    """Factor of every left node two steps from u, u itself left out; returns their number."""
    internal, reached = scratch.internal, scratch.reached
    n_reached = 0
    for i in range(layer.left_offsets[u], layer.left_offsets[u + 1]):
        z1 = layer.left_neighbors[i]
        for j in range(layer.right_offsets[z1], layer.right_offsets[z1 + 1]):
            z2 = layer.right_neighbors[j]
            if z2 == u:
                continue
            reached[n_reached] = z2
            n_reached += internal[z2] == 0
            internal[z2] += 1
    for i in range(n_reached):
        z2 = reached[i]
        scratch.factor[z2] = layer.left_values[layer.left_start[z2] + internal[z2]]
        internal[z2] = 0
    return n_reached


@inlined
def _add_paths(
    u: Int,
    z1: Int,
    layer: Layer,
    factor: np.ndarray,
    common: np.ndarray,
    terms: np.ndarray,
    row: np.ndarray,
) -> None:
    """Add to row[v] all paths u - z1 - z2 - v: the innermost loop of the library."""
    for j in range(layer.right_offsets[z1], layer.right_offsets[z1 + 1]):
        z2 = layer.right_neighbors[j]
        if z2 == u:
            continue
        scale = factor[z2]
        for k in range(layer.left_offsets[z2], layer.left_offsets[z2 + 1]):
            v = layer.left_neighbors[k]
            row[v] += scale * terms[common[v]]


@leaf
def _row_by_paths(u: Int, layer: Layer, scratch: Scratch, row: np.ndarray) -> Int:
    """Path-based scores: the factors of z2 once per row, those of z1 looked up per path."""
    rights = layer.right_offsets, layer.right_neighbors
    lefts = layer.left_offsets, layer.left_neighbors
    stored = layer.common.size > 0
    n_reached = _left_factors(u, layer, scratch)
    for i in range(layer.left_offsets[u], layer.left_offsets[u + 1]):
        z1 = np.int64(layer.left_neighbors[i])
        terms = layer.right_values[layer.right_start[z1] :]
        if stored:
            _add_paths(u, z1, layer, scratch.factor, layer.common[z1], terms, row)
        else:
            _count_common(z1, *rights, *lefts, scratch.counts)
            _add_paths(u, z1, layer, scratch.factor, scratch.counts, terms, row)
            _clear_common(z1, *rights, *lefts, scratch.counts)
    return n_reached


@leaf
def _add_left_nodes(
    n_reached: Int, layer: Layer, reached: np.ndarray, factor: np.ndarray, row: np.ndarray
) -> None:
    """Add the factor of each reached left node to all its neighbors."""
    for i in range(n_reached):
        z2 = reached[i]
        scale = factor[z2]
        for k in range(layer.left_offsets[z2], layer.left_offsets[z2 + 1]):
            row[layer.left_neighbors[k]] += scale


@leaf
def _row_by_nodes(u: Int, layer: Layer, scratch: Scratch, row: np.ndarray) -> Int:
    """Node-based scores: each z1 adds its term once per target, then each z2 does.

    The table has 0 for nodes without internal link, so targets out of reach get nothing.
    """
    rights = layer.right_offsets, layer.right_neighbors
    lefts = layer.left_offsets, layer.left_neighbors
    for i in range(layer.left_offsets[u], layer.left_offsets[u + 1]):
        z1 = np.int64(layer.left_neighbors[i])
        terms = layer.right_values[layer.right_start[z1] :]
        if layer.common.size > 0:
            common = layer.common[z1]
            for v in range(row.size):
                row[v] += terms[common[v]]
            continue
        _count_common(z1, *rights, *lefts, scratch.counts)
        for j in range(layer.right_offsets[z1], layer.right_offsets[z1 + 1]):
            z2 = layer.right_neighbors[j]
            for k in range(layer.left_offsets[z2], layer.left_offsets[z2 + 1]):
                v = layer.left_neighbors[k]
                row[v] += terms[scratch.counts[v]]
                scratch.counts[v] = 0
    n_reached = _left_factors(u, layer, scratch)
    _add_left_nodes(n_reached, layer, scratch.reached, scratch.factor, row)
    return n_reached


@leaf
def _row_by_degrees(u: Int, layer: Layer, scratch: Scratch, row: np.ndarray) -> Int:
    """RA: no term depends on the pair, so all z1 before one z2 are added up first."""
    n_reached = _left_factors(u, layer, scratch)
    reached, weight = scratch.reached, scratch.factor
    for i in range(n_reached):
        weight[reached[i]] = 0.0
    for i in range(layer.left_offsets[u], layer.left_offsets[u + 1]):
        z1 = layer.left_neighbors[i]
        root = layer.right_values[layer.right_start[z1]]
        for j in range(layer.right_offsets[z1], layer.right_offsets[z1 + 1]):
            weight[layer.right_neighbors[j]] += root
    for i in range(n_reached):
        weight[reached[i]] *= layer.left_values[layer.left_start[reached[i]]]
    _add_left_nodes(n_reached, layer, reached, weight, row)
    return n_reached


@leaf
def _score_row(u: Int, layer: Layer, scratch: Scratch, row: np.ndarray) -> Int:
    """Add up the scores of all pairs of u in a row of zeros; linked pairs get 0.

    Returns how many left nodes ``scratch.reached`` lists: every other score is one of theirs.
    """
    n_reached: Int = 0
    if layer.kind == BY_PATHS:
        n_reached = _row_by_paths(u, layer, scratch, row)
    elif layer.kind == BY_NODES:
        n_reached = _row_by_nodes(u, layer, scratch, row)
    else:
        n_reached = _row_by_degrees(u, layer, scratch, row)
    for i in range(layer.left_offsets[u], layer.left_offsets[u + 1]):
        row[layer.left_neighbors[i]] = 0.0
    return n_reached


@kernel()
def _rows_of_worker(
    start: Int, stop: Int, worker: Int, n_workers: Int, layer: Layer, out: np.ndarray
) -> None:
    """Score every n_workers-th row of the block, one after the other."""
    scratch = _new_scratch(layer)
    for u in range(start + worker, stop, n_workers):
        row = out[u - start]
        row[:] = 0.0
        _score_row(u, layer, scratch, row)


def score_rows(start: Int, stop: Int, layer: Layer, n_workers: Int, out: np.ndarray) -> None:
    """Fill ``out[u - start, v]`` with the score of every unlinked pair; linked pairs get 0.

    Workers take every n_workers-th row: neighboring rows of real networks often are alike
    in degree, so that dealing evens out the work.
    """
    run_workers(
        n_workers, lambda worker: _rows_of_worker(start, stop, worker, n_workers, layer, out)
    )


@leaf
def _offer_row(
    worker: Int, u: Int, n_reached: Int, layer: Layer, scratch: Scratch, row: np.ndarray, best: Best
) -> None:
    """Offer the scores of a row to the heap of this worker, and leave the row as zeros."""
    for i in range(n_reached):
        z2 = scratch.reached[i]
        for k in range(layer.left_offsets[z2], layer.left_offsets[z2 + 1]):
            v = np.int64(layer.left_neighbors[k])
            score = row[v]
            row[v] = 0.0
            if may_enter(best, worker, score):
                offer(best, worker, score, u, v)


@kernel()
def _best_of_worker(worker: Int, sources: np.ndarray, layer: Layer, best: Best) -> None:
    """Offer all pairs of some left nodes: in a row that is touched only where a score is."""
    scratch = _new_scratch(layer)
    row = np.zeros(layer.right_offsets.size - 1)
    for i in range(sources.size):
        u = sources[i]
        n_reached = _score_row(u, layer, scratch, row)
        _offer_row(worker, u, n_reached, layer, scratch, row, best)


def best_pairs(sources: np.ndarray, bounds: np.ndarray, layer: Layer, best: Best) -> None:
    """Offer all pairs of these left nodes to ``best``.

    Worker w scores ``sources[bounds[w]:bounds[w + 1]]``. Unlike :func:`score_rows` it takes no
    time for pairs without a path, but some more for each that has one.
    """

    def body(worker: int) -> None:
        _best_of_worker(worker, sources[bounds[worker] : bounds[worker + 1]], layer, best)

    run_workers(bounds.size - 1, body)


@kernel()
def _sides_swapped(layer: Layer) -> Layer:
    """The same layer seen from the right side (for scoring pairs)."""
    return Layer(
        layer.right_offsets,
        layer.right_neighbors,
        layer.left_offsets,
        layer.left_neighbors,
        layer.right_start,
        layer.right_values,
        layer.left_start,
        layer.left_values,
        layer.common,
        layer.kind,
    )


@leaf
def _n_two_walks(
    u: Int, offsets: np.ndarray, neighbors: np.ndarray, next_offsets: np.ndarray
) -> Int:
    """Number of walks of two links from u."""
    total = 0
    for i in range(offsets[u], offsets[u + 1]):
        z = neighbors[i]
        total += next_offsets[z + 1] - next_offsets[z]
    return total


@leaf
def _score_pair(u: Int, v: Int, layer: Layer, member: np.ndarray, counts: np.ndarray) -> float:
    """Score of one pair, linked or not: the link u - v is on no path, so z1 != v and z2 != u.

    With both left out of the counts, 1 + de = d - di holds for linked pairs as well.
    ``member[z2]`` is 1 + di(z2) for z2 in N(v) and 0 elsewhere; it leaves as zeros.
    """
    for k in range(layer.right_offsets[v], layer.right_offsets[v + 1]):
        member[layer.right_neighbors[k]] = 1
    member[u] = 0
    first, last = layer.left_offsets[u], layer.left_offsets[u + 1]
    for i in range(first, last):
        z1 = layer.left_neighbors[i]
        internal = 0
        if z1 != v:
            for j in range(layer.right_offsets[z1], layer.right_offsets[z1 + 1]):
                z2 = layer.right_neighbors[j]
                internal += member[z2] > 0
                member[z2] += member[z2] > 0
        counts[i - first] = internal
    score = 0.0
    for i in range(first, last):
        z1 = layer.left_neighbors[i]
        if counts[i - first] == 0:
            continue
        after = 0.0
        for j in range(layer.right_offsets[z1], layer.right_offsets[z1 + 1]):
            z2 = layer.right_neighbors[j]
            if member[z2] > 0:
                after += layer.left_values[layer.left_start[z2] + member[z2] - 1]
        score += after * layer.right_values[layer.right_start[z1] + counts[i - first]]
    for k in range(layer.right_offsets[v], layer.right_offsets[v + 1]):
        member[layer.right_neighbors[k]] = 0
    return score


@kernel()
def _pairs_of_worker(
    worker: Int, n_workers: Int, left: np.ndarray, right: np.ndarray, layer: Layer, out: np.ndarray
) -> None:
    """Score every n_workers-th pair, each from the end with fewer walks of two links."""
    swapped = _sides_swapped(layer)
    n_largest = max(layer.left_offsets.size, layer.right_offsets.size)
    member = np.zeros(n_largest, np.int64)
    counts = np.zeros(n_largest, np.int64)
    for i in range(worker, left.size, n_workers):
        u, v = left[i], right[i]
        walks_u = _n_two_walks(u, layer.left_offsets, layer.left_neighbors, layer.right_offsets)
        walks_v = _n_two_walks(v, layer.right_offsets, layer.right_neighbors, layer.left_offsets)
        if walks_u <= walks_v:
            out[i] = _score_pair(u, v, layer, member, counts)
        else:
            out[i] = _score_pair(v, u, swapped, member, counts)


def score_pairs(
    left: np.ndarray, right: np.ndarray, layer: Layer, n_workers: Int, out: np.ndarray
) -> None:
    """Fill ``out[i]`` with the path-based score of (left[i], right[i]), linked or unlinked."""
    run_workers(
        n_workers, lambda worker: _pairs_of_worker(worker, n_workers, left, right, layer, out)
    )
