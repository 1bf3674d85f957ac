"""How many threads a parallel kernel may use: asked for, bounded, and put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numba

from chgraph.checks import check_positive_int

LITTLE_WORK = 5_000_000  # simple operations: some milliseconds on one thread


def workers_for(operations: float) -> AbstractContextManager[int]:
    """Limit little work to one thread: starting a second would only slow it down.

    Yields the number of threads, as :func:`thread_limit` does.
    """
    return thread_limit(1 if operations < LITTLE_WORK else None)


@contextmanager
def thread_limit(n_threads: int | None) -> Iterator[int]:
    """Run parallel kernels on at most `n_threads` threads inside the ``with`` block.

    Parameters
    ----------
    n_threads : int or None
        ``None`` leaves numba's current setting. More threads than numba was started
        with (``NUMBA_NUM_THREADS``) are silently not to be had: the maximum is used.

    Yields
    ------
    int
        The number of threads in force. It is restored on exit.
    """
    before = numba.get_num_threads()
    if n_threads is None:
        yield before
        return
    check_positive_int("n_threads", n_threads)
    granted = min(n_threads, numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if granted == before:  # telling numba so again would take tens of microseconds
        yield granted
        return
    numba.set_num_threads(granted)
    try:
        yield granted
    finally:
        numba.set_num_threads(before)
