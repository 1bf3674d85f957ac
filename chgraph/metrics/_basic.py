"""The deterministic measures that Monte-Carlo measures are made of, several at once."""

from __future__ import annotations

from collections.abc import Callable, Collection

from chgraph.graph import BipartiteGraph, Graph
from chgraph.metrics._workspace import Workspace
from chgraph.metrics.distances import characteristic_path_length, global_efficiency
from chgraph.metrics.local import clustering, local_efficiency


def as_one_graph(network: Graph | BipartiteGraph) -> Graph:
    """Return a layer as one graph of n_left + n_right nodes, a Graph as it is."""
    if isinstance(network, Graph):
        return network
    left, right = network.links()
    return Graph.from_links(left, right + network.first_target, network.n_nodes)


def _efficiency_or_zero(work: Workspace) -> float:
    """Return the global efficiency; 0, not NaN, where there is no pair of nodes."""
    return global_efficiency(work) if work.n_nodes > 1 else 0.0


_MEASURES: dict[str, Callable[[Workspace], float]] = {
    "clustering": clustering,
    "char_path": characteristic_path_length,
    "efficiency_glob": _efficiency_or_zero,
    "efficiency_loc": local_efficiency,
}
BASIC_MEASURES = tuple(_MEASURES)


def basic_measures(graph: Graph, names: Collection[str] = BASIC_MEASURES) -> dict[str, float]:
    """Return measures of a graph by name; NaN where they are means over nothing.

    Those of :mod:`chgraph.metrics` under the names of the published tables: clustering,
    char_path, efficiency_glob (0 without a pair of nodes), efficiency_loc.
    """
    work = Workspace(graph)
    return {name: _MEASURES[name](work) for name in names}
