"""The deterministic measures that Monte-Carlo measures are made of, several in one pass."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from chgraph.graph import BipartiteGraph, Graph

if TYPE_CHECKING:
    import igraph

BASIC_MEASURES = ("clustering", "char_path", "efficiency_glob", "efficiency_loc")


def as_one_graph(network: Graph | BipartiteGraph) -> Graph:
    """Return a layer as one graph of n_left + n_right nodes, a Graph as it is."""
    if isinstance(network, Graph):
        return network
    left, right = network.links()
    return Graph.from_links(left, right + network.n_left, sum(network.shape))


def basic_measures(graph: Graph, names: Collection[str] = BASIC_MEASURES) -> dict[str, float]:
    """Return measures of a graph by name; NaN where they are means over nothing.

    clustering: mean local coefficient, 0 for nodes of degree below 2. char_path: mean
    distance of the pairs that are connected. efficiency_glob: mean of 1 / distance over all
    pairs, 0 for those that are not. efficiency_loc: mean over the nodes of the efficiency of
    the graph of their neighbours, 0 for degrees below 2.
    """
    result = graph.to_igraph()
    values = {}
    if "clustering" in names:
        clustering = result.transitivity_avglocal_undirected(mode="zero")
        values["clustering"] = clustering if graph.n_nodes else float("nan")
    if "char_path" in names or "efficiency_glob" in names:
        distance, count = _distances(result)
        values["char_path"] = float(distance @ count / count.sum()) if count.size else float("nan")
        values["efficiency_glob"] = _efficiency(distance, count, graph.n_nodes)
    if "efficiency_loc" in names:
        near = [
            _efficiency(*_distances(result.induced_subgraph(around)), len(around))
            for around in result.get_adjlist()
        ]
        values["efficiency_loc"] = float(np.mean(near)) if near else float("nan")
    return {name: values[name] for name in names}


def _distances(graph: igraph.Graph) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances that occur and how many (unordered) pairs have them."""
    bins = list(graph.path_length_hist(directed=False).bins())
    return np.array([start for start, _, _ in bins]), np.array([n for _, _, n in bins])


def _efficiency(distance: np.ndarray, count: np.ndarray, n_nodes: int) -> float:
    """Return the mean of 1 / distance over all pairs; 0 if there is none."""
    n_pairs = n_nodes * (n_nodes - 1) / 2
    return float((count / distance).sum() / n_pairs) if n_pairs else 0.0
