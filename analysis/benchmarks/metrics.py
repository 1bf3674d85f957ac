"""Measures of graphs: seconds and memory beside networkx and igraph, equal values checked.

``python -m analysis.benchmarks.metrics [--quick] [--json FILE]``. A network runs in a process
of its own, ours before the peers, so that the peak memory shown is that of ours; every measure
starts from the bare graph, only the summary shares work. Yeast is read from the folder
CHSNN_DATA names.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import networkx as nx
import numpy as np

import chgraph
from analysis.benchmarks._cases import Arguments, run_cases
from analysis.benchmarks._rows import Row, median_seconds, peak_memory_mb, seconds_once
from analysis.benchmarks.link_prediction import random_layer, yeast
from chgraph import metrics
from chgraph.metrics.registry import MEASURES, Measure

Network = chgraph.Graph | chgraph.BipartiteGraph


# ------------------------------------------------------------------------------------ peers


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _nx_path_length(graph: nx.Graph) -> float:
    hops = [h for _, ends in nx.all_pairs_shortest_path_length(graph) for h in ends.values()]
    return sum(hops) / sum(h > 0 for h in hops)


def _nx_modularity(graph: nx.Graph) -> float:
    return nx.community.modularity(graph, nx.community.louvain_communities(graph, seed=0))


NETWORKX: dict[str, Callable[[nx.Graph], float]] = {
    "density": nx.density,
    "assortativity": nx.degree_assortativity_coefficient,
    "characteristic_path_length": _nx_path_length,
    "global_efficiency": nx.global_efficiency,
    "closeness": lambda g: _mean(nx.harmonic_centrality(g).values()),
    "edge_betweenness": lambda g: _mean(
        nx.edge_betweenness_centrality(g, normalized=False).values()
    ),
    "node_betweenness": lambda g: (
        2 * _mean(nx.betweenness_centrality(g, normalized=False).values())
    ),
    "clustering": nx.average_clustering,
    "local_efficiency": nx.local_efficiency,
    "modularity": _nx_modularity,
}
NETWORKX_LAYER: dict[str, Callable[[nx.Graph], float]] = {
    "latapy_clustering": nx.bipartite.average_clustering,
    "robins_alexander_clustering": nx.bipartite.robins_alexander_clustering,
}
IGRAPH: dict[str, Callable[[Any], float]] = {
    "density": lambda g: g.density(),
    "assortativity": lambda g: g.assortativity_degree(directed=False),
    "characteristic_path_length": lambda g: g.average_path_length(unconn=True),
    "closeness": lambda g: float(np.nansum(g.harmonic_centrality(normalized=False))) / g.vcount(),
    "edge_betweenness": lambda g: _mean(g.edge_betweenness()),
    "node_betweenness": lambda g: 2 * _mean(g.betweenness()),
    "clustering": lambda g: g.transitivity_avglocal_undirected(mode="zero"),
}
_OTHER_METHODS = ("modularity",)  # another search: the value need not be ours
# Draws of the measures whose defaults take minutes on yeast: a tenth of them.
_FEWER: dict[str, dict[str, int]] = {
    "structural_consistency": {"repeats": 1},
    "rich_club_p": {"n_nulls": 100},
}


# ------------------------------------------------------------------------------------ cases


def measured(name: str, graph: Network, arguments: Arguments) -> list[Row]:
    """Return a row per measure and peer, and those of the summary."""
    chosen = [measure for measure in MEASURES if measure.suits(graph)]
    ours: dict[str, tuple[float, float]] = {}
    for measure in chosen:
        alone = partial(_result, measure, graph)
        fast = measure.cost == "fast"
        seconds = median_seconds(alone, arguments.repeats) if fast else seconds_once(alone)
        ours[measure.name] = seconds, peak_memory_mb()
    summary = median_seconds(partial(metrics.summary, graph, rng=0), arguments.repeats)
    memory = peak_memory_mb()
    values = {m.name: float(_result(m, graph)) for m in chosen if m.cost == "fast"}
    by_networkx = _networkx_seconds(graph, values)
    by_igraph = _igraph_seconds(graph, values, arguments.repeats)
    rows = []
    for measure in chosen:
        seconds, peak = ours[measure.name]
        peers: list[tuple[float | None, str]] = [
            (found[measure.name], peer)
            for found, peer in ((by_networkx, "networkx"), (by_igraph, "igraph"))
            if measure.name in found
        ]
        for peer_seconds, peer in peers or [(None, "")]:
            note = "another search" if measure.name in _OTHER_METHODS and peer else ""
            note += "a tenth of the draws" if measure.name in _FEWER else ""
            what = f"{name}: {measure.name}"
            rows.append(Row(what, seconds, peer_seconds, peer, peak, note))
    note = f"{sum(m.cost == 'fast' for m in chosen)} measures, of which networkx has "
    note += f"{len(by_networkx)}"
    total = sum(by_networkx.values())
    rows.append(Row(f'{name}: summary, cost="fast"', summary, total, "networkx", memory, note))
    return rows


def _result(measure: Measure, graph: Network) -> Any:
    """Return what the measure's own function gives: no work is shared with another one."""
    options = {"rng": 0} if measure.random else {}
    return getattr(metrics, measure.name)(graph, **options, **_FEWER.get(measure.name, {}))


def _networkx_seconds(graph: Network, values: dict[str, float]) -> dict[str, float]:
    peers = NETWORKX | (NETWORKX_LAYER if isinstance(graph, chgraph.BipartiteGraph) else {})
    network, seconds = graph.to_networkx(), {}
    for name, call in peers.items():
        start = time.perf_counter()
        found = call(network)
        seconds[name] = time.perf_counter() - start
        _check(name, values[name], found)
    return seconds


def _igraph_seconds(graph: Network, values: dict[str, float], repeats: int) -> dict[str, float]:
    network, seconds = graph.to_igraph(), {}
    for name, call in IGRAPH.items():
        seconds[name] = median_seconds(partial(call, network), repeats)
        _check(name, values[name], call(network))
    return seconds


def _check(name: str, ours: float, theirs: float) -> None:
    if name not in _OTHER_METHODS:
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12, err_msg=name)


def layer_case(arguments: Arguments) -> list[Row]:
    """Measure a random layer."""
    n_left, n_right, density = (98, 196, 0.05) if arguments.quick else (784, 1568, 0.01)
    layer = random_layer(n_left, n_right, density)
    return measured(f"layer {n_left} x {n_right} at {density:.0%}", layer, arguments)


def yeast_case(arguments: Arguments) -> list[Row]:
    """Measure the yeast interactome; a heavy-tailed network of 400 nodes for --quick."""
    if arguments.quick:
        graph = chgraph.as_graph(nx.powerlaw_cluster_graph(400, 4, 0.3, seed=1))
        return measured("clustered scale-free, 400 nodes", graph, arguments)
    network = yeast()
    return [] if network is None else measured("yeast_dip", network, arguments)


CASES = {"layer": layer_case, "yeast": yeast_case}


if __name__ == "__main__":
    run_cases("metrics", CASES, quick=tuple(CASES))
