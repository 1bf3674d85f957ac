"""How central single nodes and links are, under the names and norms of networkx.

Values stand in the order of the nodes, of a layer the right ones behind the left ones, or of
``graph.links()``. They are exact: every node is a source of shortest paths.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chgraph.checks import check_flag
from chgraph.metrics import _centrality_core
from chgraph.metrics._workspace import Workspace, workspace
from chgraph.threads import workers_for

_PER_VISIT = 3.0  # operations to look along a link from one of its ends, both passes
_FEW_HOPS = 8  # the diameter that the work of a search is guessed for


def closeness_centrality(graph: Any, *, wf_improved: bool = True) -> np.ndarray:
    r"""Return how near each node is to those that it reaches.

    .. math:: C(u) = \frac{r - 1}{N - 1} \cdot \frac{r - 1}{\sum_v d(u, v)}

    with r the number of nodes that u reaches, itself included: the second factor is 1 / mean
    distance, the first is 1 in a connected graph.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        As every measure takes it: a rectangular matrix is a layer, a square symmetric one is
        a network of one kind of node.
    wf_improved : bool
        Whether the first factor, of Wasserman and Faust, counts; without it nodes of small
        components look the most central, as in igraph's ``closeness``.

    Returns
    -------
    ndarray of float64, shape (n_nodes,)
        0 for nodes without links.

    Raises
    ------
    TypeError
        If `graph` is not a network or `wf_improved` no truth value.

    Notes
    -----
    networkx's ``closeness_centrality``; O(N E / 64) in the best case. The measure called
    :func:`closeness` is another one: the mean of :func:`harmonic_centrality`.

    References
    ----------
    Freeman, Social Networks 1:215, 1979; Wasserman and Faust, Social Network Analysis, 1994,
    p. 201.

    Examples
    --------
    >>> import networkx
    >>> closeness_centrality(networkx.path_graph(3))
    array([0.66666667, 1.        , 0.66666667])
    """
    wf_improved = check_flag("wf_improved", wf_improved)
    work = workspace(graph)
    reached, far, *_ = reach_of(work)
    value = np.zeros(work.n_nodes)
    np.divide(reached, far, out=value, where=far > 0)
    return value * (reached / (work.n_nodes - 1)) if wf_improved and work.n_links else value


def harmonic_centrality(graph: Any) -> np.ndarray:
    """Return the sum over all other nodes of 1 / distance, 0 for those not connected.

    Parameters
    ----------
    graph
        As :func:`closeness_centrality` takes it.

    Returns
    -------
    ndarray of float64, shape (n_nodes,)

    Notes
    -----
    networkx's ``harmonic_centrality``; igraph's with ``normalized=False``.

    References
    ----------
    Boldi and Vigna, Internet Mathematics 10:222, 2014.

    Examples
    --------
    >>> import networkx
    >>> harmonic_centrality(networkx.path_graph(3))
    array([1.5, 2. , 1.5])
    """
    return reach_of(workspace(graph)).near


def betweenness_centrality(graph: Any, *, normalized: bool = True) -> np.ndarray:
    """Return the share of shortest paths between two others that pass through each node.

    A pair of nodes counts 1, divided equally among its shortest paths.

    Parameters
    ----------
    graph
        As :func:`closeness_centrality` takes it.
    normalized : bool
        Whether to divide by the (N - 1) (N - 2) / 2 pairs of other nodes.

    Returns
    -------
    ndarray of float64, shape (n_nodes,)

    Raises
    ------
    TypeError
        If `graph` is not a network or `normalized` no truth value.
    ValueError
        If two nodes have more than 1e308 shortest paths.

    Notes
    -----
    networkx's ``betweenness_centrality``; igraph's ``betweenness`` with
    ``normalized=False``. O(N E). Its mean, :func:`node_betweenness`, which counts a pair
    twice, needs much less.

    References
    ----------
    Freeman, Sociometry 40:35, 1977; Brandes, J. Math. Sociol. 25:163, 2001 (the way).

    Examples
    --------
    >>> import networkx
    >>> betweenness_centrality(networkx.path_graph(4))
    array([0.        , 0.66666667, 0.66666667, 0.        ])
    """
    normalized = check_flag("normalized", normalized)
    work = workspace(graph)
    n = work.n_nodes
    return paths_through(work, links=False)[0] / ((n - 1) * (n - 2) if normalized and n > 2 else 2)


def edge_betweenness_centrality(graph: Any, *, normalized: bool = True) -> np.ndarray:
    """Return the share of shortest paths between two nodes that cross each link.

    Parameters
    ----------
    graph
        As :func:`closeness_centrality` takes it.
    normalized : bool
        Whether to divide by the N (N - 1) / 2 pairs of nodes.

    Returns
    -------
    ndarray of float64, shape (n_links,)
        In the order of ``graph.links()``, for a graph of another library of
        ``chgraph.graph.as_network(graph).links()``.

    Raises
    ------
    TypeError, ValueError
        As :func:`betweenness_centrality`.

    Notes
    -----
    networkx's ``edge_betweenness_centrality``; igraph's ``edge_betweenness`` with
    ``normalized=False``. O(N E). Its mean, :func:`edge_betweenness`, needs much less.

    References
    ----------
    Girvan and Newman, PNAS 99:7821, 2002; Brandes, Social Networks 30:136, 2008.

    Examples
    --------
    >>> import networkx
    >>> edge_betweenness_centrality(networkx.path_graph(4), normalized=False)
    array([3., 4., 3.])
    """
    normalized = check_flag("normalized", normalized)
    work = workspace(graph)
    n = work.n_nodes
    return _between_links(work) / (n * (n - 1) if normalized and n > 1 else 2)


def reach_of(work: Workspace) -> _centrality_core.Reach:
    """Return for each node how many others it reaches and the sums over their distances."""
    n_blocks = -(-work.n_nodes // _centrality_core.SOURCES)
    shape = (min(_centrality_core.PARTS, n_blocks), work.n_nodes)
    reach = _centrality_core.Reach(
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.zeros(shape),
        np.zeros(shape, np.int64),
    )
    if work.n_links:
        with workers_for(_FEW_HOPS * n_blocks * 2 * work.n_links) as n_workers:
            _centrality_core.sum_distances(*work.neighbor_lists, n_workers, reach)
    reached, far, near = (parts.sum(axis=0) for parts in reach[:3])
    return _centrality_core.Reach(reached, far, near, reach.farthest.max(axis=0, initial=0))


def paths_through(work: Workspace, *, links: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the shortest paths of all ordered pairs through each node and along each place.

    Places are those of the neighbor lists; none, where links do not count.
    """
    offsets, neighbors = work.neighbor_lists
    n_parts = min(_centrality_core.PARTS, work.n_nodes)
    between = _centrality_core.Between(
        np.zeros((n_parts, work.n_nodes)),
        np.zeros((n_parts, neighbors.size if links else 0)),
        np.zeros(n_parts, np.bool_),
    )
    if work.n_links:
        with workers_for(_PER_VISIT * work.n_nodes * neighbors.size) as n_workers:
            _centrality_core.sum_paths(offsets, neighbors, n_workers, between)
    if between.overflow.any():
        raise ValueError("two nodes have more than 1e308 shortest paths: too many to share")
    return between.nodes.sum(axis=0), between.links.sum(axis=0)


def _between_links(work: Workspace) -> np.ndarray:
    """Return the shortest paths of all ordered pairs along each link, in link order."""
    offsets, neighbors = work.neighbor_lists
    along = paths_through(work, links=True)[1]
    owner = np.repeat(np.arange(work.n_nodes, dtype=np.uint32), np.diff(offsets))
    # Place i of the lists is u -> v; of the places ordered by neighbor, the i-th is v -> u.
    back = np.lexsort((owner, neighbors))
    both: np.ndarray = (along + along[back])[owner < neighbors]
    return both
