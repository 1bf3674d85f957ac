"""CIFAR10-DVS: images of CIFAR-10 moved before an event camera, as published (AEDAT 2.0)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from chsnn.data.aedat import read_aedat2
from chsnn.data.datasets import DataSet
from chsnn.data.events import EVENT, pooled_sensor
from chsnn.data.files import data_folder
from chsnn.data.recordings import Frames, Recording, held_out, parts_of

SENSOR = (128, 128)
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_TEST_SHARE = 10  # the last recordings of each class, one in so many


def load_cifar10_dvs(root: str | Path | None = None, **frames: Any) -> DataSet:
    """Load CIFAR10-DVS from its folders ``<class>/cifar10_<class>_<number>.aedat``.

    It has no split of its own: here the last tenth of each class by number is for testing (900 and
    100 of 1,000), and one in ten of the others, drawn with a fixed seed, for validation.

    Parameters
    ----------
    root : path, optional
        The folder with those of the classes; by default "cifar10-dvs" or "CIFAR10DVS" where the
        others are.
    **frames
        Fields of :class:`chsnn.data.recordings.Frames`; with ``pool=2`` frames are 64 x 64.

    Raises
    ------
    FileNotFoundError
        If a class has no recording.
    ValueError
        If a file is damaged, or an argument out of range.

    References
    ----------
    Li et al., CIFAR10-DVS, Frontiers in Neuroscience 11:309 (2017).
    """
    settings = Frames(**frames)
    folder = data_folder(("cifar10-dvs", "CIFAR10DVS"), root)
    train: list[Recording] = []
    test: list[Recording] = []
    for label, name in enumerate(CLASSES):
        recordings = _recordings(folder, name, label)
        n_test = len(recordings) // _TEST_SHARE
        train += recordings[: len(recordings) - n_test]
        test += recordings[len(recordings) - n_test :]
    kept, validation = held_out(train, 10)
    splits = {"train": kept, "validation": validation, "test": test}
    parts = parts_of(splits, _read, SENSOR, settings)
    return DataSet(
        "cifar10-dvs", len(CLASSES), **parts, in_shape=(2, *pooled_sensor(SENSOR, settings.pool))
    )


def _recordings(folder: Path, name: str, label: int) -> list[Recording]:
    """Return the recordings of a class, by number."""
    paths = [path for path in (folder / name).glob("*.aedat") if re.search(r"\d+$", path.stem)]
    if not paths:
        raise FileNotFoundError(
            f"no {folder}/{name}/cifar10_{name}_<number>.aedat; put the folders of the classes of "
            "CIFAR10-DVS (figshare.com/articles/dataset/CIFAR10-DVS_New/4724671) there, or name "
            "another folder with CHSNN_DATA"
        )
    numbered = sorted(paths, key=lambda path: int(re.findall(r"\d+", path.stem)[-1]))
    return [Recording(path, label) for path in numbered]


def _read(recording: Recording) -> np.ndarray:
    return read_cifar10_dvs(recording.path)


def read_cifar10_dvs(path: Path) -> np.ndarray:
    """Return the events of a file, times from 0, the image upright as public readers turn it.

    An address has the polarity in bit 0 (1 is OFF), the camera's column in bits 1 to 7 and its row
    in bits 8 to 14.

    Raises
    ------
    ValueError
        If the file is damaged: says where.
    """
    addresses, times = read_aedat2(path)
    if (addresses >> 15).any():
        first = int(np.argmax(addresses >> 15 > 0))
        raise ValueError(
            f"{path} is not a recording of a DVS128: event {first} has the address "
            f"{int(addresses[first]):#x}"
        )
    events = np.empty(len(times), EVENT)
    # 32-bit times run over after an hour; differences do not.
    events["t"] = np.concatenate([[0], np.cumsum(np.diff(times).astype(np.int32))])
    events["x"] = 127 - (addresses >> 8 & 127)
    events["y"] = 127 - (addresses >> 1 & 127)
    events["p"] = 1 - (addresses & 1)
    if (back := np.diff(events["t"], prepend=0) < 0).any():
        raise ValueError(f"{path}: event {int(np.argmax(back))} is before the last one")
    return events
