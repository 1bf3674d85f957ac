"""What the backend covers, as networkx reads it when it is imported: imports nothing."""

from __future__ import annotations

from typing import Any

_PAIRS = "`ebunch` is None or a collection of pairs, no iterator."
_NODES = "`nodes` is None or a collection of nodes of the graph, no single node."
_UNWEIGHTED = "Without `{}`."
_ALONE = "No self-loops."

# Every function and when it runs here; directed graphs and multigraphs never do.
FUNCTIONS = {
    "resource_allocation_index": _PAIRS,
    "jaccard_coefficient": _PAIRS,
    "adamic_adar_index": f"{_PAIRS} No pair of a node with itself.",
    "preferential_attachment": _PAIRS,
    "common_neighbor_centrality": f"{_PAIRS} No pair of a node with itself.",
    "triangles": _NODES,
    "clustering": f"{_NODES} {_UNWEIGHTED.format('weight')}",
    "average_clustering": f"{_NODES} {_UNWEIGHTED.format('weight')}",
    "transitivity": "",
    "square_clustering": _NODES,
    "latapy_clustering": f"{_NODES} {_ALONE}",
    "bipartite_average_clustering": f"{_NODES} {_ALONE}",
    "robins_alexander_clustering": _ALONE,
    "global_efficiency": "",
    "local_efficiency": _ALONE,
    "average_shortest_path_length": "Without `weight` and `method`.",
    "single_source_shortest_path_length": "",
    "single_target_shortest_path_length": "",
    "all_pairs_shortest_path_length": "",
    "eccentricity": "`v` is None or a collection of nodes; without `sp` and `weight`.",
    "diameter": "Without `e`, `usebounds` and `weight`.",
    "radius": "Without `e`, `usebounds` and `weight`.",
    "wiener_index": _UNWEIGHTED.format("weight"),
    "closeness_centrality": "For all nodes; without `distance`.",
    "harmonic_centrality": "For all nodes; without `distance`.",
    "betweenness_centrality": "Exact: without `k`; without `weight`.",
    "edge_betweenness_centrality": "Exact: without `k`; without `weight`. No self-loops.",
    "degree_assortativity_coefficient": "With a link; without `weight` and `nodes`. No self-loops.",
    "degree_pearson_correlation_coefficient": (
        "With two links; without `weight` and `nodes`. No self-loops."
    ),
    "rich_club_coefficient": "With normalized=False.",
    "modularity": "Weights are numbers.",
    "leiden_communities": (
        "igraph's Leiden method, which networkx itself does not have; weights are numbers and "
        "not negative, without `max_level`."
    ),
}


def get_info() -> dict[str, Any]:
    """Return what networkx asks of a backend.

    Examples
    --------
    >>> sorted(get_info()["functions"])[:2]
    ['adamic_adar_index', 'all_pairs_shortest_path_length']
    """
    return {
        "backend_name": "chgraph",
        "project": "chgraph",
        "package": "chgraph",
        "short_summary": "Compiled measures and link prediction for undirected simple graphs.",
        "functions": {
            name: {"additional_docs": f"Undirected simple graphs. {limits}".strip()}
            for name, limits in FUNCTIONS.items()
        },
    }
