"""One setting for the threads of numba, of chgraph and of torch.

The first parallel launch of numba sets the OpenMP thread count that torch shares. It comes with
the first kernel and not with the import, which leaves a process free to fork; torch's number is put
back, so a user's setting stays what it was.

A forked child has none of its parent's threads: numba starts its own there, as torch does
(:mod:`chgraph.forking`).
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numba
import torch
from numba.core.compiler_lock import global_compiler_lock
from numba.np.ufunc import parallel

from chgraph.checks import check_positive_int
from chgraph.forking import held_over_forks
from chgraph.threads import set_thread_count, thread_count

_LAUNCH = threading.RLock()
# A fork waits for what is compiled, and before that for what is run, which may be compiled first:
# in the child nobody would ever finish it. (What is registered last is asked first.)
held_over_forks(global_compiler_lock)
held_over_forks(_LAUNCH)
# Simple operations, a fraction of a millisecond on one thread: with less to do, waking a second
# thread costs as much as it saves, and far more where another program keeps that core busy.
LITTLE_WORK = 500_000


class _NumbaLimit(AbstractContextManager[int]):
    """No generator: around a kernel of some ten microseconds its frames would be felt."""

    __slots__ = ("_before", "_granted", "_wanted")

    def __init__(self, n_threads: int) -> None:
        self._wanted = n_threads

    def __enter__(self) -> int:
        self._before = numba.get_num_threads()
        self._granted = min(self._wanted, numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
        if self._granted != self._before:  # telling numba so again would take tens of microseconds
            numba.set_num_threads(self._granted)
        return self._granted

    def __exit__(self, *_: object) -> None:
        if self._granted != self._before:
            numba.set_num_threads(self._before)


def kernel_threads(operations: float = math.inf) -> AbstractContextManager[int]:
    """Run kernels on as many threads as torch uses, and leave torch's count as it was.

    On one thread if there are few `operations` to do: the results are the same.
    Torch's setting is the one users know, so it rules both. One launch at a time: numba's
    workqueue layer aborts the process when two threads launch at once.

    Returns
    -------
    context manager
        Yields the number of threads.
    """
    return _KernelThreads(operations)


class _KernelThreads(AbstractContextManager[int]):
    """No generator: it is entered for every product, and small products take microseconds."""

    __slots__ = ("_limit", "_operations", "_wanted")

    def __init__(self, operations: float) -> None:
        self._operations = operations

    def __enter__(self) -> int:
        self._wanted = torch.get_num_threads()
        self._limit = _NumbaLimit(1 if self._operations < LITTLE_WORK else self._wanted)
        _LAUNCH.acquire()
        try:
            return self._limit.__enter__()
        except BaseException:
            _LAUNCH.release()
            raise

    def __exit__(self, *error: Any) -> None:
        try:
            self._limit.__exit__(*error)
            if torch.get_num_threads() != self._wanted:
                torch.set_num_threads(self._wanted)
        finally:
            _LAUNCH.release()


MOST_THREADS = 4096


@contextmanager
def threads(n_threads: int | None) -> Iterator[None]:
    """Let torch and kernels use `n_threads` threads each in the ``with`` block; None: as they are.

    Kernels use at most as many as numba was started with.
    """
    if n_threads is None:
        yield
        return
    before = torch.get_num_threads(), numba.get_num_threads(), thread_count()
    set_threads(n_threads)
    try:
        yield
    finally:
        set_thread_count(before[2])
        numba.set_num_threads(before[1])
        torch.set_num_threads(before[0])


def set_threads(n_threads: int) -> None:
    """Let torch and kernels use `n_threads` threads each (at most what numba was started with).

    Raises
    ------
    ValueError
        If `n_threads` is not positive, or more than any machine has.

    Examples
    --------
    >>> import torch
    >>> import chsnn
    >>> before = torch.get_num_threads()
    >>> chsnn.set_threads(1)
    >>> torch.get_num_threads()
    1
    >>> chsnn.set_threads(before)
    """
    check_threads("n_threads", n_threads)
    set_thread_count(n_threads)
    numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    torch.set_num_threads(n_threads)


def check_threads(name: str, n_threads: int) -> int:
    """Return a number of threads, or raise if it is not in 1 to 4,096."""
    if check_positive_int(name, n_threads) > MOST_THREADS:
        raise ValueError(f"{name} must be at most {MOST_THREADS:,}, got {n_threads:,}")
    return n_threads


def _start_numba_anew() -> None:
    """Let a forked child start numba's threads when it needs them.

    With GNU's OpenMP numba ends a child that goes on with those of its parent.
    """
    parallel._is_initialized = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_numba_anew)
