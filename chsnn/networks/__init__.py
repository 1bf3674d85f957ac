"""Architectures."""

from chsnn.networks.conv import PLANS, SpikingConv, conv
from chsnn.networks.mlp import READOUTS, TOPOLOGIES, Readout, SpikingMLP, Topology, mlp
from chsnn.networks.spikformer import CIFAR10_DVS, Spikformer, spikformer

# Classes that a file can hold by name, rebuilt by their `from_specification`.
BUILDERS = {"mlp": SpikingMLP, "conv": SpikingConv, "spikformer": Spikformer}

__all__ = [
    "BUILDERS",
    "CIFAR10_DVS",
    "PLANS",
    "READOUTS",
    "TOPOLOGIES",
    "Readout",
    "Spikformer",
    "SpikingConv",
    "SpikingMLP",
    "Topology",
    "conv",
    "mlp",
    "spikformer",
]
