"""Synaptic operations (method.md section 4)."""

import numpy as np

from tests.naive.graphs import Array


def sops(spikes: Array, biadjacency: Array) -> int:
    """SOPs: one per spike (t, b, i) and existing out-link of i; spikes (T, B, n) (method.md 4)."""
    total = 0
    for _, _, i in np.argwhere(spikes):
        total += int(np.count_nonzero(biadjacency[i]))
    return total
