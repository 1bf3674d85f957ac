"""Network science of sparse layers and other graphs, after Cannistraci-Hebb theory.

:func:`predict_links` ranks the missing links of any network. Every sparse layer is a
bipartite graph; the package holds such graphs (:class:`BipartiteGraph`), makes initial
topologies (:mod:`chgraph.topology`) and rewires them (:mod:`chgraph.rewiring`);
:mod:`chgraph.datasets` has a few real networks to begin with. It never imports torch.

What is named here is imported when first asked for: networkx looks into the package each
time that it is imported itself, and must not wait for numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chgraph import datasets, linkpred, metrics, plotting, rewiring, topology
    from chgraph.files import build_graph, open_graph, read_network
    from chgraph.graph import BipartiteGraph, Graph, GraphInputWarning, as_bipartite, as_graph
    from chgraph.linkpred import METHODS, LinkPrediction, predict_links, score_links
    from chgraph.warming import warm_up

    __version__: str

_HOMES = {
    **dict.fromkeys(("build_graph", "open_graph", "read_network"), "chgraph.files"),
    "warm_up": "chgraph.warming",
    **dict.fromkeys(
        ("BipartiteGraph", "Graph", "GraphInputWarning", "as_bipartite", "as_graph"),
        "chgraph.graph",
    ),
    **dict.fromkeys(
        ("METHODS", "LinkPrediction", "predict_links", "score_links"), "chgraph.linkpred"
    ),
}
_ROOMS = ("datasets", "linkpred", "metrics", "plotting", "rewiring", "topology")

__all__ = [
    "METHODS",
    "BipartiteGraph",
    "Graph",
    "GraphInputWarning",
    "LinkPrediction",
    "__version__",
    "as_bipartite",
    "as_graph",
    "build_graph",
    "datasets",
    "linkpred",
    "metrics",
    "open_graph",
    "plotting",
    "predict_links",
    "read_network",
    "rewiring",
    "score_links",
    "topology",
    "warm_up",
]

if not TYPE_CHECKING:  # else every name would be right to a type checker

    def __getattr__(name):
        if name in _ROOMS:
            return import_module(f"chgraph.{name}")
        if name in _HOMES:
            value = getattr(import_module(_HOMES[name]), name)
        elif name == "__version__":
            from importlib.metadata import version

            value = version("chgraph")
        else:
            raise AttributeError(f"module 'chgraph' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
