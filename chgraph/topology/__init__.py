"""Makes graphs: the initial topologies of sparse layers, and null models of any graph."""

from chgraph.topology.correlated import feature_correlated, spike_correlated
from chgraph.topology.lattice import lattice_reference
from chgraph.topology.null import NULL_MODELS, null_model
from chgraph.topology.random import erdos_renyi, link_count, regular, sample_unlinked
from chgraph.topology.structured import receptive_field, scale_free, small_world

__all__ = [
    "NULL_MODELS",
    "erdos_renyi",
    "feature_correlated",
    "lattice_reference",
    "link_count",
    "null_model",
    "receptive_field",
    "regular",
    "sample_unlinked",
    "scale_free",
    "small_world",
    "spike_correlated",
]
