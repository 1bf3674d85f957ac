"""Paths through networks of layers, one by one, and neurons that are left."""

import itertools
from collections.abc import Sequence

import numpy as np

from tests.naive.graphs import Array
from tests.naive.rewiring import dead_neurons


def input_output_paths(biadjacencies: Sequence[Array]) -> int:
    """Number of choices of a neuron per column that are linked all along (CHT App. C: CAP)."""
    columns = [range(len(biadjacencies[0])), *(range(b.shape[1]) for b in biadjacencies)]
    return sum(
        all(b[i, j] for b, (i, j) in zip(biadjacencies, itertools.pairwise(path), strict=True))
        for path in itertools.product(*columns)
    )


def share_active(biadjacencies: Sequence[Array]) -> float:
    """Share of neurons left by percolation: linked inputs and outputs, hidden ones not dead."""
    layers = [np.array(layer, dtype=bool) for layer in biadjacencies]
    dead = dead_neurons(layers)
    for h, gone in enumerate(dead):
        layers[h][:, gone] = False
        layers[h + 1][gone, :] = False
    active = [layers[0].any(axis=1), *(~gone for gone in dead), layers[-1].any(axis=0)]
    return sum(int(column.sum()) for column in active) / sum(column.size for column in active)
