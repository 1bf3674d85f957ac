"""What a run folder holds, as far as it is there and can be read."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from chsnn.history import RUN_COLUMN
from chsnn.lab.folder import BASELINE, CONFIG, REPORT, SAMPLES, TOPOLOGY
from chsnn.lab.identity import check_files
from chsnn.lab.recording import TopologyRecord
from chsnn.lab.spikes import ShownSample, read_samples
from chsnn.training import HISTORY

Row = dict[str, float | None]
_Read = TypeVar("_Read")


@dataclass(frozen=True, eq=False)
class RunFiles:
    """The parts of a run that its page can show.

    Attributes
    ----------
    name : str
        Of the folder.
    config : dict
        Settings, nested as in the file.
    report : dict or None
        None of a run that is not finished.
    history, twin_history : list of dict
        A row per epoch; empty without.
    topology : TopologyRecord or None
    samples : list of ShownSample
    notes : list of str
        What is not there or cannot be read.
    run : str or None
        Id of the run; None if no file says it.
    """

    name: str
    config: dict[str, Any]
    report: dict[str, Any] | None = None
    history: list[Row] = field(default_factory=list)
    twin_history: list[Row] = field(default_factory=list)
    topology: TopologyRecord | None = None
    samples: list[ShownSample] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    run: str | None = None

    @classmethod
    def read(cls, folder: Path) -> RunFiles:
        """Read a run folder.

        Raises
        ------
        FileNotFoundError
            If it is not a run folder.
        ValueError
            If its configuration cannot be read, or a file belongs to another run.
        """
        path = folder / CONFIG
        if not path.is_file():
            raise FileNotFoundError(f"{folder} is not a run folder: it has no {CONFIG}")
        try:
            config = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        run = check_files(folder)
        notes: list[str] = []
        twin = folder / BASELINE / HISTORY
        return cls(
            name=folder.resolve().name,
            config=config,
            report=_try(_read_report, folder / REPORT, "the run is not finished", notes),
            history=_try(read_history, folder / HISTORY, "no epoch is finished", notes) or [],
            twin_history=_try(read_history, twin, None, notes) or [],
            topology=_try(
                TopologyRecord.read, folder / TOPOLOGY, "the run kept no topology", notes
            ),
            samples=_try(read_samples, folder / SAMPLES, "the run kept no samples", notes) or [],
            notes=notes,
            run=run,
        )


def _try(
    read: Callable[[Path], _Read], path: Path, missing: str | None, notes: list[str]
) -> _Read | None:
    """Return what a file holds; None, with a note, if it cannot be read."""
    try:
        return read(path)
    except FileNotFoundError:
        if missing is not None:
            notes.append(f"{missing} (no {path.name})")
    except (OSError, ValueError, KeyError):
        notes.append(f"damaged and left out: {path.name}")
    return None


def _read_report(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or "accuracy" not in document:
        raise ValueError(f"{path} is not a report")
    return document


def read_history(path: Path) -> list[Row]:
    """Read the rows of a history; what an epoch has no number for is None.

    Raises
    ------
    FileNotFoundError
    ValueError
        If an entry is not a number.
    """
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {
                name: float(text) if text else None
                for name, text in row.items()
                if name and name != RUN_COLUMN
            }
            for row in csv.DictReader(file)
        ]


def column(rows: list[Row], name: str) -> list[float]:
    """Return one column, NaN where an epoch has no number."""
    values = (row.get(name) for row in rows)
    return [float("nan") if value is None else value for value in values]
