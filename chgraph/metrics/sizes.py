"""How large and how dense: nodes, links, degrees, and whether like meets like."""

from __future__ import annotations

from typing import Any

import numpy as np

from chgraph.checks import check_choice
from chgraph.metrics._workspace import layer_workspace, workspace
from chgraph.metrics.undefined import Undefined

SIDES = ("left", "right")


def n_nodes(graph: Any) -> int:
    """Return N, the number of nodes; of a layer those of both sides.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        As every measure takes it: a rectangular matrix is a layer, a square symmetric one is
        a network of one kind of node.

    Examples
    --------
    >>> n_nodes([[1, 0, 1], [0, 1, 1]])
    5
    """
    return workspace(graph).n_nodes


def n_links(graph: Any) -> int:
    """Return E, the number of links; parameters as :func:`n_nodes`.

    Examples
    --------
    >>> n_links([[1, 0, 1], [0, 1, 1]])
    4
    """
    return workspace(graph).n_links


def average_degree(graph: Any) -> float:
    """Return 2 E / N, NaN without nodes; parameters as :func:`n_nodes`.

    Examples
    --------
    >>> average_degree([[1, 0, 1], [0, 1, 1]])
    1.6
    """
    work = workspace(graph)
    if not work.n_nodes:
        return Undefined("the graph has no nodes")
    return 2.0 * work.n_links / work.n_nodes


def density(graph: Any) -> float:
    """Return 2 E / (N (N - 1)), NaN with fewer than two nodes; parameters as :func:`n_nodes`.

    A layer counts as one network, in which links within a side would be possible too: that
    is what the published tables give. The share of a layer's own possible links is
    :func:`layer_density`.

    Examples
    --------
    >>> density([[1, 0, 1], [0, 1, 1]]), layer_density([[1, 0, 1], [0, 1, 1]])
    (0.4, 0.6666666666666666)
    """
    work = workspace(graph)
    if work.n_nodes < 2:
        return Undefined("the graph has fewer than two nodes")
    return 2.0 * work.n_links / (work.n_nodes * (work.n_nodes - 1))


def layer_density(graph: Any) -> float:
    """Return E / (left nodes x right nodes), 1 - sparsity; NaN if a side has no nodes.

    Parameters
    ----------
    graph : BipartiteGraph or what :func:`chgraph.as_bipartite` takes

    Examples
    --------
    >>> import chgraph
    >>> round(layer_density(chgraph.datasets.load("southern_women")), 3)
    0.353
    """
    work = layer_workspace(graph)
    left, right = work.graph.shape
    if not left * right:
        return Undefined("one side of the graph has no nodes")
    return work.n_links / (left * right)


def degree_distribution(graph: Any, *, side: str | None = None) -> np.ndarray:
    """Return the number of nodes of each degree.

    Parameters
    ----------
    graph
        As :func:`n_nodes` takes it; what :func:`chgraph.as_bipartite` takes if `side` is given.
    side : {"left", "right"}, optional
        One side of a layer; all nodes by default.

    Returns
    -------
    ndarray of int64, shape (largest degree + 1,)
        Entry k counts the nodes of degree k; empty without nodes.

    Raises
    ------
    ValueError
        If `side` is none of these.
    TypeError
        If `side` is given for a network of one kind of node.

    Examples
    --------
    >>> degree_distribution([[1, 0, 1], [0, 1, 1]])
    array([0, 2, 3])
    >>> degree_distribution([[1, 0, 1], [0, 1, 1]], side="left")
    array([0, 0, 2])
    """
    return np.bincount(degrees(graph, side)).astype(np.int64)


def degrees(graph: Any, side: str | None = None) -> np.ndarray:
    """Return the degree of every node, int64; parameters as :func:`degree_distribution`.

    Examples
    --------
    >>> degrees([[1, 0, 1], [0, 1, 1]])
    array([2, 2, 1, 1, 2])
    """
    if side is None:
        return workspace(graph).degree
    check_choice("side", side, SIDES)
    work = layer_workspace(graph)
    n_left = work.graph.shape[0]
    return work.degree[:n_left] if side == "left" else work.degree[n_left:]


def assortativity(graph: Any) -> float:
    r"""Return Newman's assortativity: Pearson's r of the degrees at both ends of the links.

    .. math:: r = \frac{M \sum d_u d_v - (\sum d_u)^2}{M \sum d_u^2 - (\sum d_u)^2}

    over the M = 2 E ordered links; all sums are integers and exact. Negative in layers whose
    two sides differ in size.

    Parameters
    ----------
    graph
        As :func:`n_nodes` takes it.

    Returns
    -------
    float
        NaN without links, or if all linked nodes have the same degree.

    References
    ----------
    Newman, Phys. Rev. Lett. 89:208701, 2002, eq. 4.

    Examples
    --------
    >>> import networkx
    >>> assortativity(networkx.star_graph(5))
    -1.0
    """
    work = workspace(graph)
    if not work.n_links:
        return Undefined("the graph has no links")
    degree = work.degree
    ends, others = np.repeat(degree, degree), degree[work.neighbor_lists[1]]
    total, squares = int(ends.sum()), sum_of_products(ends, ends)
    spread = ends.size * squares - total**2
    if not spread:
        return Undefined("all nodes with links have the same degree")
    return (ends.size * sum_of_products(ends, others) - total**2) / spread


def sum_of_products(a: np.ndarray, b: np.ndarray) -> int:
    """Return sum(a * b) of int64 arrays as an exact int."""
    if not a.size or int(np.abs(a).max()) * int(np.abs(b).max()) * a.size < 2**62:
        return int(a @ b)
    return sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True))
