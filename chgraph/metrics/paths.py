"""Ways through a layer and through layers: L3 paths, credit-assigned paths, active neurons."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from chgraph.graph import BipartiteGraph, as_bipartite
from chgraph.metrics._workspace import workspace
from chgraph.metrics.sizes import sum_of_products
from chgraph.metrics.undefined import Undefined
from chgraph.rewiring.chain import remove_dead_chains
from chgraph.rewiring.wiring import Wiring


def n_l3_paths(graph: Any) -> int:
    """Return the number of simple paths of three links, each counted once.

    The paths that Cannistraci-Hebb L3 rules sum over: every middle link times the choices
    of its two ends, less what closes to a triangle.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        As every measure takes it: a rectangular matrix is a layer, a square symmetric one is
        a network of one kind of node.

    Returns
    -------
    int
        Exact.

    Examples
    --------
    >>> import numpy as np
    >>> n_l3_paths(np.ones((3, 4)))
    72
    """
    work = workspace(graph)
    offsets, neighbors = work.neighbor_lists
    more = work.degree - 1
    around = np.append(0, np.cumsum(more[neighbors]))
    others = around[offsets[1:]] - around[offsets[:-1]]  # of each node, by either direction
    closed = int(work.links_near.sum()) if not work.bipartite else 0  # 3 per triangle
    return sum_of_products(more, others) // 2 - closed


def credit_assigned_paths(graphs: Sequence[Any]) -> int:
    """Return the number of paths from an input to an output through a network of layers.

    Parameters
    ----------
    graphs : sequence of BipartiteGraph or what :func:`chgraph.as_bipartite` takes
        The layers of a feed-forward network, first to last; the right side of each is the
        left side of the next.

    Returns
    -------
    int
        Exact, however many.

    Raises
    ------
    ValueError
        If there is no layer or two consecutive ones do not fit.

    References
    ----------
    CHT, ICLR 2024, appendix C (credit-assigned paths).

    Examples
    --------
    >>> import numpy as np
    >>> credit_assigned_paths([np.ones((2, 3)), np.eye(3), np.ones((3, 4))])
    24
    """
    layers = as_layers(graphs)
    ways = np.ones(layers[0].n_left, dtype=np.int64)
    for layer in layers:
        left, right = layer.links()
        # Where int64 might not do, Python's integers go on.
        if ways.dtype == np.int64 and int(ways.max(initial=0)) * max(left.size, 1) >= 2**63:
            ways = ways.astype(object)
        reached = np.zeros(layer.n_right, dtype=ways.dtype)
        np.add.at(reached, right, ways[left])
        ways = reached
    return sum(ways.tolist())


def active_neurons(graphs: Sequence[Any]) -> float:
    """Return the share of neurons that are left after percolation (ANP).

    Hidden neurons without incoming or without outgoing links are removed with their links,
    until nothing changes (:func:`chgraph.rewiring.remove_dead_chains`); then an input counts
    if it has an outgoing and an output if it has an incoming link.

    Parameters
    ----------
    graphs : sequence of BipartiteGraph or what :func:`chgraph.as_bipartite` takes
        As :func:`credit_assigned_paths` takes them.

    Returns
    -------
    float
        In [0, 1]; NaN without neurons.

    Raises
    ------
    ValueError
        If there is no layer or two consecutive ones do not fit.

    References
    ----------
    CHT, ICLR 2024, appendix C (active neuron post-percolation rate). The authors' program
    percolates twice instead of until nothing changes.

    Examples
    --------
    Hidden neuron 1 leads nowhere, and with it goes the only link of input 1.

    >>> active_neurons([[[1, 1], [0, 1]], [[1], [0]]])
    0.6
    """
    layers = as_layers(graphs)
    n_neurons = layers[0].n_left + sum(layer.n_right for layer in layers)
    if not n_neurons:
        return Undefined("the network has no neurons")
    named = {str(i): layer for i, layer in enumerate(layers)}
    alive = list(remove_dead_chains(named, Wiring.path(named)).graphs.values())
    active = sum(np.count_nonzero(layer.left_degree) for layer in alive)
    active += np.count_nonzero(alive[-1].right_degree)
    return int(active) / n_neurons


def as_layers(graphs: Sequence[Any]) -> list[BipartiteGraph]:
    """Return the layers of a network as graphs, or raise if they do not fit."""
    if isinstance(graphs, BipartiteGraph):
        raise TypeError("graphs must be a sequence of layers, got a single BipartiteGraph")
    layers = [as_bipartite(graph) for graph in graphs]
    if not layers:
        raise ValueError("graphs must hold at least one graph")
    for i, (graph, following) in enumerate(itertools.pairwise(layers)):
        if graph.n_right != following.n_left:
            raise ValueError(
                f"graphs[{i}] has {graph.n_right} right nodes but graphs[{i + 1}] has "
                f"{following.n_left} left nodes; consecutive layers must share a side"
            )
    return layers
