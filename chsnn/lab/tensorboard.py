"""The history of a run as TensorBoard shows it (the `logging` extra)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def check_installed() -> None:
    """Raise ValueError if TensorBoard is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise ValueError(
            'tensorboard must be installed to write its files: pip install "chgraph[logging]"'
        ) from error


@contextmanager
def open_writer(folder: Path | None) -> Iterator[Callable[[dict[str, Any]], None] | None]:
    """Open a writer of epochs for the ``with`` block; None where no folder is named.

    Parameters
    ----------
    folder : Path or None
        Where the event files go.

    Yields
    ------
    callable or None
        Takes the row of an epoch and writes each of its numbers as a scalar of that epoch.

    Raises
    ------
    ValueError
        If a folder is named and TensorBoard is not installed.
    """
    if folder is None:
        yield None
        return
    check_installed()
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def write(row: dict[str, Any]) -> None:
        for name, value in row.items():
            if name != "epoch":
                writer.add_scalar(name, value, row["epoch"])
        writer.flush()

    try:
        yield write
    finally:
        writer.close()
