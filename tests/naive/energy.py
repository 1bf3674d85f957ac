"""Synaptic operations (definitions.md 4)."""

import numpy as np

from tests.naive.graphs import Array


def sops(spikes: Array, biadjacency: Array) -> int:
    """SOPs: one per spike and out-link of its neuron; spikes (..., n) (definitions.md 4)."""
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


def convolution_readers(
    shape: tuple[int, int, int],
    n_out: int,
    *,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    """How many outputs of a 2d convolution read each pixel (C, H, W): position by position."""
    _, height, width = shape
    readers = np.zeros(shape, dtype=np.int64)
    reach = dilation * (kernel - 1) + 1
    for top in range(-padding, height + padding - reach + 1, stride):
        for left in range(-padding, width + padding - reach + 1, stride):
            for i in range(kernel):
                for j in range(kernel):
                    y, x = top + dilation * i, left + dilation * j
                    if 0 <= y < height and 0 <= x < width:
                        readers[:, y, x] += n_out // groups
    return readers


def product_pairs(left: Array, right: Array) -> int:
    """Multiplications of two matrices (n, k) and (k, m) in which neither factor is 0."""
    pairs = 0
    for i in range(left.shape[0]):
        for j in range(right.shape[1]):
            for k in range(left.shape[1]):
                pairs += int(left[i, k] != 0 and right[k, j] != 0)
    return pairs
