"""DVS128 Gesture: eleven hand gestures before an event camera, as published (AEDAT 3.1)."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from chsnn.data.aedat import read_aedat3
from chsnn.data.datasets import DataSet
from chsnn.data.events import check_events, pooled_sensor
from chsnn.data.files import data_folder
from chsnn.data.recordings import Frames, Recording, held_out, parts_of

SENSOR = (128, 128)
N_CLASSES = 11
_LISTS = {"train": "trials_to_train.txt", "test": "trials_to_test.txt"}
_COLUMNS = "class,startTime_usec,endTime_usec"


def load_dvs_gesture(root: str | Path | None = None, **frames: Any) -> DataSet:
    """Load DVS128 Gesture from its recordings, their label files and the lists of trials.

    A recording holds many gestures, cut out by ``<name>_labels.csv``; which recordings are for
    training and which for testing is said by ``trials_to_train.txt`` and ``trials_to_test.txt``.
    One in ten training gestures, drawn with a fixed seed, is for validation.

    Parameters
    ----------
    root : path, optional
        The folder of all of them; by default "dvs-gesture" or "DvsGesture" where the others are.
    **frames
        Fields of :class:`chsnn.data.recordings.Frames`; with ``pool=2`` frames are 64 x 64, with
        ``pool=4`` the 2,048 inputs of S-TP.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged, or an argument out of range.

    References
    ----------
    Amir et al., CVPR 2017.
    """
    settings = Frames(**frames)
    folder = data_folder(("dvs-gesture", "DvsGesture"), root)
    splits = {split: _gestures(folder, name) for split, name in _LISTS.items()}
    splits["train"], splits["validation"] = held_out(splits["train"], 10)
    parts = parts_of(splits, _Reader(), SENSOR, settings)
    in_shape = (2, *pooled_sensor(SENSOR, settings.pool))
    return DataSet("dvs-gesture", N_CLASSES, **parts, in_shape=in_shape)


def _gestures(folder: Path, name: str) -> list[Recording]:
    """Return all gestures of the recordings in a list of trials."""
    if not (folder / name).is_file():
        raise FileNotFoundError(
            f"no {folder / name}; put the files of DVS128 Gesture "
            "(research.ibm.com/interactive/dvsgesture) there, or name another folder with "
            "CHSNN_DATA"
        )
    found = []
    for line in _lines(folder / name):
        if not line.strip():
            continue
        path = folder / line.strip()
        if path.parent != folder:
            raise ValueError(f"{folder / name} must name files beside it, got {line.strip()!r}")
        found += read_labels(path)
    if not found:
        raise ValueError(f"{folder / name} must name at least one recording with a gesture")
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be text, got {error.reason} at byte {error.start}") from None


def read_labels(path: Path) -> list[Recording]:
    """Return the gestures that the label file of a recording names.

    Raises
    ------
    FileNotFoundError
        If the recording or its label file is missing.
    ValueError
        If a line is not a class from 1 to 11 and two times.
    """
    labels = path.with_name(f"{path.stem}_labels.csv")
    for wanted in (path, labels):
        if not wanted.is_file():
            raise FileNotFoundError(f"no {wanted}, which a list of trials names")
    head, *lines = _lines(labels) or [""]
    if head.strip() != _COLUMNS:
        raise ValueError(f"{labels} must begin with {_COLUMNS}, got {head!r}")
    found = []
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        try:
            label, start, stop = (int(part) for part in line.split(","))
        except ValueError:
            raise ValueError(
                f"{labels}: line {number} must be three whole numbers, got {line!r}"
            ) from None
        if not 1 <= label <= N_CLASSES or not 0 <= start < stop:
            raise ValueError(
                f"{labels}: line {number} must be a class from 1 to {N_CLASSES} and its times, got "
                f"{line!r}"
            )
        found.append(Recording(path, label - 1, start, stop))
    return found


class _Reader:
    """Reads gestures; the last file stays, for its other gestures are asked for next."""

    def __init__(self) -> None:
        self._files: OrderedDict[Path, np.ndarray] = OrderedDict()

    def __call__(self, recording: Recording) -> np.ndarray:
        if recording.path not in self._files:
            self._files.clear()
            events = read_aedat3(recording.path)
            try:
                check_events(events, SENSOR)  # gestures are cut out by time: it must be in order
            except ValueError as error:
                raise ValueError(f"{recording.path}: {error}") from error
            self._files[recording.path] = events
        events = self._files[recording.path]
        start, stop = recording.start or 0, recording.stop or np.iinfo(np.int64).max
        first, end = np.searchsorted(events["t"], (start, stop))
        gesture = events[first:end].copy()
        gesture["t"] -= start
        return gesture
