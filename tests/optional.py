"""Marks of tests that need a library which the base of the distribution does not install."""

from importlib.util import find_spec

import pytest


def needs(library, extra):
    reason = f"{library} is not installed (extra {extra})"
    return pytest.mark.skipif(find_spec(library) is None, reason=reason)


needs_dask = needs("distributed", "dask")
needs_matplotlib = needs("matplotlib", "viz")
needs_pandas = needs("pandas", "frames")
needs_torch = needs("torch", "snn")
