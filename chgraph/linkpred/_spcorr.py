r"""SPcorr: how alike two nodes see the network, for ordering pairs whose scores tie.

A link of score S is 1 / (1 + S) long. SPcorr of two nodes is the Spearman correlation of
their shortest-path distances to all nodes (their own 0 included; average ranks; nodes out of
reach are farthest and tie). Equal values must tie, which rounding errors would spoil:
scores and distances are compared at 12 significant digits, ranks are doubled into integers,
their products are sums of integers below 2^53 and exact in float64 (up to 300,000 nodes),
and the correlation is given to 12 decimals.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse

from chgraph._neighbor_lists import node_array
from chgraph._rounding import round_significant
from chgraph.checks import check_link_values
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred import _distance_core
from chgraph.linkpred._pairs import Progress, scaled
from chgraph.threads import thread_limit

MAX_RANK_BYTES = 2 * 2**30
_SOURCES_AT_ONCE = 256
_ROWS_AT_ONCE = 512
_PAIRED_ROWS_AT_ONCE = 512
_DECIMALS = 1e12


def spcorr(
    graph: Graph | BipartiteGraph,
    link_scores: Any,
    source: Any,
    target: Any,
    *,
    n_threads: int | None = None,
) -> np.ndarray:
    r"""Return SPcorr of the given pairs of nodes, linked or not.

    .. math::
        \mathrm{SPcorr}(u, v) = \rho_{Spearman}\big(d(u, \cdot),\ d(v, \cdot)\big), \quad
        \text{length of a link} = \frac{1}{1 + S}

    Parameters
    ----------
    graph : Graph or BipartiteGraph
    link_scores : array_like, shape (n_links,)
        The score S >= 0 of each link, in the order of ``graph.links()``.
    source, target : array_like of int
        Nodes; the left and the right node in a bipartite graph.
    n_threads : int, optional
        For the distances; the products run on the threads that the BLAS library has. The
        result is the same for any number.

    Returns
    -------
    ndarray of float64
        To 12 decimals.

    Raises
    ------
    ValueError
        If an array has the wrong length, a score is negative or not finite, a node is out
        of range, or the distances of all nodes named would need more than 2 GB.

    References
    ----------
    Adaptive network automata (CHA, NeurIPS 2025); doi 10.1016/j.isci.2022.105697.

    Examples
    --------
    The two ends of a path see it the other way round.

    >>> spcorr(Graph.from_links([0, 1], [1, 2]), [0, 0], [0], [2])
    array([-1.])
    """
    source = node_array("source", source, graph.shape[0])
    target = node_array("target", target, graph.shape[1]) + graph.first_target
    if source.shape != target.shape:
        raise ValueError(
            f"source and target must have equal length, got {source.size} and {target.size}"
        )
    net = _lengths(graph, link_scores)
    n_nodes = net.offsets.size - 1
    named = np.bincount(source, minlength=n_nodes) + np.bincount(target, minlength=n_nodes)
    nodes = np.flatnonzero(named)
    _check_room(nodes.size, n_nodes)
    place = np.empty(n_nodes, np.int64)
    place[nodes] = np.arange(nodes.size)
    return _of_pairs(_ranks(net, nodes, n_threads, None), place[source], place[target])


def spcorr_matrix(
    graph: Graph | BipartiteGraph, link_scores: Any, *, n_threads: int | None = None
) -> np.ndarray:
    """Return SPcorr of all pairs of nodes, of ``graph.shape``; parameters as :func:`spcorr`.

    Examples
    --------
    >>> spcorr_matrix(Graph.from_links([0, 1], [1, 2]), [0, 0])
    array([[ 1.,  0., -1.],
           [ 0.,  1.,  0.],
           [-1.,  0.,  1.]])
    """
    matrix = np.zeros(graph.shape)
    for start, block in spcorr_blocks(graph, link_scores, n_threads=n_threads):
        rows = slice(start, start + block.shape[0])
        if not graph.is_bipartite:
            matrix[rows, start:] = block
            matrix[start:, rows] = block.T
        else:
            matrix[rows] = block
    return matrix


def spcorr_blocks(
    graph: Graph | BipartiteGraph,
    link_scores: Any,
    *,
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield SPcorr of all pairs, a block of rows at a time.

    Yields
    ------
    start : int
        First row of the block.
    block : ndarray of float64
        In a graph of one kind of node ``block[i, j]`` belongs to ``(start + i, start + j)``
        up to the last node; in a bipartite one to left ``start + i`` and right ``j``.
    """
    net = _lengths(graph, link_scores)
    n_nodes, n_rows = net.offsets.size - 1, graph.shape[0]
    _check_room(n_nodes, n_nodes)
    ranks = _ranks(net, np.arange(n_nodes), n_threads, scaled(progress, 0.5))
    deviation = _deviations(ranks)
    for start in range(0, n_rows, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, n_rows)
        first = graph.first_target if graph.is_bipartite else start
        block = ranks[start:stop] @ ranks[first:].T
        yield start, _correlations(block, deviation[start:stop, None], deviation[first:])
        if progress is not None:
            progress(0.5 * (stop - start) / n_rows)


def _check_room(n_rows: int, n_nodes: int) -> None:
    if 8 * n_rows * n_nodes > MAX_RANK_BYTES:
        raise ValueError(
            f"SPcorr keeps the distances from {n_rows:,} nodes to all {n_nodes:,}, more than "
            f"{MAX_RANK_BYTES // 2**30} GB; ask for fewer pairs (a smaller k), or order ties "
            'by index with a single rule (method="CH3-L3")'
        )


def _lengths(graph: Graph | BipartiteGraph, link_scores: Any) -> _distance_core.Lengths:
    """Return the neighbor lists, right nodes behind the left ones, with the lengths of links."""
    scores = check_link_values("link_scores", link_scores, graph.n_links)
    if scores.size and scores.min() < 0:
        raise ValueError(f"link_scores must be at least 0, got {scores.min()}")
    u, v = graph.links()
    v, n_nodes = v + graph.first_target, graph.n_nodes
    lengths = 1.0 / (1.0 + round_significant(scores))
    both = scipy.sparse.coo_array(
        (np.append(lengths, lengths), (np.append(u, v), np.append(v, u))), (n_nodes, n_nodes)
    ).tocsr()
    return _distance_core.Lengths(
        both.indptr.astype(np.int64), both.indices.astype(np.uint32), both.data
    )


def _ranks(
    net: _distance_core.Lengths,
    sources: np.ndarray,
    n_threads: int | None,
    progress: Progress | None,
) -> np.ndarray:
    """Return the centered doubled ranks of the distances from each source, a row each."""
    ranks = np.empty((sources.size, net.offsets.size - 1))
    for start in range(0, sources.size, _SOURCES_AT_ONCE):
        part = slice(start, start + _SOURCES_AT_ONCE)
        with thread_limit(n_threads) as n_workers:
            _distance_core.distance_ranks(sources[part], net, n_workers, ranks[part])
        if progress is not None:
            progress(sources[part].size / sources.size)
    return ranks


def _deviations(ranks: np.ndarray) -> np.ndarray:
    """Return the sum of squares of each row; at least 1, for the graph of one node."""
    return np.maximum(np.einsum("ij,ij->i", ranks, ranks), 1.0)


def _correlations(block: np.ndarray, of_rows: np.ndarray, of_columns: np.ndarray) -> np.ndarray:
    """Turn sums of products into correlations of 12 decimals, in place."""
    block /= np.sqrt(of_rows * of_columns)
    block *= _DECIMALS
    np.rint(block, out=block)
    block /= _DECIMALS
    block += 0.0  # no -0.0
    return block


def _of_pairs(ranks: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the correlation of pairs of rows: products of blocks of rows, read at the pairs."""
    deviation = _deviations(ranks)
    result = np.empty(source.size)
    # Few enough rows have room for 16 bits, which numpy sorts by counting.
    narrow = np.uint16 if len(ranks) <= 2**16 else np.int64
    order = np.argsort(source.astype(narrow), kind="stable")
    begins = np.append(0, np.cumsum(np.bincount(source, minlength=len(ranks))))
    distinct = np.flatnonzero(np.diff(begins))
    row_of, column_of = np.empty((2, len(ranks)), np.int64)
    for first in range(0, distinct.size, _PAIRED_ROWS_AT_ONCE):
        rows = distinct[first : first + _PAIRED_ROWS_AT_ONCE]
        pairs = order[begins[rows[0]] : begins[rows[-1] + 1]]
        columns = _nearly_all(np.flatnonzero(np.bincount(target[pairs], minlength=len(ranks))))
        row_of[rows], column_of[columns] = np.arange(rows.size), np.arange(len(column_of[columns]))
        block = ranks[rows] @ ranks[columns].T
        block = _correlations(block, deviation[rows, None], deviation[columns])
        result[pairs] = block[row_of[source[pairs]], column_of[target[pairs]]]
    return result


def _nearly_all(places: np.ndarray) -> np.ndarray | slice:
    """Return rising places, as the slice from the first to the last if that holds few others.

    Rows that a slice takes are not copied, which may take longer than multiplying with them.
    """
    first, stop = int(places[0]), int(places[-1]) + 1
    return slice(first, stop) if 4 * places.size >= 3 * (stop - first) else places
