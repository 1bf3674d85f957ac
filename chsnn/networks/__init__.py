"""Architectures."""

from chsnn.networks.mlp import READOUTS, TOPOLOGIES, Readout, SpikingMLP, Topology, mlp
from chsnn.networks.sparsity import link_sparsity, node_sparsity, sparse_layers_sparsity

__all__ = [
    "READOUTS",
    "TOPOLOGIES",
    "Readout",
    "SpikingMLP",
    "Topology",
    "link_sparsity",
    "mlp",
    "node_sparsity",
    "sparse_layers_sparsity",
]
