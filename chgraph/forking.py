"""What a forked process must not inherit: threads that are not there, and locks of such threads.

A fork copies memory and the one thread that calls it. GNU's OpenMP keeps its threads, and the child
waits for copies of them for ever; a lock that another thread held stays locked. So OpenMP is asked
to end the threads of the calling thread before every fork (``omp_pause_resource_all``, of OpenMP
5.0): parent and child start new ones when they need them. Whatever library brought it: torch,
numba, igraph and scikit-learn each do.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from pathlib import Path
from typing import Any, TypeVar, overload

from tqdm.std import TqdmDefaultWriteLock  # type: ignore[attr-defined]

_MAPPED = Path("/proc/self/maps")  # of Linux, which alone has GNU's OpenMP
_SOFT = 1  # omp_pause_soft: settings stay
T = TypeVar("T")


def end_openmp_threads() -> int:
    """Let GNU's OpenMP end the threads that work for this one; new ones come when it needs them.

    Returns
    -------
    int
        How many libraries did so: each brings its own.

    Examples
    --------
    >>> end_openmp_threads() >= 0
    True
    """
    ended = 0
    for path in _openmp_libraries():
        pause = getattr(ctypes.CDLL(path), "omp_pause_resource_all", None)
        # An older one has no such function; inside a parallel region it refuses.
        ended += pause is not None and pause(_SOFT) == 0
    return ended


def _openmp_libraries() -> list[str]:
    """Return the files of GNU's OpenMP that this process has loaded."""
    try:
        lines = _MAPPED.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    paths = {line.split(maxsplit=5)[5] for line in lines if "libgomp" in line}
    return sorted(path for path in paths if Path(path).is_file())


def held_over_forks(lock: Any) -> Any:
    """Let every fork wait for a lock, so that what it guards is whole in the child; returns it.

    For one that is held for a moment, or for work that a fork can wait for.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )
    return lock


class ForkedLock:
    """A lock that is free in a forked child, whoever held it: for what the child begins anew.

    Examples
    --------
    >>> with ForkedLock():
    ...     pass
    """

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class cached_property(functools.cached_property[T]):
    """What an object computes once: the standard library's, without the lock that it has in 3.11.

    One lock serves all objects of a class there: a child waits for ever if another thread was
    computing at the fork, and threads wait for what others compute of other objects. Here two
    threads may compute the same, and both get what the first has made.

    Examples
    --------
    >>> class Circle:
    ...     @cached_property
    ...     def area(self):
    ...         return 3.14
    >>> circle = Circle()
    >>> circle.area, circle.__dict__
    (3.14, {'area': 3.14})
    """

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> cached_property[T]: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        made = instance.__dict__.get(self.attrname, self)
        if made is self:
            made = instance.__dict__.setdefault(self.attrname, self.func(instance))
        return made


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=end_openmp_threads)
# Making a progress bar takes it, shown or not.
held_over_forks(TqdmDefaultWriteLock.th_lock)
