"""Compiled random keys for a soft draw over all pairs of nodes."""

from __future__ import annotations

import numpy as np

from chgraph.jit import Int, kernel
from chgraph.threads import run_workers, thread_count


@kernel(inline=True)
def _mixed(
    x: np.uint64,
) -> np.uint64:
    """Scramble 64 bits (the finalizer of splitmix64)."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@kernel()
def _keys_of_worker(
    worker: Int, n_workers: Int, seed: np.uint64, start: Int, block: np.ndarray
) -> None:
    golden = np.uint64(0x9E3779B97F4A7C15)
    for i in range(worker, block.shape[0], n_workers):
        row = _mixed(seed ^ _mixed(np.uint64(start + i) * golden + golden))
        for j in range(block.shape[1]):
            if block[i, j] > 0.0:
                bits = _mixed(row + np.uint64(j + 1) * golden)
                uniform = (np.float64(bits >> np.uint64(12)) + 0.5) * 2.0**-52
                block[i, j] /= -np.log(uniform)


def race_keys(seed: np.uint64, start: int, block: np.ndarray) -> None:
    """Turn each positive score s of a block into s / E, E ~ Exp(1), in place.

    Keeping the largest s / E is drawing without replacement in proportion to s. E is a
    hash of (seed, row, column): no state is shared between threads or blocks.
    """
    n_workers = thread_count()
    run_workers(n_workers, lambda worker: _keys_of_worker(worker, n_workers, seed, start, block))
