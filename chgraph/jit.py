"""The one place where numba is configured.

Every compiled function of the package is decorated with :func:`kernel`, so that the
policy is stated once: compiled lazily and cached on disk, the GIL released, division
following IEEE rules, and never a fast-math flag that takes NaN or infinity their meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

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
        Whether ``numba.prange`` loops of the function run on several threads.
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


def _without_counting(function: Function, **options: bool) -> Function:
    try:
        return _compiled(
            function, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options
        )
    except (KeyError, TypeError):
        # A numba without these (private) options: slower, same numbers.
        return _compiled(function)


def _compiled(function: Function, **options: Any) -> Function:
    settings = {"nogil": True, "error_model": "numpy", **options}
    try:
        return numba.njit(cache=True, **settings)(function)
    except RuntimeError:
        # No writable place for the cache (a read-only install): compile per process.
        return numba.njit(**settings)(function)
