"""Architectures."""

from chsnn.networks.mlp import READOUTS, TOPOLOGIES, Readout, SpikingMLP, Topology, mlp

# Classes that a file can hold by name, rebuilt by their `from_specification`.
BUILDERS = {"mlp": SpikingMLP}

__all__ = [
    "BUILDERS",
    "READOUTS",
    "TOPOLOGIES",
    "Readout",
    "SpikingMLP",
    "Topology",
    "mlp",
]
