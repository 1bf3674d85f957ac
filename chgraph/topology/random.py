"""Random bipartite graphs with an exact number of links."""

from __future__ import annotations

from typing import Any

import numpy as np

from chgraph._neighbor_lists import MAX_NODES
from chgraph.bipartite import check_bipartite
from chgraph.checks import (
    as_generator,
    check_count,
    check_node_mask,
    check_positive_int,
    check_sparsity,
)
from chgraph.graph import BipartiteGraph
from chgraph.jit import kernel

_MAX_LISTED = 2**22  # numbers: 32 MiB


def link_count(n_left: int, n_right: int, sparsity: float) -> int:
    """Return ``round((1 - sparsity) * n_left * n_right)``, the links a layer is to have.

    Raises
    ------
    ValueError
        If a number of nodes is not positive, or `sparsity` is not in [0, 1) or leaves no link
        at all.

    Examples
    --------
    >>> link_count(64, 512, 0.95)
    1638
    """
    n_left = check_positive_int("n_left", n_left)
    n_right = check_positive_int("n_right", n_right)
    if max(n_left, n_right) > MAX_NODES:
        raise ValueError(
            f"n_left and n_right must be at most {MAX_NODES:,}, got {n_left:,} and {n_right:,}"
        )
    sparsity = check_sparsity(sparsity)
    n_links = round((1.0 - sparsity) * n_left * n_right)
    if n_links < 1:
        raise ValueError(
            f"sparsity {sparsity} leaves a layer of {n_left} x {n_right} without links; "
            f"it must be at most {1 - 1 / max(n_left * n_right, 1):.6g}"
        )
    return n_links


def regular(n_left: int, n_right: int, sparsity: float, *, rng: Any = None) -> BipartiteGraph:
    """Return a random graph in which the nodes of a side have equal degrees (within 1).

    The initial topology of linear layers that do not read the input spikes.

    Parameters
    ----------
    n_left, n_right : int
        Number of input and output nodes.
    sparsity : float
        Fraction of possible links that is absent, in [0, 1).
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    BipartiteGraph
        With exactly ``round((1 - sparsity) * n_left * n_right)`` links. Which nodes get
        the odd link more is random.

    Raises
    ------
    ValueError
        If a size is not positive, or `sparsity` is out of range or leaves no link.

    Notes
    -----
    Link ends are matched at random; a pair that comes up twice trades ends with a random
    link. Above half density the absent links are drawn instead.

    References
    ----------
    CH-SNN, arXiv 2511.05581, section 3.2.1.

    Examples
    --------
    >>> graph = regular(4, 6, sparsity=0.5, rng=0)
    >>> graph.left_degree, graph.right_degree
    (array([3, 3, 3, 3]), array([2, 2, 2, 2, 2, 2]))
    """
    n_left = check_positive_int("n_left", n_left)
    n_right = check_positive_int("n_right", n_right)
    n_links = link_count(n_left, n_right, sparsity)
    generator = as_generator(rng)
    n_pairs = n_left * n_right
    if 2 * n_links <= n_pairs:
        return _match_ends(n_left, n_right, n_links, generator)
    absent = _match_ends(n_left, n_right, n_pairs - n_links, generator)
    present = np.ones((n_left, n_right), dtype=bool)
    present[absent.links()] = False
    return BipartiteGraph.from_biadjacency(present)


def erdos_renyi(n_left: int, n_right: int, sparsity: float, *, rng: Any = None) -> BipartiteGraph:
    """Return a graph drawn uniformly from all those with the wanted number of links.

    Parameters
    ----------
    n_left, n_right : int
        Number of input and output nodes.
    sparsity : float
        Fraction of possible links that is absent, in [0, 1).
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    BipartiteGraph
        With exactly ``round((1 - sparsity) * n_left * n_right)`` links.

    Raises
    ------
    ValueError
        If a size is not positive, or `sparsity` is out of range or leaves no link.

    Notes
    -----
    The model G(n, M) of Erdos and Renyi for two kinds of nodes: degrees vary (binomially,
    nearly) and a node may have no link at all; :func:`regular` gives equal degrees.

    References
    ----------
    Erdos and Renyi, Publ. Math. Debrecen 6:290, 1959.

    Examples
    --------
    >>> erdos_renyi(40, 60, sparsity=0.99, rng=0)
    BipartiteGraph(40 x 60, 24 links, density 0.01)
    """
    n_left = check_positive_int("n_left", n_left)
    n_right = check_positive_int("n_right", n_right)
    n_links = link_count(n_left, n_right, sparsity)
    codes = _distinct(n_left * n_right, n_links, as_generator(rng))
    return BipartiteGraph.from_links(*np.divmod(codes, n_right), (n_left, n_right))


def sample_unlinked(
    graph: BipartiteGraph, n: int, *, allowed: Any = None, rng: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `n` distinct unlinked pairs uniformly.

    Parameters
    ----------
    graph : BipartiteGraph
    n : int
        How many; all unlinked pairs come back if there are fewer.
    allowed : (ndarray of bool, ndarray of bool), optional
        Masks of the left and right nodes that may be linked; all by default.
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    left, right : ndarray of int64
        In (left, right) order.

    Notes
    -----
    O(links + n log links): the r-th unlinked pair is found by counting the links before
    it, so no list of unlinked pairs is made.

    Examples
    --------
    >>> sample_unlinked(BipartiteGraph.from_biadjacency([[1, 0], [0, 1]]), 2, rng=0)
    (array([0, 1]), array([1, 0]))
    """
    check_bipartite("graph", graph)
    n = check_count("n", n)
    left_nodes, right_nodes = allowed_nodes(graph, allowed)
    # Work in the smaller world of allowed nodes only, where pairs are numbered 0, 1, ...
    left, right = graph.links()
    inside = left_nodes[left] & right_nodes[right]
    n_right = int(right_nodes.sum())
    linked = (np.cumsum(left_nodes) - 1)[left[inside]] * n_right
    linked += (np.cumsum(right_nodes) - 1)[right[inside]]
    n_free = int(left_nodes.sum()) * n_right - linked.size
    rank = np.sort(_distinct(n_free, min(n, n_free), as_generator(rng)))
    # linked[i] - i unlinked pairs stand before the i-th link.
    code = rank + np.searchsorted(linked - np.arange(linked.size), rank, side="right")
    new_left, new_right = np.divmod(code, max(n_right, 1))
    return np.flatnonzero(left_nodes)[new_left], np.flatnonzero(right_nodes)[new_right]


def allowed_nodes(graph: BipartiteGraph, allowed: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of allowed left and right nodes; None allows every node."""
    if allowed is None:
        return np.ones(graph.n_left, dtype=bool), np.ones(graph.n_right, dtype=bool)
    if not isinstance(allowed, tuple | list) or len(allowed) != 2:
        raise ValueError("allowed must be a pair of boolean masks (left nodes, right nodes)")
    left, right = allowed
    return (
        check_node_mask("allowed[0]", left, graph.n_left),
        check_node_mask("allowed[1]", right, graph.n_right),
    )


def _distinct(n: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `size` distinct numbers below `n` uniformly, in O(size) memory."""
    # numpy lists the whole population unless it draws less than a fiftieth of it.
    if n <= _MAX_LISTED or 50 * size < n:
        return rng.choice(n, size=size, replace=False)
    if 2 * size > n:
        present = np.ones(n, dtype=bool)
        present[_distinct(n, n - size, rng)] = False
        return np.flatnonzero(present)
    found = np.empty(0, dtype=np.int64)
    while found.size < size:
        # A few more than are missing, since some come twice. Every set is equally likely.
        found = np.union1d(found, rng.integers(n, size=size + size // 8 - found.size))
    surplus = rng.choice(found.size, size=found.size - size, replace=False)
    return np.delete(found, surplus)


def _match_ends(
    n_left: int, n_right: int, n_links: int, rng: np.random.Generator
) -> BipartiteGraph:
    """Return a regular graph of at most half density."""
    left_degree = _equal_degrees(n_left, n_links, rng)
    offsets = np.concatenate([[0], np.cumsum(left_degree)])
    left = np.repeat(np.arange(n_left), left_degree)
    right = np.repeat(np.arange(n_right), _equal_degrees(n_right, n_links, rng))
    while True:
        rng.shuffle(right)
        if _trade_repeats(offsets, left, right, rng):
            return BipartiteGraph.from_links(left, right, (n_left, n_right))


def _equal_degrees(n_nodes: int, n_links: int, rng: np.random.Generator) -> np.ndarray:
    degree = np.full(n_nodes, n_links // n_nodes)
    degree[rng.permutation(n_nodes)[: n_links % n_nodes]] += 1
    return degree


@kernel()
def _linked(
    offsets: np.ndarray,
    right: np.ndarray,
    u: int,
    v: int,
) -> bool:
    for i in range(offsets[u], offsets[u + 1]):
        if right[i] == v:
            return True
    return False


@kernel()
def _trade_repeats(
    offsets: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    rng: np.random.Generator,
) -> bool:
    """Give each link that repeats an earlier one of its row the end of a random other link.

    Returns False if some repeat found no partner in many tries (a new shuffle is due).
    """
    for u in range(offsets.size - 1):
        for i in range(offsets[u], offsets[u + 1]):
            tries = 0
            while _repeats(offsets, right, u, i):
                j = rng.integers(0, right.size)
                w = left[j]
                if (
                    w != u
                    and not _linked(offsets, right, u, right[j])
                    and not _linked(offsets, right, w, right[i])
                ):
                    right[i], right[j] = right[j], right[i]
                tries += 1
                if tries > 100 * right.size:
                    return False
    return True


@kernel()
def _repeats(
    offsets: np.ndarray,
    right: np.ndarray,
    u: int,
    i: int,
) -> bool:
    for j in range(offsets[u], i):
        if right[j] == right[i]:
            return True
    return False
