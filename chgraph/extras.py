"""Libraries that only some functions need: imported where they are used, named where they lack."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def import_extra(module: str, *, extra: str, used_by: str) -> Any:
    """Return an optional library.

    Parameters
    ----------
    module : str
    extra : str
        Of this distribution, which installs it.
    used_by : str
        What needs it, for the error.

    Raises
    ------
    ImportError
        If it is not installed; says how to install it.

    Examples
    --------
    >>> import_extra("no_such_module", extra="viz", used_by="a picture")
    Traceback (most recent call last):
    ImportError: a picture needs no_such_module: pip install "chgraph[viz]"
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        name = module.partition(".")[0]
        if error.name != name:
            raise  # it is there, and lacks something itself
        reason = f'{used_by} needs {name}: pip install "chgraph[{extra}]"'
    raise ImportError(reason)
