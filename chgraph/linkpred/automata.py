"""Cannistraci-Hebb rules as scores of missing links, delivered in blocks of rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chgraph._checks import check_choice
from chgraph._threads import thread_limit
from chgraph.graph import BipartiteGraph
from chgraph.linkpred import _bipartite_core

# method -> (node term, whether it is summed over the nodes instead of the paths)
_RULES = {
    "RA-L3": ("RA", False),
    "CH1-L3": ("CH1", False),
    "CH2-L3": ("CH2", False),
    "CH3-L3": ("CH3", False),
    "CH3.1-L3": ("CH3.1", False),
    "CH2-L3n": ("CH2", True),
    "CH3-L3n": ("CH3", True),
}
BIPARTITE_METHODS = tuple(_RULES)
_BLOCK_BYTES = 32 * 2**20


def score_blocks(
    graph: BipartiteGraph, method: str = "CH3-L3", *, n_threads: int | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    r"""Score every unlinked pair of a bipartite graph, a block of left nodes at a time.

    .. math::
        \mathrm{CH3\text{-}L3}(u, v) = \sum_{u - z_1 - z_2 - v}
        \frac{1}{\sqrt{(1 + de(z_1)) (1 + de(z_2))}}

    over the paths of three links, where de counts a node's links that lead out of the
    local community of (u, v). The other path-based methods replace 1 / (1 + de) by the
    node term of their rule: RA 1 / d, CH1 di / d, CH2 (1 + di) / (1 + de), CH3.1
    (1 + di) / (1 + de)^(1 + de / (1 + de)). The node-based CH2-L3n and CH3-L3n add the
    term once per node of the local community instead.

    Parameters
    ----------
    graph : BipartiteGraph
    method : {"RA-L3", "CH1-L3", "CH2-L3", "CH3-L3", "CH3.1-L3", "CH2-L3n", "CH3-L3n"}
    n_threads : int, optional
        At most this many threads; the scores are the same for any number.

    Yields
    ------
    start : int
        First left node of the block.
    scores : ndarray of float64, shape (rows, n_right)
        Scores of left nodes ``start, start + 1, ...``; 0 for linked pairs and for pairs
        without a path. A block holds at most 32 MiB (or one row).

    Raises
    ------
    ValueError
        If `method` is unknown.

    Notes
    -----
    In a bipartite graph and for an unlinked pair, di(z1) = \|N(z1) & N(v)\| and
    di(z2) = \|N(z2) & N(u)\|: both depend on a pair of one side only, so a path costs one
    multiplication and addition. Memory is the links, one block, a row per thread, and at
    most 64 MB of shared-neighbour counts (counted anew for each row where they need more).

    References
    ----------
    CH-SNN, arXiv 2511.05581, equation 5; adaptive network automata (CHA), section 2.1.3;
    node-based forms: CHTs, arXiv 2501.19107, algorithm 1.

    Examples
    --------
    A path of four nodes: its two ends are joined by one path, through nodes with no
    link outside it.

    >>> graph = BipartiteGraph.from_biadjacency([[1, 0], [1, 1]])
    >>> [(start, scores.tolist()) for start, scores in score_blocks(graph)]
    [(0, [[0.0, 1.0], [0.0, 0.0]])]
    """
    check_choice("method", method, BIPARTITE_METHODS)
    rule, node_based = _RULES[method]
    with thread_limit(n_threads):
        layer = _bipartite_core.prepare(
            graph.left_offsets,
            graph.left_neighbors,
            graph.right_offsets,
            graph.right_neighbors,
            rule,
            node_based=node_based,
        )
    rows = max(1, _BLOCK_BYTES // (8 * max(graph.n_right, 1)))
    for start in range(0, graph.n_left, rows):
        stop = min(start + rows, graph.n_left)
        block = np.empty((stop - start, graph.n_right))
        with thread_limit(n_threads) as n_workers:
            _bipartite_core.score_rows(start, stop, layer, n_workers, block)
        yield start, block
