"""The object that networkx loads: every covered function under networkx's name for it.

>>> import networkx as nx
>>> net = convert_from_nx(nx.complete_graph(4))
>>> clustering(net)
{0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0}
>>> can_run("clustering", (nx.DiGraph(),), {})
'directed graphs are not covered'
"""

from chgraph.interop.centrality import betweenness_centrality, edge_betweenness_centrality
from chgraph.interop.clustering import (
    average_clustering,
    bipartite_average_clustering,
    clustering,
    latapy_clustering,
    robins_alexander_clustering,
    square_clustering,
    transitivity,
    triangles,
)
from chgraph.interop.distances import (
    all_pairs_shortest_path_length,
    average_shortest_path_length,
    closeness_centrality,
    diameter,
    eccentricity,
    global_efficiency,
    harmonic_centrality,
    local_efficiency,
    radius,
    single_source_shortest_path_length,
    single_target_shortest_path_length,
    wiener_index,
)
from chgraph.interop.links import (
    adamic_adar_index,
    common_neighbor_centrality,
    jaccard_coefficient,
    preferential_attachment,
    resource_allocation_index,
)
from chgraph.interop.network import convert_from_nx, convert_to_nx
from chgraph.interop.rules import can_run, should_run
from chgraph.interop.structure import (
    degree_assortativity_coefficient,
    degree_pearson_correlation_coefficient,
    leiden_communities,
    modularity,
    rich_club_coefficient,
)

__all__ = [
    "adamic_adar_index",
    "all_pairs_shortest_path_length",
    "average_clustering",
    "average_shortest_path_length",
    "betweenness_centrality",
    "bipartite_average_clustering",
    "can_run",
    "closeness_centrality",
    "clustering",
    "common_neighbor_centrality",
    "convert_from_nx",
    "convert_to_nx",
    "degree_assortativity_coefficient",
    "degree_pearson_correlation_coefficient",
    "diameter",
    "eccentricity",
    "edge_betweenness_centrality",
    "global_efficiency",
    "harmonic_centrality",
    "jaccard_coefficient",
    "latapy_clustering",
    "leiden_communities",
    "local_efficiency",
    "modularity",
    "preferential_attachment",
    "radius",
    "resource_allocation_index",
    "rich_club_coefficient",
    "robins_alexander_clustering",
    "should_run",
    "single_source_shortest_path_length",
    "single_target_shortest_path_length",
    "square_clustering",
    "transitivity",
    "triangles",
    "wiener_index",
]
