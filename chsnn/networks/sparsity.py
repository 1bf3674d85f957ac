"""How sparse a network is: links, evolving layers, neurons."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from chgraph.graph import BipartiteGraph
from chsnn.networks.mlp import SpikingMLP


def link_sparsity(network: SpikingMLP) -> float:
    """Return the fraction of possible links that is absent, over all layers."""
    return _absent(network.graphs)


def sparse_layers_sparsity(network: SpikingMLP) -> float:
    """Return the fraction of possible links that is absent, over the layers that evolve.

    0 for a network without such a layer.
    """
    pairs = zip(network.graphs, network.target_links, strict=True)
    return _absent([graph for graph, target in pairs if target is not None])


def node_sparsity(network: SpikingMLP) -> float:
    """Return the fraction of hidden neurons that have no incoming or no outgoing link."""
    dead = total = 0
    for graph, following in itertools.pairwise(network.graphs):
        dead += int(((graph.right_degree == 0) | (following.left_degree == 0)).sum())
        total += graph.n_right
    return dead / total if total else 0.0


def _absent(graphs: Sequence[BipartiteGraph]) -> float:
    possible = sum(graph.n_left * graph.n_right for graph in graphs)
    return 1.0 - sum(graph.n_links for graph in graphs) / possible if possible else 0.0
