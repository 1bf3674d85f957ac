"""Pictures of graphs. Functions take and return matplotlib axes."""

from chgraph.plotting._canvas import INK, PREDICTED_COLOR, save_figure
from chgraph.plotting.degrees import degree_distribution
from chgraph.plotting.evaluations import evaluation_points
from chgraph.plotting.evolution import metric_evolution
from chgraph.plotting.examples import link_example
from chgraph.plotting.layers import layered_network
from chgraph.plotting.matrices import ORDERS, biadjacency, degree_map
from chgraph.plotting.predictions import predicted_links, ranked_links
from chgraph.plotting.rankings import rank_table

__all__ = [
    "INK",
    "ORDERS",
    "PREDICTED_COLOR",
    "biadjacency",
    "degree_distribution",
    "degree_map",
    "evaluation_points",
    "layered_network",
    "link_example",
    "metric_evolution",
    "predicted_links",
    "rank_table",
    "ranked_links",
    "save_figure",
]
