"""How far a training is, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tqdm.auto import tqdm


class EpochBar:
    """The progress bar of an epoch, for a ``with`` block.

    Parameters
    ----------
    name : str
    n_batches : int
    is_shown : bool
        Where there is a terminal.
    stays : bool
        Whether it is left there when it is full.
    """

    def __init__(self, name: str, n_batches: int, is_shown: bool, *, stays: bool) -> None:
        disable = None if is_shown else True
        self._bar = tqdm(total=n_batches, desc=name, disable=disable, leave=stays)

    def __enter__(self) -> EpochBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def advance(self) -> None:
        """Count a batch."""
        self._bar.update()

    def say(self, row: Mapping[str, Any], column: str) -> None:
        """Show the loss of an epoch, and the column by which it is judged."""
        shown = f", {column.replace('_', ' ')} {row[column]:.3f}" if column in row else ""
        self._bar.set_postfix_str(f"loss {row['loss']:.3f}{shown}")
