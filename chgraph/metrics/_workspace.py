"""One network and the work that several measures share, each piece done when first asked for.

Every measure takes a graph or a :class:`Workspace` of one: :func:`chgraph.metrics.summary`
hands the same workspace to all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chgraph.forking import cached_property
from chgraph.graph import BipartiteGraph, Graph, as_bipartite, as_network
from chgraph.jit import frozen
from chgraph.metrics import _bits_core, _overlap_core
from chgraph.threads import workers_for

_FEW_HOPS = 8  # the diameter that the work of a search is guessed for


class Overlaps(NamedTuple):
    """What nodes of one side share with others: see :func:`_overlap_core.overlap_sums`."""

    sums: np.ndarray
    cycles: np.ndarray


class Workspace:
    """A network, a layer's right nodes behind its left ones, and intermediate results.

    Attributes
    ----------
    graph : Graph or BipartiteGraph
    n_nodes, n_links : int
    """

    def __init__(self, graph: Graph | BipartiteGraph) -> None:
        self.graph = graph
        self.bipartite = graph.is_bipartite
        self.n_nodes = graph.n_nodes
        self.n_links = graph.n_links
        self._done: dict[str, Any] = {}

    def once(self, name: str, work: Callable[[], Any]) -> Any:
        """Return the result of named work, which is done the first time it is asked for."""
        if name not in self._done:
            self._done[name] = work()
        return self._done[name]

    @cached_property
    def neighbor_lists(self) -> tuple[np.ndarray, np.ndarray]:
        """Offsets (int64) and neighbors (uint32) of all nodes; every link stands twice."""
        graph = self.graph
        if isinstance(graph, Graph):
            return graph.offsets, graph.neighbors.view(np.uint32)
        offsets = np.append(graph.left_offsets, graph.right_offsets[1:] + graph.n_links)
        neighbors = np.append(graph.left_neighbors + np.int32(graph.n_left), graph.right_neighbors)
        return frozen(offsets), frozen(neighbors.view(np.uint32))

    @cached_property
    def degree(self) -> np.ndarray:
        """Number of links of every node, int64."""
        return np.diff(self.neighbor_lists[0])

    @property
    def two_steps(self) -> float:
        """Number of walks of two links, the work of comparing neighborhoods."""
        return _two_steps(self.neighbor_lists[0])

    @cached_property
    def distances(self) -> np.ndarray:
        """``distances[d]``: ordered pairs of nodes at distance d (int64), up to the diameter."""
        if not self.n_nodes:
            return np.zeros(0, np.int64)
        n_blocks = -(-self.n_nodes // _bits_core.SOURCES)
        with workers_for(_FEW_HOPS * n_blocks * 2 * self.n_links) as n_workers:
            n_workers = min(n_workers, n_blocks)
            counts = np.zeros((n_workers, self.n_nodes + 1), np.int64)
            _bits_core.hop_counts(*self.neighbor_lists, n_workers, counts)
        total = counts.sum(axis=0)
        return total[: np.flatnonzero(total)[-1] + 1]

    @cached_property
    def common(self) -> np.ndarray:
        """Common neighbors of the ends of each place of the neighbor lists; a layer has none."""
        offsets, neighbors = self.neighbor_lists
        common = np.zeros(neighbors.size, np.int64)
        if not self.bipartite:
            with workers_for(self.two_steps) as n_workers:
                _overlap_core.common_neighbors(offsets, neighbors, n_workers, common)
        return common

    @cached_property
    def links_near(self) -> np.ndarray:
        """Number of links among the neighbors of every node (its triangles), int64."""
        offsets = self.neighbor_lists[0]
        sums = np.append(0, np.cumsum(self.common))
        return (sums[offsets[1:]] - sums[offsets[:-1]]) // 2

    @property
    def ego_work(self) -> float:
        """Operations to list the networks among neighbors and search them."""
        return self.two_steps + _bits_core.WORDS * float(self.common.sum())

    @property
    def largest_ego(self) -> tuple[int, int]:
        """Nodes with a link, and twice the links, of the largest network among neighbors."""
        offsets = self.neighbor_lists[0]
        linked = np.append(0, np.cumsum(self.common > 0))
        nodes = linked[offsets[1:]] - linked[offsets[:-1]]
        return int(nodes.max(initial=0)), 2 * int(self.links_near.max(initial=0))

    @cached_property
    def overlaps(self) -> tuple[Overlaps, Overlaps]:
        """What nodes of the left side share with each other, and those of the right side."""
        graph = as_bipartite(self.graph)
        left = graph.left_offsets, graph.left_neighbors.view(np.uint32)
        right = graph.right_offsets, graph.right_neighbors.view(np.uint32)
        return overlaps_between(left, right), overlaps_between(right, left)


def _two_steps(offsets: np.ndarray) -> float:
    degree = np.diff(offsets).astype(np.float64)
    return float(degree @ degree)


def workspace(graph: Any) -> Workspace:
    """Return the workspace given, or a new one for whatever :func:`as_network` takes."""
    return graph if isinstance(graph, Workspace) else Workspace(as_network(graph))


def layer_workspace(graph: Any) -> Workspace:
    """Return the workspace of a layer: what :func:`as_bipartite` takes, or raise TypeError."""
    if isinstance(graph, Workspace):
        as_bipartite(graph.graph)
        return graph
    return Workspace(as_bipartite(graph))


def overlaps_between(
    side: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]
) -> Overlaps:
    """Return what the nodes of one side share, by the neighbor lists of both sides."""
    n_nodes = side[0].size - 1
    result = Overlaps(np.zeros((n_nodes, 4)), np.zeros(n_nodes, np.int64))
    with workers_for(_two_steps(other[0])) as n_workers:
        _overlap_core.overlap_sums(*side, *other, n_workers, *result)
    return result
