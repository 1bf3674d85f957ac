"""Network science of sparse layers and other graphs, after Cannistraci-Hebb theory.

Every sparse layer is a bipartite graph. This package holds such graphs
(:class:`BipartiteGraph`), predicts which links they will gain (:mod:`chgraph.linkpred`),
makes initial topologies (:mod:`chgraph.topology`) and rewires them
(:mod:`chgraph.rewiring`). It needs numpy, scipy and numba, and never imports torch.
"""

from importlib.metadata import version

from chgraph import linkpred, rewiring, topology
from chgraph.graph import BipartiteGraph, Graph, GraphInputWarning, as_bipartite, as_graph

__version__ = version("chsnn")

__all__ = [
    "BipartiteGraph",
    "Graph",
    "GraphInputWarning",
    "__version__",
    "as_bipartite",
    "as_graph",
    "linkpred",
    "rewiring",
    "topology",
]
