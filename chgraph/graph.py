"""The one door for every kind of network: matrices, networkx, igraph, our own graphs.

What is not kept is said: weights, self-loops and repeated links draw a
:class:`GraphInputWarning`. What cannot be meant is refused: directed networks, NaN, and a
square matrix that is not symmetric unless it is said to be bipartite.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import scipy.sparse

from chgraph import _containers, _interop
from chgraph._neighbor_lists import GraphInputWarning
from chgraph.bipartite import BipartiteGraph
from chgraph.checks import check_flag_or_none
from chgraph.monopartite import Graph

__all__ = [
    "BipartiteGraph",
    "Graph",
    "GraphInputWarning",
    "as_bipartite",
    "as_graph",
    "as_network",
]


def as_graph(obj: Any, *, source: Hashable = None, target: Hashable = None) -> Graph:
    """Return `obj` as a Graph (one kind of node, undirected).

    Parameters
    ----------
    obj : Graph, array_like, scipy sparse, networkx.Graph, igraph.Graph, frame, tensor or pairs
        Matrices are adjacencies: square, with a symmetric pattern. A pandas or polars table
        holds a link a row, or (pandas) the same names for its rows and its columns. Pairs are
        a list of tuples ``(u, v)``.
    source, target : hashable, optional
        Columns of a table that name the ends of the links.

    Raises
    ------
    TypeError
        If `obj` is none of these.
    ValueError
        If the network is directed or the matrix is not an adjacency.

    Examples
    --------
    >>> import networkx
    >>> as_graph(networkx.path_graph(["a", "b", "c"])).names
    ('a', 'b', 'c')
    """
    if isinstance(obj, Graph):
        return obj
    kind = _kind(obj, source, target)
    if kind == "networkx":
        return Graph.from_networkx(obj)
    if kind == "igraph":
        return Graph.from_igraph(obj)
    if kind == "matrix":
        return Graph.from_adjacency(obj)
    if kind == "pairs":
        return Graph.from_named_links(*_containers.links_of_pairs("adj", obj))
    if kind == "frame":
        return _graph_of_frame(obj, source, target)
    raise _unknown(obj, "Graph")


def as_bipartite(obj: Any, *, source: Hashable = None, target: Hashable = None) -> BipartiteGraph:
    """Return `obj` as a BipartiteGraph: the one door for every kind of bipartite input.

    Parameters
    ----------
    obj : BipartiteGraph, array_like, scipy sparse, networkx.Graph, igraph.Graph, frame, tensor, \
pairs
        Matrices are biadjacencies ``(n_left, n_right)``, square ones too: who calls this
        function has said that the graph is bipartite. In a table or in pairs ``(left, right)``
        the sides are told by the column: the same name on both is two nodes.
    source, target : hashable, optional
        Columns of a table that name the left and the right ends of the links.

    Raises
    ------
    TypeError
        If `obj` is none of these.
    ValueError
        As the constructor for its kind says.

    Examples
    --------
    >>> import numpy as np
    >>> as_bipartite(np.eye(3))
    BipartiteGraph(3 x 3, 3 links, density 0.333)
    """
    if isinstance(obj, BipartiteGraph):
        return obj
    kind = _kind(obj, source, target)
    if kind == "networkx":
        return BipartiteGraph.from_networkx(obj)
    if kind == "igraph":
        return BipartiteGraph.from_igraph(obj)
    if kind == "matrix":
        return BipartiteGraph.from_biadjacency(obj)
    if kind == "pairs":
        return BipartiteGraph.from_named_links(*_containers.links_of_pairs("adj", obj))
    if kind == "frame":
        matrix = None if source is not None else _containers.frame_matrix(obj)
        if matrix is None:
            links = _containers.links_of_frame(obj, source, target)
            return BipartiteGraph.from_named_links(*links)
        values, left, right = matrix
        return BipartiteGraph.from_biadjacency(values, left_names=left, right_names=right)
    raise _unknown(obj, "BipartiteGraph")


def as_network(obj: Any, bipartite: bool | None = None) -> Graph | BipartiteGraph:
    """Return `obj` as the graph that it says it is.

    Parameters
    ----------
    obj : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
    bipartite : bool, optional
        True: two kinds of node (networkx and igraph graphs by their node attribute). False:
        one kind. None: as the object is; a rectangular matrix is bipartite, a square
        symmetric one is not, and any other square one raises.

    Raises
    ------
    TypeError
        If `obj` is not a network.
    ValueError
        If `bipartite` contradicts the object, or the constructor for its kind refuses it.
    """
    check_flag_or_none("bipartite", bipartite)
    if isinstance(obj, Graph | BipartiteGraph):
        if bipartite is not None and bipartite != isinstance(obj, BipartiteGraph):
            raise ValueError(f"bipartite={bipartite} contradicts the {type(obj).__name__} given")
        return obj
    if bipartite is None and _kind(obj) == "matrix":
        try:
            shape = np.shape(obj)
        except ValueError as error:
            raise ValueError(f"adj must have rows of equal length: {error}") from error
        if len(shape) != 2:
            raise ValueError(f"adj must be two-dimensional, got shape {tuple(shape)}")
        bipartite = len(shape) == 2 and shape[0] != shape[1]
    return as_bipartite(obj) if bipartite else as_graph(obj)


def _graph_of_frame(frame: Any, source: Hashable, target: Hashable) -> Graph:
    matrix = None if source is not None else _containers.frame_matrix(frame)
    if matrix is None:
        return Graph.from_named_links(*_containers.links_of_frame(frame, source, target))
    values, rows, columns = matrix
    if rows != columns:
        raise ValueError(
            "a table with names for its rows is an adjacency if its columns have the same names, "
            "in the same order; for a layer of two kinds of node use chgraph.as_bipartite"
        )
    return Graph.from_adjacency(values, names=rows)


def _kind(obj: Any, source: Hashable = None, target: Hashable = None) -> str | None:
    """Return what kind of network an object is; None for anything that is none."""
    library = _containers.library_of(obj)
    if library in ("pandas", "polars"):
        return "frame"
    if source is not None or target is not None:
        raise TypeError(
            f"source and target name the columns of a table; got a {type(obj).__name__}"
        )
    if _containers.is_pair_list(obj):
        return "pairs"
    array_like = isinstance(obj, np.ndarray | list | tuple) or library == "torch"
    if array_like or scipy.sparse.issparse(obj):
        return "matrix"
    return _interop.graph_library(obj)


def _unknown(obj: Any, wanted: str) -> TypeError:
    return TypeError(
        f"expected a {wanted}, a numpy array, a scipy sparse matrix or array, a networkx or igraph "
        "graph, a pandas or polars table, a torch tensor or a list of pairs (u, v); got "
        f"{type(obj).__name__}"
    )
