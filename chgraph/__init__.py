"""Network science of sparse layers and other graphs, after Cannistraci-Hebb theory.

:func:`predict_links` ranks the missing links of any network. Every sparse layer is a
bipartite graph; the package holds such graphs (:class:`BipartiteGraph`), makes initial
topologies (:mod:`chgraph.topology`) and rewires them (:mod:`chgraph.rewiring`). It never
imports torch.
"""

from importlib.metadata import version

from chgraph import linkpred, metrics, plotting, rewiring, topology
from chgraph.files import read_network
from chgraph.graph import BipartiteGraph, Graph, GraphInputWarning, as_bipartite, as_graph
from chgraph.linkpred import METHODS, LinkPrediction, predict_links, score_links
from chgraph.warming import warm_up

__version__ = version("chgraph")

__all__ = [
    "METHODS",
    "BipartiteGraph",
    "Graph",
    "GraphInputWarning",
    "LinkPrediction",
    "__version__",
    "as_bipartite",
    "as_graph",
    "linkpred",
    "metrics",
    "plotting",
    "predict_links",
    "read_network",
    "rewiring",
    "score_links",
    "topology",
    "warm_up",
]
