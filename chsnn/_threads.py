"""One setting for the threads of numba and torch.

The first parallel launch of numba sets the OpenMP thread count that torch shares. Starting
numba here once, when the package is imported, and putting torch's number back keeps a
user's torch setting what it was.
"""

from __future__ import annotations

import numba
import torch

from chgraph._checks import check_positive_int


def start_numba() -> None:
    """Let numba start its threads now and leave torch's thread count as it was."""
    before = torch.get_num_threads()
    numba.get_num_threads()
    torch.set_num_threads(before)


def set_threads(n_threads: int) -> None:
    """Let torch and numba use `n_threads` threads each (numba at most what it was started with).

    Raises
    ------
    ValueError
        If `n_threads` is not positive.
    """
    check_positive_int("n_threads", n_threads)
    numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    torch.set_num_threads(n_threads)
