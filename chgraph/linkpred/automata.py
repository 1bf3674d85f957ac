"""Cannistraci-Hebb rules as scores of missing links, delivered in blocks of rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chgraph._checks import check_choice
from chgraph._threads import thread_limit
from chgraph.graph import BipartiteGraph
from chgraph.linkpred import _bipartite_core

BIPARTITE_RULES = ("CH3-L3",)
_BLOCK_BYTES = 32 * 2**20


def score_blocks(
    graph: BipartiteGraph, method: str = "CH3-L3", *, n_threads: int | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    r"""Score every unlinked pair of a bipartite graph, a block of left nodes at a time.

    .. math::
        \mathrm{CH3\text{-}L3}(u, v) = \sum_{u - z_1 - z_2 - v}
        \frac{1}{\sqrt{(1 + de(z_1)) (1 + de(z_2))}}

    over the paths of three links, where de counts a node's links that lead out of the
    local community of (u, v). In a bipartite graph and for an unlinked pair,
    1 + de(z1) = d(z1) - \|N(z1) & N(v)\| and 1 + de(z2) = d(z2) - \|N(z2) & N(u)\|.

    Parameters
    ----------
    graph : BipartiteGraph
    method : {"CH3-L3"}
    n_threads : int, optional
        At most this many threads; the scores are the same for any number.

    Yields
    ------
    start : int
        First left node of the block.
    scores : ndarray of float64, shape (rows, n_right)
        Scores of left nodes ``start, start + 1, ...``; 0 for linked pairs and for pairs
        without a path. A block holds at most 32 MiB (or one row).

    Notes
    -----
    One addition per path: O(sum over links (u, z1) of the links of z1's neighbours) time;
    memory is the links, one block and one row per thread.

    References
    ----------
    CH-SNN, arXiv 2511.05581, equation 5; adaptive network automata (CHA), section 2.1.3.

    Examples
    --------
    A path of four nodes: its two ends are joined by one path, through nodes with no
    link outside it.

    >>> graph = BipartiteGraph.from_biadjacency([[1, 0], [1, 1]])
    >>> [(start, scores.tolist()) for start, scores in score_blocks(graph)]
    [(0, [[0.0, 1.0], [0.0, 0.0]])]
    """
    check_choice("method", method, BIPARTITE_RULES)
    rows = max(1, _BLOCK_BYTES // (8 * max(graph.n_right, 1)))
    for start in range(0, graph.n_left, rows):
        block = np.empty((min(rows, graph.n_left - start), graph.n_right))
        with thread_limit(n_threads) as n_workers:
            _bipartite_core.ch3_l3_block(
                start,
                n_workers,
                graph.left_offsets,
                graph.left_neighbors,
                graph.right_offsets,
                graph.right_neighbors,
                block,
            )
        yield start, block
