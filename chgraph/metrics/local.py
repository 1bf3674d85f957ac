"""How the neighbors of a node know each other: triangles, local efficiency, LCP-corr.

The neighbors of a node of a layer are of one side and never linked: there, all of these are
0, and the measures of :mod:`chgraph.metrics.layers` take their place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chgraph.metrics import _bits_core
from chgraph.metrics._workspace import Workspace, workspace
from chgraph.metrics.sizes import sum_of_products
from chgraph.metrics.undefined import Undefined
from chgraph.threads import workers_for

_NO_NODES = "the graph has no nodes"


def clustering(graph: Any) -> float:
    r"""Return the mean over the nodes of the share of their pairs of neighbors that are linked.

    .. math:: C = \frac{1}{N} \sum_u \frac{2 t_u}{d_u (d_u - 1)}

    with :math:`t_u` the triangles at u. Nodes with fewer than two links count 0 (networkx's
    ``average_clustering``; igraph's ``transitivity_avglocal_undirected(mode="zero")``).

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        As every measure takes it: a rectangular matrix is a layer, a square symmetric one is
        a network of one kind of node.

    Returns
    -------
    float
        NaN without nodes.

    References
    ----------
    Watts and Strogatz, Nature 393:440, 1998.

    Examples
    --------
    >>> import networkx
    >>> clustering(networkx.complete_graph(4))
    1.0
    """
    work = workspace(graph)
    if not work.n_nodes:
        return Undefined(_NO_NODES)
    if work.bipartite:
        return 0.0
    possible = work.degree * (work.degree - 1)
    local = 2.0 * work.links_near / np.maximum(possible, 1)
    return math.fsum(local.tolist()) / work.n_nodes


def local_efficiency(graph: Any) -> float:
    """Return the mean over the nodes of the global efficiency among their neighbors.

    Distances are those of the network of the neighbors alone, without the node; nodes with
    fewer than two links count 0 (networkx's ``local_efficiency``).

    Parameters
    ----------
    graph
        As :func:`clustering` takes it.

    Returns
    -------
    float
        NaN without nodes.

    References
    ----------
    Latora and Marchiori, Phys. Rev. Lett. 87:198701, 2001.

    Examples
    --------
    The neighbors of the hub of a wheel of 5 form a cycle, those of the others a path of 3.

    >>> import networkx
    >>> local_efficiency(networkx.wheel_graph(5))
    0.8333333333333334
    """
    work = workspace(graph)
    if not work.n_nodes:
        return Undefined(_NO_NODES)
    if work.bipartite:
        return 0.0
    local = np.zeros(work.n_nodes)
    with workers_for(work.ego_work) as n_workers:
        _bits_core.ego_efficiencies(
            *work.neighbor_lists, work.common, work.largest_ego, n_workers, local
        )
    return math.fsum(local.tolist()) / work.n_nodes


def lcp_corr(graph: Any) -> float:
    """Return LCP-corr: Pearson's r of CN and LCL over the links with common neighbors.

    CN is the number of common neighbors of the two ends of a link, LCL ("local community
    links") the number of links among these; as published, LCL itself, not its square root.

    Parameters
    ----------
    graph
        As :func:`clustering` takes it.

    Returns
    -------
    float
        0, by definition, where no link has common neighbors, or CN or LCL is the same for
        all that have: always in a layer.

    References
    ----------
    Cannistraci, Alanis-Lobato and Ravasi, Sci. Rep. 3:1613, 2013.

    Examples
    --------
    A complete graph has one value of each; two of different size have two.

    >>> import networkx
    >>> lcp_corr(networkx.complete_graph(6))
    0.0
    >>> lcp_corr(networkx.disjoint_union(*map(networkx.complete_graph, (4, 6))))
    1.0
    """
    work = workspace(graph)
    common, local = (np.zeros(0, np.int64),) * 2 if work.bipartite else _community_links(work)
    n = common.size
    x, y = int(common.sum()), int(local.sum())
    spread_x = n * sum_of_products(common, common) - x**2
    spread_y = n * sum_of_products(local, local) - y**2
    if not spread_x or not spread_y:
        return 0.0
    r = (n * sum_of_products(common, local) - x * y) / math.sqrt(spread_x * spread_y)
    return min(1.0, max(-1.0, r))


def _community_links(work: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """Return CN and LCL of the links with common neighbors, int64, each link once."""
    offsets, neighbors = work.neighbor_lists
    twice = np.zeros(neighbors.size, np.int64)
    with workers_for(work.ego_work) as n_workers:
        _bits_core.local_links(offsets, neighbors, work.common, work.largest_ego, n_workers, twice)
    degree, node = work.degree, np.repeat(np.arange(work.n_nodes), work.degree)
    d_node, d_other = degree[node], degree[neighbors]
    owned = (d_node < d_other) | ((d_node == d_other) & (node < neighbors))
    owned &= work.common > 0
    return work.common[owned], twice[owned] // 2
