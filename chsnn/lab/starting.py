"""How a run begins, or goes on, in a folder: at every moment it holds a whole run or none.

A run that replaces another writes its first files (settings and the first checkpoint) into
``.new``. When all are there, ``.new`` is renamed ``.ready``: until that moment the earlier run is
whole, from that moment it is the new one. Then the earlier run's files are removed and the new
ones moved to their places; a process that dies in the middle of it leaves the rest to the next.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chgraph.storage import folder_lock, remove_temporary
from chsnn.lab.config import RunConfig
from chsnn.lab.folder import (
    BASELINE,
    CONFIG,
    NEW,
    PAGE,
    PICTURES,
    PREVIOUS,
    READY,
    REPORT,
    SAMPLES,
    TENSORBOARD,
    TOPOLOGY,
    TRAINED,
)
from chsnn.lab.identity import RunIdentity
from chsnn.training import BEST, CHECKPOINT, HISTORY, Trainer

_FIRST = (CONFIG, TRAINED, CHECKPOINT)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Be the only one to write into a run folder, in the ``with`` block.

    What a killed process left behind goes, and what it left half done is done.

    Raises
    ------
    FolderInUse
        If another process writes into it; a ValueError.
    """
    with folder_lock(folder):
        _move_in(folder)
        shutil.rmtree(folder / NEW, ignore_errors=True)
        for place in (folder, folder / BASELINE):
            remove_temporary(place)
        yield


def finish_start(folder: Path) -> None:
    """Do what a process left to do that was killed while a run began in the folder."""
    if (folder / READY).is_dir():
        with writing(folder):
            pass


def start_anew(config: RunConfig, trainer: Trainer, run: RunIdentity) -> None:
    """Write the first files of a run, and then remove what an earlier one left in the folder.

    Inside :func:`writing`. On a full disk the earlier run stays as it was.
    """
    folder, new = config.out, config.out / NEW
    try:
        write_config(config, new, run)
        trainer.save(new / CHECKPOINT)
        new.replace(folder / READY)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    _move_in(folder)


def write_config(config: RunConfig, folder: Path, run: RunIdentity | None) -> None:
    """Write the settings of a run, as a person's to edit and as what it is trained with."""
    for name in (TRAINED, CONFIG):
        config.write(folder / name, run=None if run is None else run.to_dict())


def _move_in(folder: Path) -> None:
    """Put first files that are ready into their places, and remove those of an earlier run."""
    ready = folder / READY
    if not ready.is_dir():
        return
    if any((ready / name).is_file() for name in _FIRST):
        _clear(folder)
    for name in _FIRST:
        if (ready / name).is_file():
            (ready / name).replace(folder / name)
    shutil.rmtree(ready)


def _clear(folder: Path) -> None:
    """Remove what an earlier run left, so that no result is stale, but for the first files."""
    shutil.rmtree(folder / TENSORBOARD, ignore_errors=True)
    shutil.rmtree(folder / BASELINE / TENSORBOARD, ignore_errors=True)
    for name in (REPORT, HISTORY, PREVIOUS, BEST, *PICTURES, PAGE, SAMPLES, TOPOLOGY):
        (folder / name).unlink(missing_ok=True)
    for name in (HISTORY, CHECKPOINT, PREVIOUS, BEST, TOPOLOGY):
        (folder / BASELINE / name).unlink(missing_ok=True)
