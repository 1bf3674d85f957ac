"""How often each feature fires: one pass over the activations, in the order of their memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from chsnn._kernels import events as kernels
from chsnn.ops.layout import DTYPES, feature_major
from chsnn.threads import kernel_threads


@torch.no_grad()
def count_events(x: Tensor) -> tuple[Tensor, bool]:
    """Count per feature the values that are not 0, over all leading axes.

    Parameters
    ----------
    x : Tensor, shape (..., n)
        An input that is the same at every step (stride 0 in its first axis) is read once.

    Returns
    -------
    counts : Tensor of int64, shape (n,)
    are_spikes : bool
        Whether all values are 0 or 1.

    Examples
    --------
    >>> count_events(torch.tensor([[1.0, 0.0, 1.0], [1.0, 0.0, 0.5]]))
    (tensor([2, 0, 2]), False)
    """
    if x.dim() > 1 and x.shape[0] > 1 and x.stride(0) == 0:
        counts, are_spikes = count_events(x[0])
        return counts * x.shape[0], are_spikes
    if x.device.type != "cpu" or x.dtype not in DTYPES:
        fires = x != 0
        return fires.reshape(-1, x.shape[-1]).sum(dim=0), bool((fires == x).all())
    n = x.shape[-1]
    numbers, binary = np.empty(n, np.int64), np.empty(n, np.bool_)
    with kernel_threads(x.numel()):
        columns = x.numel() // max(1, n)
        kernels.count_line_spikes(feature_major(x), n, columns, numbers, binary)
    return torch.from_numpy(numbers), bool(binary.all())
