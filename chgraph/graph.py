"""The one door for every kind of network: matrices, networkx, igraph, our own graphs.

What is not kept is said: weights, self-loops and repeated links draw a
:class:`GraphInputWarning`. What cannot be meant is refused: directed networks, NaN, and a
square matrix that is not symmetric unless it is said to be bipartite.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from chgraph import _interop
from chgraph._neighbor_lists import GraphInputWarning
from chgraph.bipartite import BipartiteGraph
from chgraph.monopartite import Graph

__all__ = [
    "BipartiteGraph",
    "Graph",
    "GraphInputWarning",
    "as_bipartite",
    "as_graph",
    "as_network",
]


def as_graph(obj: Any) -> Graph:
    """Return `obj` as a Graph (one kind of node, undirected).

    Parameters
    ----------
    obj : Graph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        Matrices are adjacencies: square, with a symmetric pattern.

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
    kind = _kind(obj)
    if kind == "networkx":
        return Graph.from_networkx(obj)
    if kind == "igraph":
        return Graph.from_igraph(obj)
    if kind == "matrix":
        return Graph.from_adjacency(obj)
    raise _unknown(obj, "Graph")


def as_bipartite(obj: Any) -> BipartiteGraph:
    """Return `obj` as a BipartiteGraph: the one door for every kind of bipartite input.

    Parameters
    ----------
    obj : BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        Matrices are biadjacencies ``(n_left, n_right)``, square ones too: who calls this
        function has said that the graph is bipartite.

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
    kind = _kind(obj)
    if kind == "networkx":
        return BipartiteGraph.from_networkx(obj)
    if kind == "igraph":
        return BipartiteGraph.from_igraph(obj)
    if kind == "matrix":
        return BipartiteGraph.from_biadjacency(obj)
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
        If `obj` is no network.
    ValueError
        If `bipartite` contradicts the object, or the constructor for its kind refuses it.
    """
    if bipartite not in (None, True, False):
        raise TypeError(f"bipartite must be True, False or None, got {bipartite!r}")
    if isinstance(obj, Graph | BipartiteGraph):
        if bipartite is not None and bipartite != isinstance(obj, BipartiteGraph):
            raise ValueError(f"bipartite={bipartite} contradicts the {type(obj).__name__} given")
        return obj
    if bipartite is None and _kind(obj) == "matrix":
        try:
            shape = np.shape(obj)
        except ValueError as error:
            raise ValueError(f"adj must have rows of equal length: {error}") from error
        bipartite = len(shape) == 2 and shape[0] != shape[1]
    return as_bipartite(obj) if bipartite else as_graph(obj)


def _kind(obj: Any) -> str | None:
    """Return "networkx", "igraph" or "matrix", None for anything else."""
    if scipy.sparse.issparse(obj) or isinstance(obj, np.ndarray | list | tuple):
        return "matrix"
    return _interop.graph_library(obj)


def _unknown(obj: Any, wanted: str) -> TypeError:
    return TypeError(
        f"expected a {wanted}, a numpy array, a scipy sparse matrix or array, a networkx graph "
        f"or an igraph graph; got {type(obj).__name__}"
    )
