"""The part of a network around a few pairs of nodes, and where to draw it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chgraph.graph import BipartiteGraph, Graph

_MOST_NODES = 40  # that a neighborhood grows to, and that a network is drawn whole up to
_HAIRBALL_NODES, _HAIRBALL_LINKS, _HAIRBALL_DENSITY = 300, 120, 0.1
_SWEEPS = 20  # over either column of a bipartite network, in search of an order of its nodes


@dataclass(frozen=True)
class Neighborhood:
    """Nodes of a network, right ones behind the left ones, and links and pairs among them.

    Attributes
    ----------
    nodes : ndarray of int64
        Ascending numbers in the whole network.
    links, pairs : ndarray of int64, shape (n, 2)
        Places in `nodes`.
    n_left : int
        How many of the nodes are left ones; all in a network of one kind of node.
    bipartite : bool
    """

    nodes: np.ndarray
    links: np.ndarray
    pairs: np.ndarray
    n_left: int
    bipartite: bool

    @property
    def is_hairball(self) -> bool:
        """Whether a drawing of it as points and lines would show nothing."""
        n, left = self.nodes.size, self.n_left
        possible = left * (n - left) if self.bipartite else n * (n - 1) // 2
        n_links = len(self.links)
        dense = n_links > max(_HAIRBALL_LINKS, _HAIRBALL_DENSITY * possible)
        return n > _HAIRBALL_NODES or dense

    def places(self) -> np.ndarray:
        """Return a place for each node, in the unit square."""
        return _columns(self) if self.bipartite else _springs(self)


def neighborhood(graph: Graph | BipartiteGraph, pairs: np.ndarray) -> Neighborhood:
    """Return what stands around pairs of nodes (source, target).

    All of a network of few nodes, and of one that is dense; else the ends of the pairs and,
    while there is room for them and their links, the nodes that link to most of these ends.
    """
    n_left, n_nodes = graph.shape[0], graph.n_nodes
    shift = np.array([0, graph.first_target])
    links, pairs = np.stack(graph.links(), axis=1) + shift, pairs + shift
    nodes = np.arange(n_nodes)
    if n_nodes > _MOST_NODES and len(pairs) and graph.density <= _HAIRBALL_DENSITY:
        nodes = _around(links, np.unique(pairs), n_nodes)
    number = np.full(n_nodes, -1)
    number[nodes] = np.arange(nodes.size)
    links = number[links]
    return Neighborhood(
        nodes,
        links[(links >= 0).all(axis=1)],
        number[pairs],
        int(np.count_nonzero(nodes < n_left)),
        graph.is_bipartite,
    )


def _around(links: np.ndarray, ends: np.ndarray, n_nodes: int) -> np.ndarray:
    """Return the ends and the nodes with at least two links to them, those with most first."""
    is_end = np.zeros(n_nodes, dtype=bool)
    is_end[ends] = True
    touched = np.zeros(n_nodes, dtype=np.int64)
    for own, other in (links.T, links[:, ::-1].T):
        touched += np.bincount(own, is_end[other], n_nodes).astype(np.int64)
    degree = np.bincount(links.ravel(), minlength=n_nodes)
    near = np.flatnonzero(~is_end & (touched >= 2))
    near = near[np.lexsort((degree[near], -touched[near]))][: max(_MOST_NODES - ends.size, 0)]
    arrival = np.full(n_nodes, n_nodes)
    arrival[ends], arrival[near] = 0, 1 + np.arange(near.size)
    # A link is there once both its ends are.
    links_upto = np.cumsum(np.bincount(arrival[links].max(axis=1), minlength=n_nodes + 1))
    room = np.count_nonzero(links_upto[1 : near.size + 1] <= _HAIRBALL_LINKS)
    return np.sort(np.append(ends, near[:room]))


def _springs(part: Neighborhood) -> np.ndarray:
    """Place nodes so that their distances are those in the network, pairs counted as links.

    Components stand apart as if joined by a path somewhat longer than their diameters.
    """
    import networkx
    import scipy.sparse.csgraph

    n = part.nodes.size
    if n < 3:
        return np.column_stack([np.arange(n) / max(n - 1, 1), np.full(n, 0.5)])
    joined = np.concatenate([part.links, part.pairs])
    matrix = scipy.sparse.coo_array((np.ones(len(joined)), joined.T), shape=(n, n))
    hops = scipy.sparse.csgraph.shortest_path(matrix.tocsr(), directed=False, unweighted=True)
    apart = np.isinf(hops)
    hops[apart] = hops[~apart].max() + 1.0
    distances = {u: dict(enumerate(row)) for u, row in enumerate(hops.tolist())}
    network: networkx.Graph = networkx.empty_graph(n)
    layout = networkx.kamada_kawai_layout(network, dist=distances)
    place = np.array([layout[node] for node in range(n)])
    low, high = place.min(axis=0), place.max(axis=0)
    return (place - low) / np.maximum(high - low, 1e-9)


def _columns(part: Neighborhood) -> np.ndarray:
    """Place left and right nodes in two columns, each near the mean height of its neighbors."""
    shape = part.n_left, part.nodes.size - part.n_left
    sides = [np.arange(n) / max(n - 1, 1) for n in shape]
    links = part.links - [0, part.n_left]
    for sweep in range(2 * _SWEEPS):
        own, other = sweep % 2, 1 - sweep % 2
        total = np.bincount(links[:, own], sides[other][links[:, other]], shape[own])
        degree = np.bincount(links[:, own], minlength=shape[own])
        # Nodes without links go to the end, where they are in nobody's way.
        mean = np.where(degree > 0, total / np.maximum(degree, 1), np.inf)
        sides[own][np.argsort(mean, kind="stable")] = np.arange(mean.size) / max(mean.size - 1, 1)
    across = np.repeat([0.0, 1.0], shape)
    return np.column_stack([across, 1.0 - np.concatenate(sides)])
