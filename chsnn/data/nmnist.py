"""N-MNIST: handwritten digits before an event camera in three saccades, from its own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from chsnn.data.datasets import DataSet
from chsnn.data.events import EVENT, pooled_sensor
from chsnn.data.files import data_folder
from chsnn.data.recordings import Frames, Recording, held_out, parts_of

SENSOR = (34, 34)
_EVENT_BYTES = 5
_OVERFLOW_ROW = 240  # such an event only says that 2^13 microseconds have passed
_OVERFLOW_US = 1 << 13
_VALIDATION_SHARE = 12  # one in so many training recordings, as of MNIST


def load_nmnist(root: str | Path | None = None, **frames: Any) -> DataSet:
    """Load N-MNIST from its folders ``Train/<class>/<number>.bin`` and ``Test/...``.

    One in twelve training recordings, drawn with a fixed seed, is for validation.

    Parameters
    ----------
    root : path, optional
        The folder with Train and Test; by default "nmnist" or "N-MNIST" where the others are.
    **frames
        Fields of :class:`chsnn.data.recordings.Frames`.

    Raises
    ------
    FileNotFoundError
        If there are no such folders.
    ValueError
        If a file is damaged, or an argument out of range.

    References
    ----------
    Orchard et al., Frontiers in Neuroscience 9:437 (2015).
    """
    settings = Frames(**frames)
    folder = data_folder(("nmnist", "N-MNIST"), root)
    train, test = (_recordings(folder / name) for name in ("Train", "Test"))
    kept, validation = held_out(train, _VALIDATION_SHARE)
    splits = {"train": kept, "validation": validation, "test": test}
    parts = parts_of(splits, _read, SENSOR, settings)
    return DataSet("n-mnist", 10, **parts, in_shape=(2, *pooled_sensor(SENSOR, settings.pool)))


def _recordings(folder: Path) -> list[Recording]:
    """Return the recordings of a split, by class and number."""
    found = [
        Recording(path, label)
        for label in range(10)
        for path in sorted((folder / str(label)).glob("*.bin"))
    ]
    if not found:
        raise FileNotFoundError(
            f"no {folder}/<class>/<number>.bin; put the folders Train and Test of N-MNIST "
            "(garrickorchard.com/datasets/n-mnist) there, or name another folder with CHSNN_DATA"
        )
    return found


def _read(recording: Recording) -> np.ndarray:
    return read_nmnist(recording.path)


def read_nmnist(path: Path) -> np.ndarray:
    """Return the events of a file of N-MNIST, an array of :data:`chsnn.data.EVENT`.

    40 bits an event: column (8), row (8), polarity (1), microseconds (23).

    Raises
    ------
    ValueError
        If the file is damaged: says where.
    """
    content = np.fromfile(path, np.uint8)
    if not content.size or content.size % _EVENT_BYTES:
        whole = content.size - content.size % _EVENT_BYTES
        raise ValueError(
            f"{path} must hold events of {_EVENT_BYTES} bytes, at least one; the one at byte "
            f"{whole} is cut off"
        )
    x, y, high, middle, low = content.reshape(-1, _EVENT_BYTES).T.astype(np.int64)
    is_overflow = y == _OVERFLOW_ROW
    events = np.empty(x.size, EVENT)
    events["t"] = (high & 127) << 16 | middle << 8 | low
    events["t"] += np.cumsum(is_overflow) * _OVERFLOW_US
    events["x"], events["y"], events["p"] = x, y, high >> 7
    events = events[~is_overflow]
    if not len(events):
        raise ValueError(f"{path} must hold events, got only marks of time")
    _check(events, np.flatnonzero(~is_overflow) * _EVENT_BYTES, path)
    return events


def _check(events: np.ndarray, offsets: np.ndarray, path: Path) -> None:
    outside = (events["x"] >= SENSOR[1]) | (events["y"] >= SENSOR[0])
    back = np.diff(events["t"], prepend=0) < 0
    for what, wrong in (("outside the 34 x 34 sensor", outside), ("before the last one", back)):
        if wrong.any():
            first = int(np.argmax(wrong))
            raise ValueError(
                f"{path} is not a recording of N-MNIST: the event at byte {int(offsets[first])} "
                f"({events[first]}) is {what}"
            )
