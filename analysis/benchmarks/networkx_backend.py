"""The networkx backend beside networkx itself and igraph: seconds of the same call.

``python -m analysis.benchmarks.networkx_backend [--quick] [--json FILE]``. Ours is the call
``nx.f(graph, backend="chgraph")`` on a networkx graph that is not converted yet: conversion is
inside, compilation is not. igraph starts from its own graph. Where networkx would take many
minutes it searches from some nodes only and is scaled up to all, which its row says. Values
are checked. Yeast is read from the folder CHSNN_DATA names.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import igraph
import networkx as nx
import numpy as np

from analysis.benchmarks._cases import Arguments, run_cases
from analysis.benchmarks._rows import Row, figure, seconds_once
from analysis.benchmarks.link_prediction import yeast
from chgraph.interop import backend

_LONG_SECONDS = 2.0  # a call that takes longer is not repeated
_SOURCES = 20  # what slow functions of networkx are timed on, on the large graph
_PAIRS = 100_000


@dataclass(frozen=True)
class Peer:
    """What is measured beside one function of the backend.

    Attributes
    ----------
    call : callable
        The function of networkx, given a graph and ``backend``.
    igraph : callable or None
        The same of igraph, given its graph.
    some : callable or None
        networkx from these nodes only: as much of its work as there are nodes.
    """

    call: Callable[..., Any]
    igraph: Callable[[igraph.Graph], Any] | None = None
    some: Callable[[nx.Graph, list[Any]], Any] | None = None


# ------------------------------------------------------------------------------ functions


def _searches(graph: nx.Graph, nodes: list[Any]) -> None:
    for node in nodes:
        sum(nx.single_source_shortest_path_length(graph, node).values())


def _brandes(graph: nx.Graph, nodes: list[Any]) -> None:
    nx.betweenness_centrality(graph, k=len(nodes), seed=0)


def _brandes_of_edges(graph: nx.Graph, nodes: list[Any]) -> None:
    nx.edge_betweenness_centrality(graph, k=len(nodes), seed=0)


def _listed(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that takes all of a generator but keeps its last item only."""

    def last(*args: Any, **options: Any) -> Any:
        item = None
        for item in call(*args, **options):  # noqa: B007
            pass
        return item

    return last


def _halves(graph: nx.Graph) -> list[set[Any]]:
    nodes = list(graph)
    return [set(nodes[::2]), set(nodes[1::2])]


def _modularity(graph: nx.Graph, **options: Any) -> float:
    return float(nx.community.modularity(graph, _halves(graph), **options))


def _igraph_modularity(graph: igraph.Graph) -> float:
    return float(graph.modularity([i % 2 for i in range(graph.vcount())]))


def _pairs_of(graph: nx.Graph) -> list[tuple[Any, Any]]:
    """Return pairs of nodes drawn at random, never linked."""
    nodes, rng = list(graph), np.random.default_rng(0)
    drawn = rng.integers(len(nodes), size=(2 * _PAIRS, 2)).tolist()
    pairs = ((nodes[i], nodes[j]) for i, j in drawn if i != j)
    return [pair for pair in pairs if not graph.has_edge(*pair)][:_PAIRS]


def _of_pairs(call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda graph, **options: list(call(graph, graph.graph["pairs"], **options))


INDICES = {
    name: Peer(_of_pairs(getattr(nx, name)))
    for name in (
        "resource_allocation_index",
        "jaccard_coefficient",
        "adamic_adar_index",
        "preferential_attachment",
    )
}
ALL_PAIRS = {
    f"{name}, all pairs": Peer(_listed(getattr(nx, name)))
    for name in ("resource_allocation_index", "preferential_attachment")
}
MEASURES = {
    "triangles": Peer(nx.triangles),
    "clustering": Peer(nx.clustering, lambda g: g.transitivity_local_undirected(mode="zero")),
    "average_clustering": Peer(
        nx.average_clustering, lambda g: g.transitivity_avglocal_undirected(mode="zero")
    ),
    "transitivity": Peer(nx.transitivity, lambda g: g.transitivity_undirected()),
    "square_clustering": Peer(nx.square_clustering),
    "degree_assortativity_coefficient": Peer(
        nx.degree_assortativity_coefficient, lambda g: g.assortativity_degree(directed=False)
    ),
    "rich_club_coefficient": Peer(partial(nx.rich_club_coefficient, normalized=False)),
    "modularity": Peer(_modularity, _igraph_modularity),
}
DISTANCES = {
    "average_shortest_path_length": Peer(
        nx.average_shortest_path_length, lambda g: g.average_path_length(), _searches
    ),
    "global_efficiency": Peer(nx.global_efficiency, None, _searches),
    "local_efficiency": Peer(nx.local_efficiency),
    "closeness_centrality": Peer(
        nx.closeness_centrality, lambda g: g.closeness(normalized=True), _searches
    ),
    "harmonic_centrality": Peer(
        nx.harmonic_centrality, lambda g: g.harmonic_centrality(normalized=False), _searches
    ),
    "eccentricity": Peer(nx.eccentricity, lambda g: g.eccentricity(), _searches),
    "all_pairs_shortest_path_length": Peer(
        _listed(nx.all_pairs_shortest_path_length), None, _searches
    ),
    "betweenness_centrality": Peer(
        partial(nx.betweenness_centrality, normalized=False), lambda g: g.betweenness(), _brandes
    ),
    "edge_betweenness_centrality": Peer(
        partial(nx.edge_betweenness_centrality, normalized=False),
        lambda g: g.edge_betweenness(),
        _brandes_of_edges,
    ),
}
TWO_SIDED = {
    "bipartite.latapy_clustering": Peer(nx.bipartite.latapy_clustering),
    "bipartite.robins_alexander_clustering": Peer(nx.bipartite.robins_alexander_clustering),
}


# ------------------------------------------------------------------------------- measuring


def _repeated(call: Callable[[], Any], repeats: int, before: Callable[[], None]) -> float:
    """Return the median seconds of some calls, of one where it is long; `before` not counted."""
    times: list[float] = []
    while len(times) < repeats and sum(times) < _LONG_SECONDS:
        before()
        times.append(seconds_once(call))
    return median(times)


def measured(
    name: str, graph: nx.Graph, peers: dict[str, Peer], arguments: Arguments, some: bool
) -> list[Row]:
    """Return a row for networkx and one for igraph of each function."""
    graph.graph["pairs"] = _pairs_of(graph)
    network = igraph.Graph(len(graph), _numbered_edges(graph))
    rows = []
    for function, peer in peers.items():
        ours = partial(peer.call, graph, backend="chgraph")
        value = ours()  # compiled now
        seconds = _repeated(ours, arguments.repeats, graph.__networkx_cache__.clear)
        rows.append(_beside_networkx(f"{name}: {function}", seconds, value, graph, peer, some))
        if peer.igraph is not None:
            theirs = partial(peer.igraph, network)
            _check(function, _in_order(graph, value), theirs())
            found = _repeated(theirs, arguments.repeats, lambda: None)
            rows.append(Row(f"{name}: {function}", seconds, found, "igraph"))
    return rows


def _numbered_edges(graph: nx.Graph) -> np.ndarray:
    net = backend.convert_from_nx(graph)
    return np.stack([net.rows[net.once], net.targets[net.once]], axis=1)


def _beside_networkx(
    what: str, seconds: float, value: Any, graph: nx.Graph, peer: Peer, some: bool
) -> Row:
    if some and peer.some is not None:
        nodes = list(graph)[:: max(len(graph) // _SOURCES, 1)]
        scale = len(graph) / len(nodes)
        found = scale * seconds_once(partial(peer.some, graph, nodes))
        return Row(what, seconds, found, "networkx", note=f"networkx from {len(nodes)} nodes")
    start = time.perf_counter()
    theirs = peer.call(graph, backend="networkx")
    found = time.perf_counter() - start
    _check(what, value, theirs)
    return Row(what, seconds, found, "networkx")


def _in_order(graph: nx.Graph, value: Any) -> Any:
    """Return values by node in the order of the nodes; harmonic centrality has a set's order."""
    if isinstance(value, dict) and value.keys() == set(graph):
        return [value[node] for node in graph]
    return value


def _check(what: str, ours: Any, theirs: Any) -> None:
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), what
    if isinstance(ours, list) and ours and isinstance(ours[0], tuple):
        assert [pair[:2] for pair in ours] == [pair[:2] for pair in theirs], what
        ours, theirs = ([pair[2] for pair in pairs] for pairs in (ours, theirs))
    if isinstance(ours, tuple):
        assert ours == theirs or math.isclose(ours[-1], theirs[-1], rel_tol=1e-9), what
        return
    ours, theirs = (list(x.values()) if isinstance(x, dict) else x for x in (ours, theirs))
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12, err_msg=what)


# ----------------------------------------------------------------------------------- cases


def yeast_case(arguments: Arguments) -> list[Row]:
    """Measure the yeast interactome, its largest connected part; a small graph for --quick."""
    if arguments.quick:
        graph = nx.powerlaw_cluster_graph(400, 4, 0.3, seed=1)
        return measured("400 nodes", graph, _ONE_SIDED, arguments, some=False)
    network = yeast()
    if network is None:
        return []
    whole = network.to_networkx()
    graph = whole.subgraph(max(nx.connected_components(whole), key=len)).copy()
    return measured("yeast", graph, _ONE_SIDED, arguments, some=False)


def large_case(arguments: Arguments) -> list[Row]:
    """Measure a clustered scale-free graph of 100,000 links."""
    graph = nx.powerlaw_cluster_graph(10_000, 10, 0.3, seed=1)
    graph.remove_edges_from(list(graph.edges)[100_000:])
    peers = {**INDICES, **MEASURES, **DISTANCES}
    return measured(f"{graph.number_of_edges():,} links", graph, peers, arguments, some=True)


def layer_case(arguments: Arguments) -> list[Row]:
    """Measure a layer of 784 x 1,568 at 1 %, as networkx's bipartite functions take it."""
    shape = (98, 196, 0.05) if arguments.quick else (784, 1568, 0.01)
    graph = nx.bipartite.random_graph(*shape, seed=1)
    return measured("layer", graph, TWO_SIDED, arguments, some=False)


_ONE_SIDED = {**INDICES, **ALL_PAIRS, **MEASURES, **DISTANCES}
CASES = {"yeast": yeast_case, "large": large_case, "layer": layer_case}


def by_function(rows: Collection[Row]) -> str:
    """Return a Markdown table of a line per function."""
    lines = [
        "| function | networkx (ms) | igraph (ms) | ours (ms) | networkx / ours | igraph / ours | |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    functions = dict.fromkeys(row.what for row in rows)
    for what in functions:
        peers = {row.peer_name: row for row in rows if row.what == what}
        seconds = [_shown(peers.get(peer)) for peer in ("networkx", "igraph")]
        ratios = [_ratio(peers.get(peer)) for peer in ("networkx", "igraph")]
        own = next(iter(peers.values()))
        cells = [what, *seconds, figure(own.ours), *ratios, own.note]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _shown(row: Row | None) -> str:
    return "" if row is None or row.peer is None else figure(row.peer)


def _ratio(row: Row | None) -> str:
    return "" if row is None or row.ratio is None else figure(row.ratio, "")


if __name__ == "__main__":
    nx.config.warnings_to_ignore.add("cache")
    run_cases("networkx_backend", CASES, quick=("yeast", "layer"), show=by_function)
