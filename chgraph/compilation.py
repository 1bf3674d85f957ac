"""Where compiled kernels are kept, what is said while they are compiled, and how long it takes."""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numba
from numba.core import event

_PACKAGE = Path(__file__).resolve().parent
_SILENT_SECONDS = 1.0
_USUAL_SECONDS = 5
_said: set[str] = set()


def user_cache() -> Path:
    """Return this user's folder for compiled kernels; whether it is there does not matter."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    # Numba recompiles where the file of a kernel changed, but not where that of a kernel it calls
    # did: another version of the package has a folder of its own.
    return base / "chgraph" / version("chgraph")


def _keeps_in_place(package: Path) -> bool:
    """Whether kernels are kept beside the sources, as numba does: in a checkout."""
    installed = {"site-packages", "dist-packages"} & set(package.parts)
    return not installed and os.access(package, os.W_OK)


@contextmanager
def kept_on_disk() -> Iterator[None]:
    """Let kernels that are declared in the ``with`` block be kept where they belong.

    What ``NUMBA_CACHE_DIR`` names; else, of an installed package, the user's own cache folder:
    files beside the sources would stay there when the package is uninstalled, and often none can
    be written.
    """
    config: Any = numba.config
    if config.CACHE_DIR or _keeps_in_place(_PACKAGE):
        yield
        return
    config.CACHE_DIR = str(user_cache())
    try:
        yield
    finally:
        config.CACHE_DIR = ""


def cannot_be_kept() -> None:
    """Say once that kernels are compiled anew in every process."""
    if "kept" not in _said:
        _said.add("kept")
        warnings.warn(
            "no folder for compiled kernels can be written, so that every process compiles them "
            "anew; NUMBA_CACHE_DIR names one",
            RuntimeWarning,
            stacklevel=2,
        )


@contextmanager
def announced() -> Iterator[None]:
    """Say on a terminal or in a notebook, once, that something is compiled, after a second."""
    if "compiling" in _said or not _somebody_watches():
        yield
        return
    timer = threading.Timer(_SILENT_SECONDS, _say_compiling)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say_compiling() -> None:
    if "compiling" not in _said:
        _said.add("compiling")
        sys.stderr.write(f"chgraph: compiling kernels, once; about {_USUAL_SECONDS} s\n")
        sys.stderr.flush()


def _somebody_watches() -> bool:
    return sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules)


# ------------------------------------------------------------------------------- how long


class _Stopwatch(event.Listener):
    """Adds up the seconds in which something is compiled; one thing at a time, by numba's lock."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0
        self._since = 0.0

    def on_start(self, event: Any) -> None:
        """A function begins; the functions that it calls are compiled within."""
        if self._depth == 0:
            self._since = time.perf_counter()
        self._depth += 1

    def on_end(self, event: Any) -> None:
        """It is done."""
        self._depth -= 1
        if self._depth == 0:
            self.seconds += time.perf_counter() - self._since


_stopwatch = _Stopwatch()
event.register("numba:compile", _stopwatch)


def working_seconds() -> float:
    """Return a clock's seconds that stands still while kernels are compiled.

    For timings of what is done again and again: compilation comes once.

    Examples
    --------
    >>> start = working_seconds()
    >>> 0.0 <= working_seconds() - start < 1.0
    True
    """
    return time.perf_counter() - _stopwatch.seconds
