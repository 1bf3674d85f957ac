"""The one place where numba is configured.

Every compiled function of the package is decorated with :func:`kernel`, so that the
policy is stated once: compiled lazily and cached on disk, the GIL released, division
following IEEE rules, and never a fast-math flag that takes NaN or infinity their meaning.

Compiling takes seconds, which a small graph is not worth: inside
:func:`chgraph.threads.workers_for` with hardly any work, kernels that are not compiled yet run as
the Python that they are. Where it takes over a second, a line says so on a terminal.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np

from chgraph import compilation

# What kernels take for a node, a link or a count: all are 64 bits wide inside a kernel.
Int = int | np.int64
# Fast-math for sums of products. NaN and infinity keep their meaning (no nnan, no ninf).
REASSOCIATE = frozenset({"contract", "nsz", "reassoc"})
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(
    *, parallel: bool = False, inline: bool = False, fastmath: frozenset[str] = frozenset()
) -> Callable[[Function], Function]:
    """Compile a function with the package's numba settings.

    Parameters
    ----------
    parallel : bool
        Whether ``numba.prange`` loops of the function run on several threads of numba's own; not
        in this package (:mod:`chgraph.threads`).
    inline : bool
        Whether callers are compiled with the function's body in place of the call.
    fastmath : frozenset of str
        Liberties of the compiler; :data:`REASSOCIATE` for sums whose order is free.
    """
    options: dict[str, Any] = {}
    if parallel:
        options["parallel"] = True
    if inline:
        options["inline"] = "always"
    if fastmath:
        options["fastmath"] = set(fastmath)
    return lambda function: _compiled(function, **options)


def leaf(function: Function) -> Function:
    """Compile a function that is called from innermost loops and allocates nothing.

    Compiled without reference counting of arrays: numba counts references of every array
    of a NamedTuple argument at each call, by atomic counters that all threads share, and
    that costs more than the work itself.
    """
    return _without_counting(function)


def inlined(function: Function) -> Function:
    """Compile as :func:`leaf`, into its callers: for the very innermost loops."""
    return _without_counting(function, forceinline=True)


def frozen(array: np.ndarray) -> np.ndarray:
    """Return the array, contiguous and read-only: the one kind that kernels are compiled for."""
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


class Kernel:
    """A function that numba compiles, for callers in Python and for other kernels.

    Parameters
    ----------
    function : callable
    dispatcher : Dispatcher
        What numba made of it.
    from_python : bool
        Whether the compiled function can be called from Python, and not by kernels alone.
    """

    def __init__(
        self, function: Callable[..., Any], dispatcher: Any, *, from_python: bool = True
    ) -> None:
        update_wrapper(self, function)
        self.py_func = function
        self.dispatcher = dispatcher
        self._from_python = from_python
        self._is_on_disk: bool | None = None
        self._is_compiled = False

    @property
    def _numba_type_(self) -> Any:
        """What a kernel that calls this one sees."""
        return self.dispatcher._numba_type_

    def __call__(self, *args: Any) -> Any:
        """Run compiled, or as it is while kernels are interpreted."""
        if self._is_compiled or self._is_ready():
            return self.dispatcher(*args)
        if _mode.depth:
            return self.py_func(*args)
        with compilation.announced():
            return self.dispatcher(*args)

    def _is_ready(self) -> bool:
        """Whether to call it costs no compilation, as far as can be told cheaply."""
        if not self._from_python:
            return False
        if self._is_on_disk is None:
            self._is_on_disk = _has_index(self.dispatcher)
        self._is_compiled = self._is_on_disk or bool(self.dispatcher.signatures)
        return self._is_compiled


def _has_index(dispatcher: Any) -> bool:
    """Whether numba's cache has an index of this function."""
    files = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    path = getattr(files, "_index_path", None)
    return path is not None and Path(path).is_file()


# ------------------------------------------------------------------------- interpreting

# Seconds of interpreting in a process after which compiling would have been better.
_PATIENCE = 1.0


class _Mode(threading.local):
    depth = 0
    since = 0.0
    warnings: Any = None


_mode = _Mode()
_seconds_interpreted = 0.0


def start_interpreting() -> None:
    """Interpret, on this thread, kernels that are not compiled; unless much time went that way."""
    if _seconds_interpreted < _PATIENCE or _mode.depth:
        if _mode.depth == 0:
            _mode.since = time.perf_counter()
            # As in compiled code: hashes wrap around, and 1 / 0 is infinite.
            _mode.warnings = np.seterr(over="ignore", divide="ignore", invalid="ignore")
        _mode.depth += 1


def stop_interpreting() -> None:
    """End what the last :func:`start_interpreting` began."""
    global _seconds_interpreted
    if _mode.depth:
        _mode.depth -= 1
        if _mode.depth == 0:
            _seconds_interpreted += time.perf_counter() - _mode.since
            np.seterr(**_mode.warnings)


@contextmanager
def always_compiling() -> Iterator[None]:
    """Interpret nothing inside the ``with`` block, however little there is to do."""
    global _seconds_interpreted
    before, _seconds_interpreted = _seconds_interpreted, math.inf
    try:
        yield
    finally:
        _seconds_interpreted = before


def is_interpreting() -> bool:
    """Whether kernels of this thread run as Python where they are not compiled."""
    return _mode.depth > 0


def _without_counting(function: Function, **options: bool) -> Function:
    try:
        return _compiled(
            function,
            from_python=False,
            _nrt=False,
            no_cpython_wrapper=True,
            no_cfunc_wrapper=True,
            **options,
        )
    except (KeyError, TypeError):
        # A numba without these (private) options: slower, same numbers.
        return _compiled(function)


def _compiled(function: Function, *, from_python: bool = True, **options: Any) -> Function:
    settings = {"nogil": True, "error_model": "numpy", **options}
    try:
        with compilation.kept_on_disk():
            dispatcher = numba.njit(cache=True, **settings)(function)
    except RuntimeError:  # no folder can be written
        compilation.cannot_be_kept()
        dispatcher = numba.njit(**settings)(function)
    if dispatcher is function:  # NUMBA_DISABLE_JIT
        return function
    return Kernel(function, dispatcher, from_python=from_python)  # type: ignore[return-value]
