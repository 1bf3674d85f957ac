"""Sums over time steps, in either layout of memory."""

from __future__ import annotations

import numpy as np
from numba import prange

from chgraph.jit import kernel
from chsnn._kernels.lif import Layout, Strides


@kernel(parallel=True)
def mean_steps(x: np.ndarray, x_at: Strides, out: np.ndarray, layout: Layout) -> None:
    """Compute the mean over the steps, added up in rising order."""
    size, piece, steps = layout.size, layout.piece, layout.steps
    pieces = (size + piece - 1) // piece
    for unit in prange(layout.rows * pieces):
        row, first = unit // pieces, (unit % pieces) * piece
        n = min(piece, size - first)
        mean = out[row * size + first : row * size + first + n]
        mean[:] = 0
        for t in range(steps):
            a = row * x_at.row + t * x_at.time + first
            step = x[a : a + n]
            for i in range(n):
                mean[i] += step[i]
        for i in range(n):
            mean[i] /= steps
