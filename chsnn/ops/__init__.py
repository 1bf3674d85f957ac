"""Torch operations whose cost follows the links; see :mod:`chsnn.ops.layout` for their memory."""

from chsnn.ops.dense import dense_linear
from chsnn.ops.lif import lif_over_time, lif_rate, mean_over_time
from chsnn.ops.linear import sparse_linear

__all__ = ["dense_linear", "lif_over_time", "lif_rate", "mean_over_time", "sparse_linear"]
