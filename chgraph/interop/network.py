"""A networkx graph as the backend's functions take it: indices, in networkx's own order.

The order of nodes and of each node's neighbors is kept beside the sorted lists that kernels
read, since results that networkx gives in the order of its search are given in that order.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from chgraph._neighbor_lists import offsets_of
from chgraph.forking import cached_property
from chgraph.graph import Graph
from chgraph.interop._core import triangles_of_nodes
from chgraph.jit import frozen
from chgraph.metrics._centrality_core import Reach
from chgraph.metrics._workspace import Workspace
from chgraph.metrics.centrality import reach_of

if TYPE_CHECKING:
    import igraph

BACKEND = "chgraph"
_LARGEST_EXACT = 2**53


class Network:
    """An undirected simple graph, self-loops allowed, converted from networkx once.

    Attributes
    ----------
    names : list of hashable
        The nodes, in networkx's order: node `i` of the arrays is ``names[i]``.
    offsets, targets : ndarray of int64
        ``targets[offsets[i]:offsets[i + 1]]`` are the neighbors of node `i` in networkx's
        order, a self-loop once.
    weights : dict of str to ndarray of float64 or None
        Of each edge attribute that was asked for, a value per place of `targets`; None where
        all are 1.

    Examples
    --------
    >>> net = convert_from_nx(nx.path_graph(["a", "b", "c"]))
    >>> net.names, net.targets
    (['a', 'b', 'c'], array([1, 0, 2, 1]))
    """

    __networkx_backend__ = BACKEND

    def __init__(
        self,
        names: list[Hashable],
        offsets: np.ndarray,
        targets: np.ndarray,
        weights: dict[str, np.ndarray | None],
    ) -> None:
        self.names = names
        self.offsets, self.targets = frozen(offsets), frozen(targets)
        self.weights = weights
        self.numbered = _are_numbers(names)  # whether names[i] is i itself

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what it is made from: a networkx graph is pickled with its conversions."""
        return Network, (self.names, self.offsets, self.targets, self.weights)

    # ------------------------------------------------------- what networkx asks of a graph

    def is_directed(self) -> bool:
        """Return False: direction is not kept."""
        return False

    def is_multigraph(self) -> bool:
        """Return False: parallel links are not kept."""
        return False

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self.names)

    def __contains__(self, node: object) -> bool:
        try:
            return node in self.index
        except TypeError:
            return False

    def __str__(self) -> str:
        n_links = (self.targets.size + self.n_loops) // 2
        return f"Graph with {len(self)} nodes and {n_links} edges"

    # ------------------------------------------------------------------ nodes and numbers

    @cached_property
    def index(self) -> dict[Hashable, int]:
        """The number of each node."""
        return {name: i for i, name in enumerate(self.names)}

    def named(self, numbers: np.ndarray) -> list[Hashable]:
        """Return the nodes of these numbers."""
        listed = numbers.tolist()
        return listed if self.numbered else [self.names[i] for i in listed]

    def by_node(self, values: np.ndarray) -> dict[Hashable, Any]:
        """Return {node: value} in networkx's order, values as Python's own numbers."""
        return dict(zip(self.names, values.tolist(), strict=True))

    # ------------------------------------------------------------------------------ links

    @cached_property
    def rows(self) -> np.ndarray:
        """The node that each place of `targets` belongs to."""
        return np.repeat(np.arange(len(self.names)), np.diff(self.offsets))

    @cached_property
    def looped(self) -> np.ndarray:
        """Whether each node has a self-loop."""
        result = np.zeros(len(self.names), np.bool_)
        result[self.rows[self.rows == self.targets]] = True
        return result

    @cached_property
    def n_loops(self) -> int:
        """Number of self-loops."""
        return int(np.count_nonzero(self.looped))

    @property
    def degree(self) -> np.ndarray:
        """Number of ends of links at each node: networkx counts a self-loop twice."""
        return np.diff(self.offsets) + self.looped

    @cached_property
    def once(self) -> np.ndarray:
        """The places of `targets` where a link is listed by ``Graph.edges``, loops too."""
        return np.flatnonzero(self.rows <= self.targets)

    @cached_property
    def work(self) -> Workspace:
        """The simple graph, without self-loops, and what measures of it share."""
        n_nodes, kept = len(self.names), self.rows != self.targets
        codes = np.sort(self.rows[kept] * n_nodes + self.targets[kept])
        rows, neighbors = np.divmod(codes, max(n_nodes, 1))
        offsets = frozen(offsets_of(rows, n_nodes))
        return Workspace(Graph(n_nodes, offsets, frozen(neighbors.astype(np.int32))))

    @cached_property
    def triangles(self) -> np.ndarray:
        """Number of triangles through each node."""
        result, rank = np.zeros(len(self.names), np.int64), np.empty(len(self.names), np.int64)
        rank[np.argsort(self.work.degree, kind="stable")] = np.arange(rank.size)
        triangles_of_nodes(*self.work.neighbor_lists, rank, result)
        return result

    @cached_property
    def reach(self) -> Reach:
        """Sums of the distances from each node."""
        return reach_of(self.work)

    def to_igraph(self) -> igraph.Graph:
        """Return an igraph graph whose edges are those of `once`, in that order."""
        import igraph

        ends = np.stack([self.rows[self.once], self.targets[self.once]], axis=1)
        return igraph.Graph(n=len(self.names), edges=ends)


def convert_from_nx(
    graph: nx.Graph,
    *,
    edge_attrs: dict[str, Any] | None = None,
    node_attrs: dict[str, Any] | None = None,
    preserve_edge_attrs: bool = False,
    preserve_node_attrs: bool = False,
    preserve_graph_attrs: bool = False,
    name: str | None = None,
    graph_name: str | None = None,
) -> Network:
    """Convert a networkx graph; the arguments are those of networkx's dispatcher.

    Raises
    ------
    NotImplementedError
        If the graph is directed or a multigraph, if all edge attributes are to be kept, or
        if an attribute that is asked for is not a number.
    """
    if graph.is_directed() or graph.is_multigraph():
        raise NotImplementedError("only undirected graphs without parallel links are converted")
    if preserve_edge_attrs:
        raise NotImplementedError("only edge attributes that are named are converted")
    adjacency = dict(graph.adjacency())
    names = list(adjacency)
    lengths = np.fromiter(map(len, adjacency.values()), np.int64, len(names))
    offsets = np.append(0, np.cumsum(lengths))
    ends: Iterable[Any] = chain.from_iterable(adjacency.values())
    if not _are_numbers(names):
        ends = map({node: i for i, node in enumerate(names)}.__getitem__, ends)
    targets = np.fromiter(ends, np.int64, int(offsets[-1]))
    weights = {
        key: _weights(adjacency, key, default) for key, default in (edge_attrs or {}).items()
    }
    return Network(names, offsets, targets, weights)


def convert_to_nx(result: Any, *, name: str | None = None) -> Any:
    """Return a Network as a networkx graph (names, links and weights), all else as it is."""
    if not isinstance(result, Network):
        return result
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(result.names)
    once = result.once
    first, second = result.named(result.rows[once]), result.named(result.targets[once])
    graph.add_edges_from(zip(first, second, strict=True))
    for key, values in result.weights.items():
        listed = [1] * once.size if values is None else values[once].tolist()
        links = zip(first, second, strict=True)
        nx.set_edge_attributes(graph, dict(zip(links, listed, strict=True)), key)
    return graph


def cached(graph: Any) -> Network | None:
    """Return a conversion of a networkx graph that networkx has kept, if there is one."""
    if isinstance(graph, Network):
        return graph
    kept = getattr(graph, "__networkx_cache__", None) or {}
    found = list(kept.get("backends", {}).get(BACKEND, {}).values())
    return next((net for net in found if isinstance(net, Network)), None)


def _are_numbers(names: list[Hashable]) -> bool:
    """Whether the nodes are 0, 1, 2, ... in this order, as Python's own integers."""
    return all(type(name) is int for name in names) and names == list(range(len(names)))


def _weights(adjacency: dict[Any, Any], key: str, default: Any) -> np.ndarray | None:
    """Return an edge attribute at each place, None where all are 1."""
    values = [data.get(key, default) for around in adjacency.values() for data in around.values()]
    try:
        array = np.array(values)
    except ValueError:  # lists of several lengths
        array = np.array(None)
    if array.ndim != 1 or array.dtype.kind not in "biuf":
        raise NotImplementedError(f"edge attribute {key!r} holds other things than numbers")
    if (array == 1).all():
        return None
    if array.dtype.kind in "iu" and np.abs(array).max() > _LARGEST_EXACT:
        raise NotImplementedError(f"edge attribute {key!r} holds integers above 2 ** 53")
    return array.astype(np.float64)
