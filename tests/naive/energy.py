"""Synaptic operations (method.md section 4)."""

import numpy as np

from tests.naive.graphs import Array


def sops(spikes: Array, biadjacency: Array) -> int:
    """SOPs: one per spike and existing out-link of its neuron; spikes (..., n) (method.md 4)."""
    total = 0
    for *_, i in np.argwhere(spikes):
        total += int(np.count_nonzero(biadjacency[i]))
    return total


def macs(inputs: Array, biadjacency: Array) -> int:
    """MACs of an analogue input (..., n): one per link, for every sample and step."""
    total = 0
    for _ in inputs.reshape(-1, inputs.shape[-1]):
        total += int(np.count_nonzero(biadjacency))
    return total
