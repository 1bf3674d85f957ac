"""The folder of a run: what lies in it, and that nothing of an earlier run is lost by accident."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from chsnn.lab.config import RunConfig
from chsnn.training import BEST, CHECKPOINT, HISTORY, Trainer

CONFIG, REPORT = "config.toml", "report.json"
# What a run has been trained with so far: config.toml is a person's to edit.
TRAINED = "trained.toml"
PREVIOUS = "checkpoint.previous.safetensors"
BASELINE = "baseline"
TENSORBOARD = "tensorboard"
# The page for people, and what it shows that is nowhere else.
PAGE, TOPOLOGY, SAMPLES = "report.html", "topology.npz", "samples.npz"
PICTURES = ("learning_curves.png", "first_layer.png", "activity.png")
# A row per run of a comparison.
ROWS = "comparison.json"
# Where a run that begins writes its first files, until all of them are there.
_NEW = ".new"


def folder_of_run(folder: Path, method: str, sparsity: float, seed: int) -> Path:
    """Return where a comparison in a folder has one of its runs.

    Examples
    --------
    >>> folder_of_run(Path("all"), "Deep R", 0.95, 1).as_posix()
    'all/deep-r/sparsity-0.95/seed-1'
    """
    name = re.sub(r"[^a-z0-9]+", "-", method.lower()).strip("-")
    return folder / name / f"sparsity-{sparsity:.6g}" / f"seed-{seed}"


def check_folder(folder: Path) -> None:
    """Raise ValueError unless a run can have this folder: it can be written, and is its own."""
    check_writable(folder)
    names = {path.name for path in folder.iterdir()} - {_NEW} if folder.exists() else set()
    if names and CONFIG not in names:
        raise ValueError(
            f"out must be new, empty or a run folder, and {folder} has other files and no "
            f"{CONFIG}; nothing was changed"
        )


def check_free(folder: Path) -> None:
    """Raise ValueError if a folder holds what a run has trained: it is not replaced by accident."""
    held = [name for name in (REPORT, CHECKPOINT, PREVIOUS, HISTORY) if (folder / name).is_file()]
    if not held:
        return
    state = "a finished run" if REPORT in held else "an interrupted run"
    raise ValueError(
        f"out: {folder} holds {state}; go on with it (chsnn resume {folder}; in Python "
        "run(resume=True)), name another folder, or replace it (--force; run(overwrite=True))"
    )


def check_writable(folder: Path) -> None:
    """Raise ValueError unless a folder can be written, or made; no trace stays of the trial."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise ValueError(f"out must be a folder, and {existing} is a file; nothing was changed")
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".chsnn."):
            pass
    except OSError as error:
        raise ValueError(
            f"out must be a folder that can be written, and in {existing} no file can be made "
            f"({(error.strerror or str(error)).lower()}); nothing was changed"
        ) from error


def start_anew(config: RunConfig, trainer: Trainer) -> None:
    """Write the first files of a run, and then remove what an earlier one left in the folder.

    On a full disk the earlier run stays as it was.
    """
    folder, new = config.out, config.out / _NEW
    existed = folder.exists()
    shutil.rmtree(new, ignore_errors=True)
    try:
        config.write(new / CONFIG)
        config.write(new / TRAINED)
        trainer.save(new / CHECKPOINT)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        if not existed and folder.exists():
            folder.rmdir()
        raise
    _clear(folder)
    for name in (CONFIG, TRAINED, CHECKPOINT):
        (new / name).replace(folder / name)
    new.rmdir()


def _clear(folder: Path) -> None:
    """Remove what an earlier run left, so that no result is stale."""
    names = (REPORT, TRAINED, HISTORY, CHECKPOINT, PREVIOUS, BEST, *PICTURES)
    for_people = (PAGE, TOPOLOGY, SAMPLES)
    for place in (folder, folder / BASELINE):
        for name in (*names, *for_people):
            (place / name).unlink(missing_ok=True)
