"""How many threads a kernel may use, and how its workers are run.

Threads are Python's own: kernels release the GIL. Numba's parallel loops are not used, for they
take half of the compilation, and their OpenMP threads do not survive a fork.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager

import numba

from chgraph import (
    forking,  # noqa: F401  the threads of OpenMP end before a fork
    jit,
)
from chgraph.checks import check_positive_int

LITTLE_WORK = 5_000_000  # simple operations: some milliseconds on one thread
# So much is done by the interpreter sooner than kernels are compiled (about 100 ns each).
_HARDLY_ANY_WORK = 1_000_000


class _InForce(threading.local):
    """What the innermost ``with`` block of this thread grants."""

    n_threads: int | None = None


_in_force = _InForce()
_setting: int | None = None
_pool: ThreadPoolExecutor | None = None


def most_threads() -> int:
    """Return how many threads there may be at most: cores, or ``NUMBA_NUM_THREADS``."""
    return int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def thread_count() -> int:
    """Return how many threads kernels may use now.

    Examples
    --------
    >>> with thread_limit(1):
    ...     thread_count()
    1
    """
    granted = _in_force.n_threads or _setting or most_threads()
    return min(granted, most_threads())


def set_thread_count(n_threads: int | None) -> None:
    """Let kernels use so many threads from now on; ``None`` for as many as there are.

    Raises
    ------
    ValueError
        If `n_threads` is not positive.

    Examples
    --------
    >>> before = thread_count()
    >>> set_thread_count(1)
    >>> thread_count()
    1
    >>> set_thread_count(None)
    >>> thread_count() == before
    True
    """
    global _setting
    _setting = None if n_threads is None else check_positive_int("n_threads", n_threads)


def workers_for(operations: float, n_threads: int | None = None) -> AbstractContextManager[int]:
    """Allow as many threads as some work is worth, at most `n_threads`.

    Little work gets one: starting a second would only slow it down. Hardly any work is not
    even compiled, as long as its kernels are not (``chgraph.jit.Kernel``).

    Parameters
    ----------
    operations : float
        Simple ones, each about a nanosecond.
    n_threads : int or None
        ``None`` leaves the current setting.

    Returns
    -------
    context manager
        Yields the number of threads, as :func:`thread_limit` does.
    """
    if operations >= LITTLE_WORK:
        return _ThreadLimit(n_threads)
    check_limit(n_threads)
    return _ThreadLimit(1, interprets=operations < _HARDLY_ANY_WORK)


def at_once(operations: float, n_threads: int | None = None) -> AbstractContextManager[int]:
    """Let hardly any work be done without compilation; any other, on at most `n_threads` threads.

    Around a whole call, whose parts know themselves how many threads they are worth
    (:func:`workers_for`).
    """
    if operations < _HARDLY_ANY_WORK:
        return workers_for(operations, n_threads)
    return thread_limit(n_threads)


def thread_limit(n_threads: int | None) -> AbstractContextManager[int]:
    """Run kernels on at most `n_threads` threads inside the ``with`` block.

    Parameters
    ----------
    n_threads : int or None
        ``None`` leaves the current setting. Of more threads than there may be
        (``NUMBA_NUM_THREADS``, or the limit of a block around this one) the maximum is used.

    Returns
    -------
    context manager
        Yields the number of threads in force. What was before is restored on exit.

    Raises
    ------
    ValueError
        If `n_threads` is not positive; on entry.

    Examples
    --------
    >>> with thread_limit(1) as n_threads:
    ...     n_threads
    1
    """
    return _ThreadLimit(n_threads)


def check_limit(n_threads: int | None) -> int | None:
    """Return a number of threads, or raise if it is not positive."""
    return None if n_threads is None else check_positive_int("n_threads", n_threads)


class _ThreadLimit(AbstractContextManager[int]):
    """No generator: around a kernel of some ten microseconds its frames would be felt."""

    __slots__ = ("_before", "_interprets", "_wanted")

    def __init__(self, n_threads: int | None, *, interprets: bool = False) -> None:
        self._wanted = n_threads
        self._interprets = interprets

    def __enter__(self) -> int:
        wanted = check_limit(self._wanted)
        self._before = _in_force.n_threads
        if wanted is not None:
            _in_force.n_threads = min(wanted, self._before or wanted)
        if self._interprets:
            jit.start_interpreting()
        return thread_count()

    def __exit__(self, *_: object) -> None:
        _in_force.n_threads = self._before
        if self._interprets:
            jit.stop_interpreting()


def run_workers(n_workers: jit.Int, body: Callable[[int], object]) -> None:
    """Call ``body(worker)`` for every worker, each on a thread of its own; the last on this one.

    Returns when all are done, also after an error or Ctrl-C: nothing writes to arrays that the
    caller has given up.
    """
    n_workers = int(n_workers)
    if n_workers <= 1 or jit.is_interpreting():
        for worker in range(n_workers):
            body(worker)
        return
    others: list[Future[object]] = []
    try:
        others += [_threads().submit(body, worker) for worker in range(n_workers - 1)]
        body(n_workers - 1)
    finally:
        wait(others)
    for other in others:
        other.result()


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(most_threads(), thread_name_prefix="chgraph")
    return _pool


def _forget_threads() -> None:
    """A forked child has none of its parent's threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
