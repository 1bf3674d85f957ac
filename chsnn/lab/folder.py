"""The folder of a run: what lies in it, and that nothing of an earlier run is lost by accident."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from chgraph.storage import LOCK, is_temporary
from chsnn.training import CHECKPOINT, HISTORY

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
# Where a run that begins writes its first files, and where they wait until all of them are there.
NEW, READY = ".new", ".ready"


def folder_of_run(folder: Path, method: str, sparsity: float, seed: int) -> Path:
    """Return where a comparison in a folder has one of its runs.

    Examples
    --------
    >>> folder_of_run(Path("all"), "Deep R", 0.95, 1).as_posix()
    'all/deep-r/sparsity-0.95/seed-1'
    """
    name = re.sub(r"[^a-z0-9]+", "-", method.lower()).strip("-")
    return folder / name / f"sparsity-{exactly(sparsity)}" / f"seed-{seed}"


def exactly(sparsity: float) -> str:
    """Return a sparsity so that another one looks different.

    Examples
    --------
    >>> exactly(0.9), exactly(0.9000004), exactly(0.0)
    ('0.9', '0.9000004', '0')
    """
    return repr(float(sparsity)).removesuffix(".0")


def check_folder(folder: Path) -> None:
    """Raise ValueError unless a run can have this folder: it can be written, and is its own.

    What a killed process left behind (temporary files, a lock, first files) does not count.
    """
    check_writable(folder)
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    names = {name for name in names - {NEW, READY, LOCK} if not is_temporary(name)}
    # Earlier versions left such of a file that they were writing.
    names = {name for name in names if not name.startswith(f".{CONFIG}.")}
    if names and CONFIG not in names:
        raise ValueError(
            f"out must be new, empty or a run folder, and {folder} has other files and no "
            f"{CONFIG}; nothing was changed"
        )


def check_free(folder: Path) -> None:
    """Raise ValueError if a folder holds what a run has trained: it is not replaced by accident."""
    held = [name for name in (REPORT, CHECKPOINT, PREVIOUS, HISTORY) if (folder / name).is_file()]
    if not held and not (folder / READY).is_dir():
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
        if existing.is_symlink():
            raise ValueError(
                f"out must be a folder, and {existing} is a link to nowhere; nothing was changed"
            )
        existing = existing.parent
    if not existing.is_dir():
        raise ValueError(f"out must be a folder, and {existing} is a file; nothing was changed")
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".chsnn.", suffix=".tmp"):
            pass
    except OSError as error:
        raise ValueError(
            f"out must be a folder that can be written, and in {existing} no file can be made "
            f"({(error.strerror or str(error)).lower()}); nothing was changed"
        ) from error
