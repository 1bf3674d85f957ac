"""Link prediction indices of networkx, pair by pair in its own order.

Each returns, as networkx does, a generator of (u, v, score) over the pairs asked for, or
over all that are not linked. Nodes of pairs are checked at once, scores found as they are
taken.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from itertools import repeat
from typing import Any, NamedTuple

import networkx as nx
import numpy as np

from chgraph.graph import Graph
from chgraph.interop._core import search, shared_weights
from chgraph.interop.network import Network
from chgraph.interop.rules import runs_when

_BATCH = 50_000

Scored = Iterator[tuple[Hashable, Hashable, float]]
Score = Callable[[np.ndarray, np.ndarray], list[Any]]


class _Pairs(NamedTuple):
    """Some pairs: their nodes as they were given, and the numbers of these."""

    first: Any
    second: Any
    source: np.ndarray
    target: np.ndarray


def _no_node_twice(graph: Any, given: dict[str, Any]) -> str | None:
    """Say so if a pair is a node with itself, which networkx treats in a way of its own."""
    pairs = given["ebunch"]
    try:
        twice = pairs is not None and any(u == v for u, v in pairs)
    except (TypeError, ValueError):
        return None  # no pairs: the function says so, as networkx does
    return "pairs of a node with itself are not covered" if twice else None


@runs_when(pairs="ebunch")
def resource_allocation_index(G: Network, ebunch: Any = None) -> Scored:
    """Return the sum of 1 / degree over the common neighbors of each pair."""
    return _scored(G, ebunch, _by_common_neighbors(G, 1.0 / np.maximum(G.degree, 1)))


@runs_when(pairs="ebunch", check=_no_node_twice)
def adamic_adar_index(G: Network, ebunch: Any = None) -> Scored:
    """Return the sum of 1 / log(degree) over the common neighbors of each pair."""
    return _scored(G, ebunch, _by_common_neighbors(G, 1.0 / np.log(np.maximum(G.degree, 2))))


@runs_when(pairs="ebunch")
def jaccard_coefficient(G: Network, ebunch: Any = None) -> Scored:
    """Return common over all neighbors of each pair, the integer 0 if there are none at all."""
    degree = G.work.degree

    def score(source: np.ndarray, target: np.ndarray) -> list[Any]:
        common = _shared(G, source, target, np.ones(len(G)))
        union = degree[source] + degree[target] - common + _own_loops(G, source, target)
        values = (common / np.maximum(union, 1)).tolist()
        return [x if all_ else 0 for x, all_ in zip(values, union.tolist(), strict=True)]

    return _scored(G, ebunch, score)


@runs_when(pairs="ebunch")
def preferential_attachment(G: Network, ebunch: Any = None) -> Scored:
    """Return the product of the degrees of each pair."""
    degree = G.degree
    return _scored(G, ebunch, lambda source, target: (degree[source] * degree[target]).tolist())


@runs_when(pairs="ebunch", check=_no_node_twice)
def common_neighbor_centrality(G: Network, ebunch: Any = None, alpha: float = 0.8) -> Scored:
    """Return alpha times the common neighbors plus (1 - alpha) times nodes over distance."""
    common = _by_common_neighbors(G, np.ones(len(G)))
    if alpha == 1:
        return _scored(G, ebunch, lambda *pairs: list(map(int, common(*pairs))))
    distances = _Distances(G)

    def score(source: np.ndarray, target: np.ndarray) -> list[Any]:
        hops = distances(source, target)
        values = zip(common(source, target), hops.tolist(), strict=True)
        return [alpha * int(n) + (1 - alpha) * len(G) / hop for n, hop in values]

    return _scored(G, ebunch, score)


# ------------------------------------------------------------------------------- scores


def _shared(net: Network, source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    result = np.empty(source.size)
    shared_weights(*net.work.neighbor_lists, source, target, weight, result)
    return result


def _own_loops(net: Network, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Count the ends of each pair that are neighbors of themselves alone, not of the other end."""
    if not net.n_loops:
        return np.zeros(source.size, np.int64)
    graph = net.work.graph
    assert isinstance(graph, Graph)
    apart = ~graph.has_links(source, target)
    of_target = net.looped[target] & (source != target)
    return apart * (net.looped[source].astype(np.int64) + of_target)


def _by_common_neighbors(net: Network, weight: np.ndarray) -> Score:
    """Sum a positive weight over common neighbors; as in networkx the integer 0 without any."""
    return lambda source, target: [x or 0 for x in _shared(net, source, target, weight).tolist()]


class _Distances:
    """Distances from one source after another, searched once while the source stays."""

    def __init__(self, net: Network) -> None:
        self._lists = net.offsets, net.targets
        self._source = -1
        self._order = np.empty(len(net), np.int64)
        self._distance = np.full(len(net), -1)

    def __call__(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the distance of each pair, infinite where there is no path."""
        found = np.empty(sources.size)
        changes = np.flatnonzero(np.diff(sources)) + 1
        for start, end in zip([0, *changes], [*changes, sources.size], strict=True):
            if end > start:
                self._go_to(int(sources[start]))
                hops = self._distance[targets[start:end]]
                found[start:end] = np.where(hops < 0, np.inf, hops)
        return found

    def _go_to(self, source: int) -> None:
        if source != self._source:
            self._distance[:] = -1
            search(source, *self._lists, np.inf, self._order, self._distance)
            self._source = source


# -------------------------------------------------------------------------------- pairs


def _scored(net: Network, ebunch: Any, score: Score) -> Scored:
    """Return (u, v, score) of each pair, lazily; a node that is none is said at once."""
    if ebunch is None:
        return _results(_unlinked(net), score)
    first, second = [u for u, _ in ebunch], [v for _, v in ebunch]
    try:
        ends = [[net.index[node] for node in nodes] for nodes in (first, second)]
    except (KeyError, TypeError):
        strangers = (node for pair in ebunch for node in pair if node not in net)
        raise nx.NodeNotFound(f"Node {next(strangers)} not in G.") from None
    source, target = np.array(ends, np.int64)
    return _results(_batches(_Pairs(first, second, source, target)), score)


def _results(batches: Iterator[_Pairs], score: Score) -> Scored:
    for first, second, source, target in batches:
        yield from zip(first, second, score(source, target), strict=False)


def _batches(pairs: _Pairs) -> Iterator[_Pairs]:
    for start in range(0, len(pairs.first), _BATCH):
        yield _Pairs(*(column[start : start + _BATCH] for column in pairs))


def _unlinked(net: Network) -> Iterator[_Pairs]:
    """Yield the pairs that are not linked, from one node at a time, as ``nx.non_edges`` does.

    Its order is that of Python's sets, which the same sets have here.
    """
    nodes = set(net.names)
    offsets, targets = net.offsets, net.targets
    while nodes:
        u = nodes.pop()
        number = net.index[u]
        second = list(nodes - set(net.named(targets[offsets[number] : offsets[number + 1]])))
        numbers = second if net.numbered else map(net.index.__getitem__, second)
        target = np.fromiter(numbers, np.int64, len(second))
        yield _Pairs(repeat(u), second, np.full(len(second), number), target)
