"""The one place where numba is configured.

Every compiled function of the package is decorated with :func:`kernel`, so that the
policy is stated once: compiled lazily and cached on disk, the GIL released, division
following IEEE rules, and no fast-math flag (NaN and infinity keep their meaning).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

# What kernels take for a node, a link or a count: all are 64 bits wide inside a kernel.
Int = int | np.int64
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(*, parallel: bool = False, inline: bool = False) -> Callable[[Function], Function]:
    """Compile a function with the package's numba settings.

    Parameters
    ----------
    parallel : bool
        Whether ``numba.prange`` loops of the function run on several threads.
    inline : bool
        Whether callers are compiled with the function's body in place of the call.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    if parallel:
        options["parallel"] = True
    if inline:
        options["inline"] = "always"

    def decorate(function: Function) -> Function:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            # No writable place for the cache (a read-only install): compile per process.
            return numba.njit(**options)(function)

    return decorate
