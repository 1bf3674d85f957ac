"""Architectures."""

from typing import Any

from chsnn.networks.conv import PLANS, SpikingConv, conv, hidden_shape
from chsnn.networks.mlp import READOUTS, TOPOLOGIES, Readout, SpikingMLP, Topology, mlp
from chsnn.networks.spikformer import CIFAR10_DVS, Spikformer, block_shapes, spikformer

# Classes that a file can hold by name, rebuilt by their `from_specification`.
BUILDERS: dict[str, Any] = {"mlp": SpikingMLP, "conv": SpikingConv, "spikformer": Spikformer}

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
    "block_shapes",
    "conv",
    "hidden_shape",
    "mlp",
    "spikformer",
]
