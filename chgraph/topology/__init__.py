"""Makes graphs: the initial topologies of sparse layers."""

from chgraph.topology.correlated import spike_correlated
from chgraph.topology.random import link_count, regular, sample_unlinked

__all__ = ["link_count", "regular", "sample_unlinked", "spike_correlated"]
