"""Clustering of networkx: triangles, squares, and what nodes of one side share.

Counts are exact integers; ratios are taken of them as networkx takes them, so that values
and their types (an integer 0 where there is nothing to divide) are the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import networkx as nx
import numpy as np

from chgraph.interop._core import is_two_sided, shared_pairs
from chgraph.interop.network import Network
from chgraph.interop.rules import runs_when
from chgraph.metrics._workspace import Overlaps, overlaps_between
from chgraph.metrics.layers import LATAPY_MODES
from chgraph.metrics.paths import n_l3_paths

ByNode = dict[Hashable, Any]


@runs_when(nodes="nodes")
def triangles(G: Network, nodes: Any = None) -> ByNode:
    """Return the number of triangles through each node."""
    return _chosen(G, G.triangles.tolist(), nodes)


@runs_when(nodes="nodes", fixed={"weight": None})
def clustering(G: Network, nodes: Any = None, weight: None = None) -> ByNode:
    """Return the share of the pairs of each node's neighbors that are linked."""
    degree = G.work.degree
    closed = 2 * G.triangles
    return _chosen(G, _ratios(closed, degree * (degree - 1), closed > 0), nodes)


@runs_when(nodes="nodes", fixed={"weight": None})
def average_clustering(
    G: Network, nodes: Any = None, weight: None = None, count_zeros: bool = True
) -> float:
    """Return the mean of :func:`clustering`, of the values that are not 0 if so wished."""
    values = list(clustering(G, nodes).values())
    if not count_zeros:
        values = [value for value in values if value > 0]
    return sum(values) / len(values)


@runs_when()
def transitivity(G: Network) -> float:
    """Return the share of the pairs of links at a node that are closed by a third."""
    degree = G.work.degree
    closed = 2 * int(G.triangles.sum())
    return closed / int(degree @ (degree - 1)) if closed else 0


@runs_when(nodes="nodes")
def square_clustering(G: Network, nodes: Any = None) -> ByNode:
    """Return the share of the possible squares at each node that there are."""
    work = G.work
    offsets, neighbors = work.neighbor_lists
    squares = np.empty(len(G), np.int64)
    shared_pairs(offsets, neighbors, squares)
    sums = np.append(0, np.cumsum(work.degree[neighbors]))
    around = sums[offsets[1:]] - sums[offsets[:-1]]
    others = work.degree - 1
    possible = others * around - work.degree * others - 2 * G.triangles - squares
    return _chosen(G, _ratios(squares, possible, possible > 0), nodes)


@runs_when(nodes="nodes", loops=False)
def latapy_clustering(G: Network, nodes: Any = None, mode: str = "dot") -> ByNode:
    """Return how much each node of a two-sided graph shares with others of its side."""
    if not is_two_sided(G.offsets, G.targets):
        raise nx.NetworkXError("Graph is not bipartite")
    try:
        column = LATAPY_MODES[mode]
    except KeyError as error:
        message = "Mode for bipartite clustering must be: dot, min or max"
        raise nx.NetworkXError(message) from error
    return _chosen(G, _overlaps(G).sums[:, column].tolist(), nodes)


@runs_when(nodes="nodes", loops=False)
def bipartite_average_clustering(G: Network, nodes: Any = None, mode: str = "dot") -> float:
    """Return the mean of :func:`latapy_clustering` over the nodes, as often as they are named."""
    nodes = G.names if nodes is None else nodes
    values = latapy_clustering(G, nodes, mode)
    return sum(values[node] for node in nodes) / len(nodes)


@runs_when(loops=False)
def robins_alexander_clustering(G: Network) -> float:
    """Return four times the 4-cycles over the paths of three links, 0 if there is none."""
    if len(G) < 4 or G.work.n_links < 3:
        return 0
    paths = n_l3_paths(G.work)
    # Each 4-cycle is met twice, from either pair of opposite nodes.
    return 2.0 * int(_overlaps(G).cycles.sum()) / paths if paths else 0


def _overlaps(net: Network) -> Overlaps:
    """Return what nodes share, as if all were on both sides: sides are not needed for it."""
    lists = net.work.neighbor_lists
    return net.work.once("overlaps of all nodes", lambda: overlaps_between(lists, lists))


def _chosen(net: Network, values: list[Any], nodes: Iterable[Hashable] | None) -> ByNode:
    """Return {node: value} of the nodes, of all in networkx's order by default."""
    if nodes is None:
        return dict(zip(net.names, values, strict=True))
    return {node: values[net.index[node]] for node in nodes}


def _ratios(part: np.ndarray, whole: np.ndarray, defined: np.ndarray) -> list[Any]:
    """Return part / whole where it is defined, elsewhere the integer 0."""
    values = (part / np.maximum(whole, 1)).tolist()
    return [x if there else 0 for x, there in zip(values, defined.tolist(), strict=True)]
