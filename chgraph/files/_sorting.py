"""External sorting: more numbers than memory holds, in rising order, each once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

_LEAST = 2**12  # numbers of a run that are read at a time


class ExternalSort:
    """Sorts int64 numbers through files.

    Numbers come in parts; as many as fit are sorted in memory and written as a run, and the runs
    are merged at the end. Of equal numbers one is kept.

    Parameters
    ----------
    folder : Path
        For the runs; they are removed as they are read.
    memory : int
        Bytes to be used, about.

    Attributes
    ----------
    n_again : int
        How many numbers were left out because they were there already; complete once
        :meth:`merged` has ended.
    """

    def __init__(self, folder: Path, memory: int) -> None:
        self.n_again = 0
        self._folder, self._runs = folder, list[Path]()
        # Numbers that are held, a joined copy of them, and the sorted one.
        self._most = max(_LEAST, memory // 24)
        self._parts, self._held = list[np.ndarray](), 0

    def add(self, numbers: np.ndarray) -> None:
        """Take further numbers."""
        for start in range(0, numbers.size, self._most):
            part = numbers[start : start + self._most]
            if self._held + part.size > self._most:
                self._write_run()
            self._parts.append(part.copy())
            self._held += part.size

    def merged(self) -> Iterator[np.ndarray]:
        """Yield all numbers in rising order, in parts."""
        if not self._runs:
            yield self._sorted()
            return
        self._write_run()
        at_once = max(_LEAST, self._most // (2 * len(self._runs)))
        runs = [_Run(path, at_once) for path in self._runs]
        while runs:
            for run in runs:
                run.fill()
            runs = [run for run in runs if run.block.size]
            if not runs:
                return
            # What is not above the last number of any block cannot stand in a later one.
            bound = min(run.block[-1] for run in runs)
            parts = [run.take(bound) for run in runs]
            joined = np.concatenate(parts)
            numbers = np.unique(joined)
            self.n_again += joined.size - numbers.size
            yield numbers
            runs = [run for run in runs if run.block.size or run.goes_on]

    def _sorted(self) -> np.ndarray:
        joined = np.concatenate([np.empty(0, np.int64), *self._parts])
        self._parts, self._held = [], 0
        numbers = np.unique(joined)
        self.n_again += joined.size - numbers.size
        return numbers

    def _write_run(self) -> None:
        if self._held:
            path = self._folder / f"run{len(self._runs)}.bin"
            self._sorted().tofile(path)
            self._runs.append(path)


class _Run:
    """A sorted file, read block by block."""

    def __init__(self, path: Path, at_once: int) -> None:
        self.block = np.empty(0, np.int64)
        self._path, self._file, self._at_once = path, path.open("rb"), at_once
        self.goes_on = True

    def fill(self) -> None:
        """Read on if nothing is left."""
        if self.goes_on and not self.block.size:
            self.block = np.fromfile(self._file, np.int64, self._at_once)
            if self.block.size < self._at_once:
                self.goes_on = False
                self._file.close()
                self._path.unlink()

    def take(self, bound: np.int64) -> np.ndarray:
        """Return what is not above a bound, and forget it."""
        place = int(np.searchsorted(self.block, bound, side="right"))
        taken, self.block = self.block[:place], self.block[place:]
        return taken
