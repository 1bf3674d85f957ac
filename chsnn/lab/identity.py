"""Which run a file belongs to: every file of a run folder says so, and others are refused by name.

A run has an `id`, drawn when it begins, and a digest of those settings that decide its outcome and
cannot change. Both stand in ``config.toml`` and ``trained.toml`` (table ``run``), in every
checkpoint, in ``report.json``, and the id in the column ``run`` of ``history.csv``, in
``topology.npz`` and ``samples.npz``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chsnn.history import RUN_COLUMN
from chsnn.lab.config import RunConfig, read_run
from chsnn.lab.folder import BASELINE, CONFIG, PREVIOUS, REPORT, SAMPLES, TOPOLOGY, TRAINED
from chsnn.lab.recording import run_of_arrays
from chsnn.settings import CHANGEABLE, TrainingSettings, check_unchanged
from chsnn.tensor_file import read_header
from chsnn.training import BEST, CHECKPOINT, HISTORY

SPARSE, FULLY_CONNECTED = "sparse", "fully connected"
# What may change when a run goes on: what training takes up, and what does not decide the outcome.
MAY_CHANGE = (*CHANGEABLE, "out", "threads", "download", "tensorboard", "hardware")


@dataclass(frozen=True)
class RunIdentity:
    """Which run something belongs to.

    Attributes
    ----------
    id : str
        Of the run.
    settings : str
        SHA-256 of the settings that cannot change.
    """

    id: str
    settings: str

    @classmethod
    def new(cls, config: RunConfig) -> RunIdentity:
        """Return the identity of a run that begins."""
        return cls(secrets.token_hex(8), settings_digest(config))

    @classmethod
    def read(cls, document: Any) -> RunIdentity | None:
        """Return the identity that a document states; None if it states none."""
        if not isinstance(document, Mapping):
            return None
        name, settings = document.get("id"), document.get("settings")
        return cls(name, settings) if isinstance(name, str) and isinstance(settings, str) else None

    def to_dict(self) -> dict[str, str]:
        """Return it as names."""
        return {"id": self.id, "settings": self.settings}

    def of(self, network: str) -> dict[str, str]:
        """Return it as names, with that of one of the run's networks."""
        return {**self.to_dict(), "network": network}


def settings_digest(config: RunConfig) -> str:
    """Return the SHA-256 of the settings that cannot change in a run.

    Of those that are not the defaults: a setting that a later version adds changes nothing.

    Examples
    --------
    >>> one, other = RunConfig(epochs=5), RunConfig(epochs=9, learning_rate=0.1)
    >>> settings_digest(one) == settings_digest(other) != settings_digest(RunConfig(seed=1))
    True
    """
    default = dict(_flat(RunConfig().to_dict()))
    own = dict(_flat(config.to_dict()))
    different = {
        name: own.get(name)
        for name in {*own, *default}
        if own.get(name) != default.get(name) and name not in MAY_CHANGE
    }
    return hashlib.sha256(json.dumps(different, sort_keys=True).encode()).hexdigest()


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def check_run(folder: Path, config: RunConfig) -> RunIdentity | None:
    """Return which run a folder belongs to, if all its files belong to one with these settings.

    Parameters
    ----------
    folder : Path
    config : RunConfig
        That of its file.

    Returns
    -------
    RunIdentity or None
        None if nothing has been trained yet, or an earlier version did, which wrote none.

    Raises
    ------
    ValueError
        If a file belongs to another run, or says of none; if the settings are not those that the
        checkpoints were trained with, but for what may change. Names the file or the setting.
    """
    if (folder / TRAINED).is_file():
        trained = RunConfig.read(folder / TRAINED, out=folder)
        check_unchanged(trained, config, MAY_CHANGE, what="run", says=f"{CONFIG} says")
    headers = dict(_headers(folder))
    stated = {path: _of_place(path, folder, header.get("run")) for path, header in headers.items()}
    stated |= _tables(folder)
    known = {path: run for path, run in stated.items() if run is not None}
    if known and headers:
        _check_same(stated, *next(iter(known.items())))
    for path, header in headers.items():
        _check_training(path, header, config)
    if not known or not headers:
        return None
    place, run = next(iter(known.items()))
    if any(other.settings != settings_digest(config) for other in known.values()):
        raise ValueError(
            f"{folder / CONFIG} has other settings than those that {place} was trained with; "
            "nothing was changed"
        )
    return run


def check_files(folder: Path) -> str | None:
    """Return the id of the run that the files of a folder belong to, before they are shown.

    Returns
    -------
    str or None
        None if none says.

    Raises
    ------
    ValueError
        If a file belongs to another run than the first; one that says of none is let pass.
    """
    stated = {path: run for path, run in _tables(folder).items() if run is not None}
    if not stated:
        return None
    place, run = next(iter(stated.items()))
    _check_same(stated, place, run)
    return run.id


def _check_same(stated: Mapping[Path, RunIdentity | None], place: Path, run: RunIdentity) -> None:
    """Raise ValueError unless all files state the run that the one at `place` states."""
    for path, other in stated.items():
        if other is None:
            raise ValueError(
                f"{path} does not say which run it belongs to, and {place} is of run {run.id}; "
                "nothing was changed"
            )
        if other.id != run.id:
            raise ValueError(
                f"{path} belongs to run {other.id}, and {place} to run {run.id}; nothing was "
                "changed"
            )


def _headers(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield what the checkpoints state; damaged ones are refused when they are read."""
    for place in (folder, folder / BASELINE):
        for name in (CHECKPOINT, PREVIOUS, BEST):
            header = read_header(place / name)
            if header is not None:
                yield place / name, header


def _check_training(path: Path, header: Mapping[str, Any], config: RunConfig) -> None:
    try:
        saved = TrainingSettings(**header["settings"])
    except (KeyError, TypeError, ValueError):
        return  # refused when it is read
    says = f"{CONFIG} beside {path.name} says"
    check_unchanged(saved, config.training(), CHANGEABLE, what="run", says=says)


def _of_place(path: Path, folder: Path, stated: Any) -> RunIdentity | None:
    """Return what a checkpoint states, if it is that of the network which belongs in its place."""
    network = SPARSE if path.parent == folder else FULLY_CONNECTED
    run = RunIdentity.read(stated)
    if run is not None and stated.get("network") != network:
        raise ValueError(
            f"{path} must hold the {network} network of its run, and holds the "
            f"{stated.get('network')} one; nothing was changed"
        )
    return run


def _tables(folder: Path) -> dict[Path, RunIdentity | None]:
    """Return what the other files of a run state. Reports and histories are written again."""
    stated: dict[Path, RunIdentity | None] = {}
    for name in (CONFIG, TRAINED):
        if (folder / name).is_file():
            stated[folder / name] = RunIdentity.read(read_run(folder / name))
    config = stated.get(folder / CONFIG)
    if (report := _of_report(folder / REPORT)) is not None:
        stated[folder / REPORT] = report
    names = {folder / name: run_of_arrays(folder / name) for name in (TOPOLOGY, SAMPLES)}
    for place in (folder, folder / BASELINE):
        names[place / HISTORY] = _of_history(place / HISTORY)
    for path, run in names.items():
        if run is not None and config is not None:
            stated[path] = RunIdentity(run, config.settings)
    return stated


def _of_report(path: Path) -> RunIdentity | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # missing or damaged
        return None
    return RunIdentity.read(document.get("run")) if isinstance(document, dict) else None


def _of_history(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file), {})
    except (OSError, ValueError, csv.Error):  # missing or damaged
        return None
    name = row.get(RUN_COLUMN)
    return name if isinstance(name, str) and len(name) == 2 * 8 and name.isalnum() else None
