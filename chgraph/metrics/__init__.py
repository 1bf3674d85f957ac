"""Measures graphs: what a topology looks like, in numbers.

:func:`summary` gives them all, with a line of meaning each. A measure takes what
:func:`chgraph.as_graph` and :func:`chgraph.as_bipartite` take: a rectangular matrix is a
layer, a square symmetric one is a network of one kind of node. A layer counts as one network
of its left and right nodes, but for the measures that are made for layers. What is found by
chance is an :class:`Estimate`, with its spread. What a graph does not have is NaN, an
:class:`Undefined` or an estimate that knows the reason.
"""

from chgraph.metrics.centrality import (
    betweenness_centrality,
    closeness_centrality,
    edge_betweenness_centrality,
    harmonic_centrality,
)
from chgraph.metrics.communities import (
    barber_modularity,
    find_communities,
    find_layer_communities,
    modularity,
)
from chgraph.metrics.comparison import Overlap, overlap
from chgraph.metrics.distances import (
    characteristic_path_length,
    closeness,
    distance_distribution,
    edge_betweenness,
    global_efficiency,
    mean_harmonic_centrality,
    node_betweenness,
    radiality,
)
from chgraph.metrics.estimate import Estimate
from chgraph.metrics.layers import (
    latapy_clustering,
    latapy_coefficients,
    n_four_cycles,
    nodf,
    robins_alexander_clustering,
)
from chgraph.metrics.local import clustering, lcp_corr, local_efficiency
from chgraph.metrics.paths import active_neurons, credit_assigned_paths, n_l3_paths
from chgraph.metrics.powerlaw import PowerLawFit, powerlaw_fit, powerlaw_gamma, powerlaw_p
from chgraph.metrics.registry import MEASURES, Measure
from chgraph.metrics.report import Summary, summary
from chgraph.metrics.rich_club import RichClub, RichClubTest, rich_club, rich_club_p
from chgraph.metrics.sizes import (
    assortativity,
    average_degree,
    degree_distribution,
    density,
    layer_density,
    n_links,
    n_nodes,
)
from chgraph.metrics.small_world import (
    SmallWorld,
    small_world,
    small_world_omega,
    small_world_omega_efficiency,
    small_world_sigma,
    small_world_sigma_efficiency,
)
from chgraph.metrics.spectral import structural_consistency
from chgraph.metrics.undefined import Undefined

__all__ = [
    "MEASURES",
    "Estimate",
    "Measure",
    "Overlap",
    "PowerLawFit",
    "RichClub",
    "RichClubTest",
    "SmallWorld",
    "Summary",
    "Undefined",
    "active_neurons",
    "assortativity",
    "average_degree",
    "barber_modularity",
    "betweenness_centrality",
    "characteristic_path_length",
    "closeness",
    "closeness_centrality",
    "clustering",
    "credit_assigned_paths",
    "degree_distribution",
    "density",
    "distance_distribution",
    "edge_betweenness",
    "edge_betweenness_centrality",
    "find_communities",
    "find_layer_communities",
    "global_efficiency",
    "harmonic_centrality",
    "latapy_clustering",
    "latapy_coefficients",
    "layer_density",
    "lcp_corr",
    "local_efficiency",
    "mean_harmonic_centrality",
    "modularity",
    "n_four_cycles",
    "n_l3_paths",
    "n_links",
    "n_nodes",
    "node_betweenness",
    "nodf",
    "overlap",
    "powerlaw_fit",
    "powerlaw_gamma",
    "powerlaw_p",
    "radiality",
    "rich_club",
    "rich_club_p",
    "robins_alexander_clustering",
    "small_world",
    "small_world_omega",
    "small_world_omega_efficiency",
    "small_world_sigma",
    "small_world_sigma_efficiency",
    "structural_consistency",
    "summary",
]
