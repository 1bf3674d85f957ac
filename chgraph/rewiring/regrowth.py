"""Which links grow: unlinked pairs chosen by link prediction or at random."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from chgraph._ranking import top_pairs
from chgraph.bipartite import check_bipartite
from chgraph.checks import as_generator, check_choice, check_count
from chgraph.graph import BipartiteGraph
from chgraph.linkpred.automata import BIPARTITE_METHODS, score_blocks
from chgraph.rewiring._race_core import race_keys
from chgraph.rewiring.selection import SAMPLINGS
from chgraph.threads import thread_limit
from chgraph.topology.random import allowed_nodes, sample_unlinked

_SMALL_BLOCK = 500_000  # pairs: a few milliseconds on one thread
REGROWTH_METHODS = (*BIPARTITE_METHODS, "random")


def regrow_links(
    graph: BipartiteGraph,
    n: int,
    *,
    method: str = "CH3-L3",
    sampling: str = "soft",
    allowed: Any = None,
    rng: Any = None,
    n_threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose `n` unlinked pairs that are to become links.

    Parameters
    ----------
    graph : BipartiteGraph
    n : int
        How many links to grow.
    method : str
        A rule of link prediction ("CH3-L3", "CH2-L3", "CH3-L3n", ...: one of
        :data:`chgraph.linkpred.BIPARTITE_METHODS`), or "random" for a uniform draw.
    sampling : {"soft", "hard"}
        "soft": draw without replacement, probability proportional to the score. "hard":
        the `n` best, equal scores in (left, right) order. No effect on "random".
    allowed : (ndarray of bool, ndarray of bool), optional
        Masks of the left and right nodes that may gain a link, such as the live neurons.
    rng : int, numpy Generator or None
        Seed or generator.
    n_threads : int, optional
        At most this many threads; the same seed gives the same links for any number.

    Returns
    -------
    left, right : ndarray of int64
        The new links in (left, right) order: exactly `n`, or all allowed unlinked pairs if
        there are fewer. When fewer than `n` pairs score above 0, the rest is drawn
        uniformly from the other allowed pairs.

    Raises
    ------
    TypeError
        If `graph` is not a BipartiteGraph.
    ValueError
        If `n` is negative, a name is unknown, or a mask does not fit.

    Notes
    -----
    Scores are streamed in blocks of rows and never stored whole. A soft draw is an
    exponential race whose random numbers are a hash of (seed, left, right), so it needs
    no order of visiting the pairs.

    References
    ----------
    CH-SNN, arXiv 2511.05581, section 3.2.4; CHTs, arXiv 2501.19107.

    Examples
    --------
    >>> path = BipartiteGraph.from_biadjacency([[1, 0, 0], [1, 1, 0]])
    >>> regrow_links(path, 1, sampling="hard")
    (array([0]), array([1]))
    """
    check_bipartite("graph", graph)
    n = check_count("n", n)
    check_choice("method", method, REGROWTH_METHODS)
    if method != "random":
        blocks = score_blocks(graph, method, n_threads=n_threads)
        return regrow_by_scores(
            graph, n, blocks, sampling=sampling, allowed=allowed, rng=rng, n_threads=n_threads
        )
    check_choice("sampling", sampling, SAMPLINGS)
    masks = allowed_nodes(graph, allowed)
    return sample_unlinked(graph, n, allowed=masks, rng=as_generator(rng))


def regrow_by_scores(
    graph: BipartiteGraph,
    n: int,
    blocks: Iterable[tuple[int, np.ndarray]],
    *,
    sampling: str = "soft",
    allowed: Any = None,
    rng: Any = None,
    n_threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose `n` unlinked pairs by scores of any origin, such as gradients.

    Parameters
    ----------
    graph : BipartiteGraph
    n : int
        How many links to grow.
    blocks : iterable of (int, ndarray of float64, shape (rows, n_right))
        Scores of all pairs, 0 or more, in blocks of consecutive rows, each with the number of
        its first row. They are changed in place. Scores of linked pairs do not count.
    sampling, allowed, rng, n_threads
        As in :func:`regrow_links`.

    Returns
    -------
    left, right : ndarray of int64
        As from :func:`regrow_links`.

    Raises
    ------
    TypeError
        If `graph` is not a BipartiteGraph.
    ValueError
        If `n` is negative, `sampling` unknown, or a mask or a block does not fit.

    References
    ----------
    Evci et al., arXiv 1911.11134 (RigL: the scores are sizes of gradients).

    Examples
    --------
    >>> graph = BipartiteGraph.from_biadjacency([[1, 0], [0, 0]])
    >>> regrow_by_scores(graph, 1, [(0, np.array([[9.0, 1.0], [0.0, 2.0]]))], sampling="hard")
    (array([1]), array([1]))
    """
    check_bipartite("graph", graph)
    n = check_count("n", n)
    check_choice("sampling", sampling, SAMPLINGS)
    masks = allowed_nodes(graph, allowed)
    generator = as_generator(rng)
    seed = generator.integers(2**64, dtype=np.uint64) if sampling == "soft" else None
    left, right, _ = top_pairs(_growth_keys(graph, blocks, masks, seed, n_threads), n)
    if left.size < n:
        grown = graph.add_links(left, right)
        more = sample_unlinked(grown, n - left.size, allowed=masks, rng=generator)
        left, right = np.concatenate([left, more[0]]), np.concatenate([right, more[1]])
    order = np.lexsort((right, left))
    return left[order], right[order]


def _growth_keys(
    graph: BipartiteGraph,
    blocks: Iterable[tuple[int, np.ndarray]],
    masks: tuple[np.ndarray, np.ndarray],
    seed: np.uint64 | None,
    n_threads: int | None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield blocks of keys whose largest are the links to grow; 0 where none may grow."""
    for start, block in blocks:
        _check_block(start, block, graph)
        stop = start + block.shape[0]
        first, last = graph.left_offsets[[start, stop]]
        degree = graph.left_degree[start:stop]
        block[np.repeat(np.arange(degree.size), degree), graph.left_neighbors[first:last]] = 0.0
        block[~masks[0][start:stop]] = 0.0
        block[:, ~masks[1]] = 0.0
        if seed is not None:
            with thread_limit(1 if block.size < _SMALL_BLOCK else n_threads):
                race_keys(seed, start, block)
        yield start, block


def _check_block(start: int, block: np.ndarray, graph: BipartiteGraph) -> None:
    fits = block.ndim == 2 and block.shape[1] == graph.n_right
    if not fits or not 0 <= start <= graph.n_left - len(block):
        raise ValueError(
            f"blocks must be rows of a {graph.n_left} x {graph.n_right} matrix, got one of shape "
            f"{block.shape} that starts at row {start}"
        )
    # One pass: NaN and infinity are passed on by the maximum.
    if block.size and not np.isfinite(block.max()):
        raise ValueError(f"blocks must be finite, got {block.max()} in the one at row {start}")
