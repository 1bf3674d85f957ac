"""Distances of networkx: from a node, between all nodes, and what is made of their sums."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import Any

import networkx as nx
import numpy as np

from chgraph.interop._core import search
from chgraph.interop.network import Network
from chgraph.interop.rules import runs_when
from chgraph.metrics._workspace import Workspace
from chgraph.metrics.local import local_efficiency as mean_of_ego_efficiencies

ByNode = dict[Hashable, Any]


def _number_or_none(_: Any, given: dict[str, Any]) -> str | None:
    cutoff = given["cutoff"]
    if cutoff is None or isinstance(cutoff, int | float):
        return None
    return "a cutoff other than a number is not covered"


@runs_when(check=_number_or_none, light=True)
def single_source_shortest_path_length(
    G: Network, source: Hashable, cutoff: float | None = None
) -> ByNode:
    """Return {node: distance} in the order in which networkx meets the nodes."""
    if source not in G:
        raise nx.NodeNotFound(f"Source {source} is not in G")
    return _Searches(G, cutoff).from_(G.index[source])


@runs_when(check=_number_or_none, light=True)
def single_target_shortest_path_length(
    G: Network, target: Hashable, cutoff: float | None = None
) -> ByNode:
    """Return {node: distance}, which are those from the target."""
    if target not in G:
        raise nx.NodeNotFound(f"Target {target} is not in G")
    return _Searches(G, cutoff).from_(G.index[target])


@runs_when(check=_number_or_none)
def all_pairs_shortest_path_length(
    G: Network, cutoff: float | None = None
) -> Iterator[tuple[Hashable, ByNode]]:
    """Yield (node, {node: distance}) of each node in turn."""
    searches = _Searches(G, cutoff)
    for source, node in enumerate(G.names):
        yield node, searches.from_(source)


class _Searches:
    """Searches from one node after another, in networkx's order of neighbors."""

    def __init__(self, net: Network, cutoff: float | None) -> None:
        self._net = net
        self._cutoff = math.inf if cutoff is None else float(cutoff)
        self._order = np.empty(len(net), np.int64)
        self._distance = np.full(len(net), -1)

    def from_(self, source: int) -> ByNode:
        net, distance = self._net, self._distance
        n_met = search(source, net.offsets, net.targets, self._cutoff, self._order, distance)
        met = self._order[:n_met]
        found = dict(zip(net.named(met), distance[met].tolist(), strict=True))
        distance[met] = -1
        return found


# ------------------------------------------------------------------- sums of distances


@runs_when(fixed={"weight": None, "method": None})
def average_shortest_path_length(G: Network, weight: None = None, method: None = None) -> float:
    """Return the mean distance of two nodes of a connected graph."""
    if not len(G):
        raise nx.NetworkXPointlessConcept("the null graph has no average shortest path length")
    if len(G) == 1:
        return 0
    if not _is_connected(G.work):
        raise nx.NetworkXError("Graph is not connected.")
    return _total(G.work) / (len(G) * (len(G) - 1))


@runs_when(fixed={"weight": None})
def wiener_index(G: Network, weight: None = None) -> float:
    """Return the sum of the distances of all pairs, infinite if the graph is not connected."""
    if not len(G):
        raise nx.NetworkXPointlessConcept("Connectivity is undefined for the null graph.")
    return _total(G.work) / 2 if _is_connected(G.work) else math.inf


@runs_when()
def global_efficiency(G: Network) -> float:
    """Return the mean of 1 / distance over all pairs, 0 without a pair."""
    if len(G) < 2:
        return 0
    counts = G.work.distances[1:].tolist()
    return math.fsum(n / d for d, n in enumerate(counts, 1)) / (len(G) * (len(G) - 1))


@runs_when(loops=False)
def local_efficiency(G: Network) -> float:
    """Return the mean over the nodes of the global efficiency among their neighbors."""
    if not len(G):
        raise ZeroDivisionError("division by zero")  # networkx's mean over no nodes
    return mean_of_ego_efficiencies(G.work)


def _is_connected(work: Workspace) -> bool:
    return int(work.distances.sum()) == work.n_nodes**2


def _total(work: Workspace) -> int:
    """Return the sum of all distances, over ordered pairs."""
    return sum(d * n for d, n in enumerate(work.distances.tolist()))


# ------------------------------------------------------------------ farthest and nearest


@runs_when(nodes="v", fixed={"sp": None, "weight": None})
def eccentricity(G: Network, v: Any = None, sp: None = None, weight: None = None) -> ByNode:
    """Return the largest distance from each node of a connected graph."""
    nodes = G.names if v is None else v
    if len(nodes) and not bool((G.reach.reached == len(G) - 1).all()):
        message = "Found infinite path length because the graph is not connected"
        raise nx.NetworkXError(message)
    values = G.reach.farthest.tolist()
    return {node: values[G.index[node]] for node in nodes}


_PLAIN = {"e": None, "usebounds": False, "weight": None}


@runs_when(fixed=_PLAIN)
def diameter(G: Network, e: None = None, usebounds: bool = False, weight: None = None) -> int:
    """Return the largest distance of a connected graph."""
    return max(eccentricity(G).values())


@runs_when(fixed=_PLAIN)
def radius(G: Network, e: None = None, usebounds: bool = False, weight: None = None) -> int:
    """Return the smallest eccentricity of a connected graph."""
    return min(eccentricity(G).values())


@runs_when(fixed={"u": None, "distance": None})
def closeness_centrality(
    G: Network, u: None = None, distance: None = None, wf_improved: bool = True
) -> ByNode:
    """Return the others reached over the sum of their distances, of each node."""
    others = G.reach.reached
    values = others / np.maximum(G.reach.far, 1)
    if wf_improved:
        values *= others / max(len(G) - 1, 1)
    return G.by_node(values)


@runs_when(fixed={"nbunch": None, "distance": None, "sources": None})
def harmonic_centrality(
    G: Network, nbunch: None = None, distance: None = None, sources: None = None
) -> ByNode:
    """Return the sum of 1 / distance to all others, of each node in the order of their set."""
    values = G.by_node(G.reach.near)
    return {node: values[node] or 0 for node in set(G.names)}
