"""How many threads a parallel kernel may use: asked for, bounded, and put back."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numba

from chgraph.checks import check_positive_int

LITTLE_WORK = 5_000_000  # simple operations: some milliseconds on one thread


def workers_for(operations: float) -> AbstractContextManager[int]:
    """Limit little work to one thread: starting a second would only slow it down.

    Yields the number of threads, as :func:`thread_limit` does.
    """
    return thread_limit(1 if operations < LITTLE_WORK else None)


def thread_limit(n_threads: int | None) -> AbstractContextManager[int]:
    """Run parallel kernels on at most `n_threads` threads inside the ``with`` block.

    Parameters
    ----------
    n_threads : int or None
        ``None`` leaves numba's current setting. Of more threads than numba was started
        with (``NUMBA_NUM_THREADS``) the maximum is used.

    Returns
    -------
    context manager
        Yields the number of threads in force. What was before is restored on exit.

    Raises
    ------
    ValueError
        If `n_threads` is not positive; on entry.
    """
    return _ThreadLimit(n_threads)


class _ThreadLimit(AbstractContextManager[int]):
    """No generator: around a kernel of some ten microseconds its frames would be felt."""

    __slots__ = ("_before", "_granted", "_wanted")

    def __init__(self, n_threads: int | None) -> None:
        self._wanted = n_threads

    def __enter__(self) -> int:
        self._before = self._granted = numba.get_num_threads()
        if self._wanted is not None:
            check_positive_int("n_threads", self._wanted)
            self._granted = min(self._wanted, numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
        if self._granted != self._before:  # telling numba so again would take tens of microseconds
            numba.set_num_threads(self._granted)
        return self._granted

    def __exit__(self, *_: object) -> None:
        if self._granted != self._before:
            numba.set_num_threads(self._before)
