"""Trained networks for chips and simulators: NIR graphs, and arrays of links in ``.npz``."""

from chsnn.export.chain import SpikingChain, chain_of
from chsnn.export.nir_graph import from_nir, to_nir
from chsnn.export.npz import from_npz, to_npz

__all__ = ["SpikingChain", "chain_of", "from_nir", "from_npz", "to_nir", "to_npz"]
