"""How much two graphs have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chgraph.graph import BipartiteGraph, Graph, as_network


@dataclass(frozen=True)
class Overlap:
    """What :func:`overlap` found.

    Attributes
    ----------
    shared : int
        Links that both graphs have.
    jaccard : float
        Shared links over the links that either has; NaN if neither has any.
    of_first, of_second : float
        Share of the links of each graph that the other has too; NaN without links.

    Examples
    --------
    >>> import chgraph
    >>> first = chgraph.BipartiteGraph.from_biadjacency([[1, 1], [0, 1]])
    >>> second = chgraph.BipartiteGraph.from_biadjacency([[1, 0], [1, 1]])
    >>> overlap(first, second)
    Overlap(shared=2, jaccard=0.5, of_first=0.6666666666666666, of_second=0.6666666666666666)
    """

    shared: int
    jaccard: float
    of_first: float
    of_second: float


def overlap(graph_a: Any, graph_b: Any) -> Overlap:
    """Compare the links of two graphs on the same nodes.

    Parameters
    ----------
    graph_a, graph_b : Graph, BipartiteGraph or what they are built from
        Of the same kind and shape, such as a layer before and after training; nodes are the
        same by number. Matrices are read as every measure reads them: a square one that is a
        layer comes as a BipartiteGraph.

    Returns
    -------
    Overlap

    Raises
    ------
    TypeError
        If one is a layer and the other is not.
    ValueError
        If shapes differ, or both have node names that differ.

    Examples
    --------
    >>> overlap([[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]])
    Overlap(shared=2, jaccard=0.5, of_first=0.6666666666666666, of_second=0.6666666666666666)
    """
    a, b = as_network(graph_a), as_network(graph_b)
    if type(a) is not type(b):
        raise TypeError(
            "graph_a and graph_b must be of one kind; "
            f"got a {type(a).__name__} and a {type(b).__name__}"
        )
    if a.shape != b.shape:
        raise ValueError(f"graph_a and graph_b must have one shape; got {a.shape} and {b.shape}")
    for first, second in zip(a.end_names, b.end_names, strict=True):
        if first is not None and second is not None and first != second:
            raise ValueError("graph_a and graph_b must have the same nodes in the same order")
    shared = np.intersect1d(_codes(a), _codes(b), assume_unique=True).size
    return Overlap(
        shared=shared,
        jaccard=_share(shared, a.n_links + b.n_links - shared),
        of_first=_share(shared, a.n_links),
        of_second=_share(shared, b.n_links),
    )


def _codes(graph: Graph | BipartiteGraph) -> np.ndarray:
    """Return a distinct number for each link."""
    first, second = graph.links()
    return first * graph.shape[1] + second


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
