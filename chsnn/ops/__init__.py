"""Torch operations whose cost follows the links; see ``chsnn.ops.layout`` for their memory."""

from chsnn.ops.dense import dense_linear, scatter_links
from chsnn.ops.events import count_events
from chsnn.ops.lif import lif_over_time, mean_over_time
from chsnn.ops.linear import sparse_linear
from chsnn.ops.rate import lif_rate, sparse_lif_rate

__all__ = [
    "count_events",
    "dense_linear",
    "lif_over_time",
    "lif_rate",
    "mean_over_time",
    "scatter_links",
    "sparse_lif_rate",
    "sparse_linear",
]
