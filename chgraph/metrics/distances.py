r"""How far nodes are from each other: everything that the number of pairs per distance tells.

With :math:`n_d` the ordered pairs of nodes at distance d (1 <= d <= D, the diameter: the
largest finite distance), N nodes and E links:

===========================  ========================================
characteristic path length   :math:`\sum d\, n_d / \sum n_d`
global efficiency            :math:`\sum (n_d / d) / (N (N - 1))`
harmonic centrality, mean    :math:`\sum (n_d / d) / N`
link betweenness, mean       :math:`\sum d\, n_d / (2 E)`
node betweenness, mean       :math:`\sum (d - 1)\, n_d / N`
radiality                    :math:`\sum (D + 1 - d)\, n_d / (N (N - 1))`
===========================  ========================================

(A shortest path of d links crosses d links and d - 1 nodes between its ends, so no path need
be followed for the means of betweenness.) The :math:`n_d` are exact integers, found by one
bit-parallel breadth-first search; a layer counts as one network of both sides.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chgraph.checks import check_choice
from chgraph.metrics._workspace import Workspace, workspace
from chgraph.metrics.undefined import Undefined

UNREACHABLE = ("zero", "published")
_FEW_NODES = "the graph has fewer than two nodes"
_NO_PAIRS = "no two nodes are connected"


def distance_distribution(graph: Any) -> np.ndarray:
    """Return the number of ordered pairs of nodes at each finite distance.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        As every measure takes it: a rectangular matrix is a layer, a square symmetric one is
        a network of one kind of node.

    Returns
    -------
    ndarray of int64, shape (diameter + 1,)
        Entry d counts the pairs at distance d; entry 0 is the number of nodes.

    Notes
    -----
    O(N E / 64) in the best case, small diameters, and O(N E) in the worst; 200 bytes of
    memory per node and thread.

    Examples
    --------
    >>> import networkx
    >>> distance_distribution(networkx.path_graph(4))
    array([4, 6, 4, 2])
    """
    return workspace(graph).distances.copy()


def characteristic_path_length(graph: Any) -> float:
    """Return the mean distance between two nodes that are connected.

    Parameters
    ----------
    graph
        As :func:`distance_distribution` takes it.

    Returns
    -------
    float
        NaN if no two nodes are connected.

    References
    ----------
    Watts and Strogatz, Nature 393:440, 1998.

    Examples
    --------
    >>> import networkx
    >>> characteristic_path_length(networkx.cycle_graph(5))
    1.5
    """
    n_pairs, total = _pairs_and_hops(workspace(graph))
    return total / n_pairs if n_pairs else Undefined(_NO_PAIRS)


def global_efficiency(graph: Any) -> float:
    """Return the mean of 1 / distance over all pairs of nodes, 0 for pairs not connected.

    Parameters
    ----------
    graph
        As :func:`distance_distribution` takes it.

    Returns
    -------
    float
        NaN with fewer than two nodes.

    References
    ----------
    Latora and Marchiori, Phys. Rev. Lett. 87:198701, 2001.

    Examples
    --------
    >>> import networkx
    >>> global_efficiency(networkx.star_graph(3))
    0.75
    """
    work = workspace(graph)
    if work.n_nodes < 2:
        return Undefined(_FEW_NODES)
    return _inverse_hops(work) / (work.n_nodes * (work.n_nodes - 1))


def mean_harmonic_centrality(graph: Any) -> float:
    """Return the mean over the nodes of the sum of 1 / distance to all others.

    The mean of :func:`chgraph.metrics.harmonic_centrality` and (N - 1) times the global
    efficiency. The published tables, and :func:`chgraph.metrics.summary` after them, call it
    "closeness", which :func:`closeness` is another name for; it is not the mean of
    :func:`chgraph.metrics.closeness_centrality`, the closeness of the field.

    Parameters
    ----------
    graph
        As :func:`distance_distribution` takes it.

    Returns
    -------
    float
        NaN with fewer than two nodes.

    Examples
    --------
    >>> import networkx
    >>> mean_harmonic_centrality(networkx.star_graph(3))
    2.25
    >>> closeness is mean_harmonic_centrality
    True
    """
    work = workspace(graph)
    if work.n_nodes < 2:
        return Undefined(_FEW_NODES)
    return _inverse_hops(work) / work.n_nodes


closeness = mean_harmonic_centrality  # under its name in the published tables


def edge_betweenness(graph: Any) -> float:
    """Return the mean over the links of the shortest paths that cross each.

    Each unordered pair of nodes counts once, shared equally among its shortest paths, not
    normalized: networkx's ``edge_betweenness_centrality(normalized=False)`` and igraph's
    ``edge_betweenness``. :func:`chgraph.metrics.edge_betweenness_centrality` gives the values
    per link.

    Parameters
    ----------
    graph
        As :func:`distance_distribution` takes it.

    Returns
    -------
    float
        NaN without links.

    References
    ----------
    Girvan and Newman, PNAS 99:7821, 2002.

    Examples
    --------
    >>> import networkx
    >>> edge_betweenness(networkx.star_graph(3))
    3.0
    """
    work = workspace(graph)
    if not work.n_links:
        return Undefined("the graph has no links")
    return _pairs_and_hops(work)[1] / (2 * work.n_links)


def node_betweenness(graph: Any) -> float:
    """Return the mean over the nodes of the shortest paths that pass through each.

    Each ordered pair of nodes counts, as in the published tables, shared equally among its
    shortest paths, not normalized: **twice** the mean of networkx's
    ``betweenness_centrality(normalized=False)`` and igraph's ``betweenness``, which count a
    pair once, as does :func:`chgraph.metrics.betweenness_centrality`, the values per node.

    Parameters
    ----------
    graph
        As :func:`distance_distribution` takes it.

    Returns
    -------
    float
        NaN without nodes.

    References
    ----------
    Freeman, Sociometry 40:35, 1977.

    Examples
    --------
    The center of a star of four nodes lies between 3 x 2 ordered pairs.

    >>> import networkx
    >>> node_betweenness(networkx.star_graph(3))
    1.5
    """
    work = workspace(graph)
    if not work.n_nodes:
        return Undefined("the graph has no nodes")
    n_pairs, total = _pairs_and_hops(work)
    return (total - n_pairs) / work.n_nodes


def radiality(graph: Any, *, unreachable: str = "zero") -> float:
    """Return the mean over all ordered pairs of nodes of diameter + 1 - distance.

    The diameter is the largest finite distance, so that a pair that is farthest apart scores
    1 and a linked one the diameter.

    Parameters
    ----------
    graph
        As :func:`distance_distribution` takes it.
    unreachable : {"zero", "published"}
        What a pair scores that is not connected: 0, less than any pair that is; or diameter
        + 1, *more* than a linked pair, which the published tool gives it and which looks
        unintended. On connected graphs there is no such pair.

    Returns
    -------
    float
        NaN with fewer than two nodes.

    Raises
    ------
    ValueError
        If `unreachable` is none of these.

    References
    ----------
    Valente and Foreman, Social Networks 20:89, 1998.

    Examples
    --------
    >>> import networkx
    >>> radiality(networkx.path_graph(3))
    1.6666666666666667
    >>> two_pairs = networkx.Graph([(0, 1), (2, 3)])
    >>> radiality(two_pairs), radiality(two_pairs, unreachable="published")
    (0.3333333333333333, 1.6666666666666667)
    """
    check_choice("unreachable", unreachable, UNREACHABLE)
    work = workspace(graph)
    if work.n_nodes < 2:
        return Undefined(_FEW_NODES)
    n_pairs, total = _pairs_and_hops(work)
    n_all = work.n_nodes * (work.n_nodes - 1)
    counted = n_pairs if unreachable == "zero" else n_all
    return (work.distances.size * counted - total) / n_all


def _pairs_and_hops(work: Workspace) -> tuple[int, int]:
    """Return the number of ordered connected pairs and the sum of their distances, exact."""
    counts = work.distances[1:].tolist()
    return sum(counts), sum(d * n for d, n in enumerate(counts, 1))


def _inverse_hops(work: Workspace) -> float:
    """Return the sum of 1 / distance over the ordered connected pairs."""
    return math.fsum(n / d for d, n in enumerate(work.distances[1:].tolist(), 1))
