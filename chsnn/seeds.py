"""One configured seed, a stream of random numbers for every purpose derived from it.

A stream depends on the seed and on what it is for (``"shuffle", epoch``; ``"regrow", step,
layer``) and on nothing else, so any step can be replayed alone, a resumed run equals a
straight one, and no random state needs saving.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
import torch


def stream(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """Return the numpy generator of one purpose.

    Examples
    --------
    >>> bool(stream(1, "shuffle", 3).random() == stream(1, "shuffle", 3).random())
    True
    """
    key = (crc32(purpose.encode()), *indices)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def torch_stream(seed: int, purpose: str, *indices: int) -> torch.Generator:
    """Return the torch generator of one purpose."""
    generator = torch.Generator()
    generator.manual_seed(int(stream(seed, purpose, *indices).integers(2**63)))
    return generator
