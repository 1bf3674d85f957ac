"""What nodes of one side of a layer share: bipartite clustering and nestedness.

Each pair of nodes of a side that share a neighbor is met once, in O(sum of squared degrees);
all measures here read from that one pass.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chgraph.checks import check_choice
from chgraph.metrics._overlap_core import DOT, MAX, MIN, NESTED
from chgraph.metrics._workspace import layer_workspace
from chgraph.metrics.paths import n_l3_paths
from chgraph.metrics.undefined import Undefined

LATAPY_MODES = {"dot": DOT, "min": MIN, "max": MAX}


def latapy_coefficients(graph: Any, *, mode: str = "dot") -> tuple[np.ndarray, np.ndarray]:
    r"""Return the bipartite clustering of each left and of each right node.

    .. math::
        c_u = \frac{1}{|N(N(u))|} \sum_{v \in N(N(u))} \frac{|N(u) \cap N(v)|}{b(u, v)}

    over the other nodes v of u's side that share a neighbor with it; b is the size of the
    union of the two neighborhoods ("dot"), of the smaller ("min") or the larger one ("max").

    Parameters
    ----------
    graph : BipartiteGraph or what :func:`chgraph.as_bipartite` takes
    mode : {"dot", "min", "max"}

    Returns
    -------
    left, right : ndarray of float64
        0 for a node that shares no neighbor.

    Raises
    ------
    ValueError
        If `mode` is none of these.
    TypeError
        If `graph` is not a bipartite graph.

    References
    ----------
    Latapy, Magnien and Del Vecchio, Social Networks 30:31, 2008.

    Examples
    --------
    >>> latapy_coefficients([[1, 1], [1, 0]])
    (array([0.5, 0.5]), array([0.5, 0.5]))
    """
    check_choice("mode", mode, LATAPY_MODES)
    left, right = layer_workspace(graph).overlaps
    column = LATAPY_MODES[mode]
    return left.sums[:, column].copy(), right.sums[:, column].copy()


def latapy_clustering(graph: Any, *, mode: str = "dot") -> float:
    """Return the mean of :func:`latapy_coefficients` over the nodes of both sides.

    networkx's ``bipartite.average_clustering``.

    Parameters
    ----------
    graph : BipartiteGraph or what :func:`chgraph.as_bipartite` takes
    mode : {"dot", "min", "max"}

    Returns
    -------
    float
        NaN without nodes.

    Examples
    --------
    >>> latapy_clustering([[1, 1], [1, 0]], mode="min")
    1.0
    """
    left, right = latapy_coefficients(graph, mode=mode)
    if not left.size + right.size:
        return Undefined("the graph has no nodes")
    return math.fsum([*left.tolist(), *right.tolist()]) / (left.size + right.size)


def n_four_cycles(graph: Any) -> int:
    """Return the number of cycles of four links: the pairs of nodes with two shared neighbors.

    Parameters
    ----------
    graph : BipartiteGraph or what :func:`chgraph.as_bipartite` takes

    Examples
    --------
    >>> import numpy as np
    >>> n_four_cycles(np.ones((3, 4)))
    18
    """
    return int(layer_workspace(graph).overlaps[0].cycles.sum())


def robins_alexander_clustering(graph: Any) -> float:
    """Return four times the 4-cycles over the paths of three links: how often a path closes.

    networkx's ``bipartite.robins_alexander_clustering``.

    Parameters
    ----------
    graph : BipartiteGraph or what :func:`chgraph.as_bipartite` takes

    Returns
    -------
    float
        NaN without a path of three links, where networkx says 0.

    References
    ----------
    Robins and Alexander, Comput. Math. Organ. Theory 10:69, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> robins_alexander_clustering(np.ones((3, 4)))
    1.0
    """
    work = layer_workspace(graph)
    paths = n_l3_paths(work)
    return 4 * n_four_cycles(work) / paths if paths else Undefined("no path has three links")


def nodf(graph: Any) -> float:
    """Return the nestedness NODF: whether nodes of few links link to what hubs link to.

    A pair of nodes of the same side counts the percentage of the smaller neighborhood that
    the larger one shares, or 0 if the two degrees are equal; the mean over the pairs of left
    nodes and the pairs of right nodes together, 0 to 100.

    Parameters
    ----------
    graph : BipartiteGraph or what :func:`chgraph.as_bipartite` takes

    Returns
    -------
    float
        NaN if neither side has two nodes.

    Notes
    -----
    The definition walks through matrix rows ordered by falling degree and lets a pair count
    only if the later row has fewer links: the order of rows of equal degree means nothing,
    and neither does the order of the input.

    References
    ----------
    Almeida-Neto et al., Oikos 117:1227, 2008.

    Examples
    --------
    >>> nodf([[1, 1, 1], [1, 1, 0], [1, 0, 0]])
    100.0
    """
    work = layer_workspace(graph)
    pairs = sum(n * (n - 1) // 2 for n in work.graph.shape)
    if not pairs:
        return Undefined("neither side has two nodes")
    nested = (side.sums[:, NESTED].tolist() for side in work.overlaps)
    return sum(map(math.fsum, nested)) / pairs
