"""Samples: data sets read from files that are already here, and whatever else comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from chgraph.checks import check_choice
from chsnn.data.batches import Batches, as_batches
from chsnn.data.cifar import load_cifar
from chsnn.data.cifar10_dvs import load_cifar10_dvs
from chsnn.data.datasets import DataSet, Samples
from chsnn.data.digits import load_digits
from chsnn.data.dvs_gesture import load_dvs_gesture
from chsnn.data.events import EVENT, as_events, to_frames
from chsnn.data.labels import class_labels
from chsnn.data.mnist import load_mnist
from chsnn.data.nmnist import load_nmnist
from chsnn.data.recordings import Frames, Recordings
from chsnn.data.saccades import load_saccades

_LOADERS: dict[str, Callable[..., DataSet]] = {
    "digits": load_digits,
    "digits-saccades": load_saccades,
    "mnist": load_mnist,
    "cifar10": lambda root=None, **options: load_cifar("cifar10", root, **options),
    "cifar100": lambda root=None, **options: load_cifar("cifar100", root, **options),
    "n-mnist": load_nmnist,
    "cifar10-dvs": load_cifar10_dvs,
    "dvs-gesture": load_dvs_gesture,
}
DATA_SETS = tuple(_LOADERS)
# Of recordings: spikes and counts over time, made into frames.
EVENT_SETS = ("digits-saccades", "n-mnist", "cifar10-dvs", "dvs-gesture")
_FROM_FILES = tuple(name for name in DATA_SETS if not name.startswith("digits"))
_FETCHED = ("mnist", "cifar10", "cifar100")
_FRAMES = tuple(field.name for field in fields(Frames))
_OPTIONS = {
    **dict.fromkeys(EVENT_SETS, _FRAMES),
    "digits-saccades": ("timesteps", "by", "binary", "seed", "camera"),
}


def load_data(
    name: str, root: str | Path | None = None, *, download: bool = False, **options: Any
) -> DataSet:
    """Load a data set by name.

    Parameters
    ----------
    name : str
        "digits": scikit-learn's bundled 8 x 8 handwritten digits. "digits-saccades": the same as a
        simulated event camera sees them. "mnist": the four IDX files of MNIST. "cifar10",
        "cifar100": their binary files. "n-mnist": its official folders. "cifar10-dvs",
        "dvs-gesture": their AEDAT files as published.
    root : path, optional
        Folder of the files of a data set that is not bundled; by default one named after
        it in the folder that ``CHSNN_DATA`` names, or else in the user's cache folder.
    download : bool
        Whether to fetch files that are missing (needs the `data` extra and a network).
    **options
        Of recordings of events: `timesteps`, `by`, `binary`, and of files `stop` and `pool`, see
        :class:`chsnn.data.Frames`; `seed` and `camera` of "digits-saccades".

    Returns
    -------
    DataSet
        With fixed training, validation and test parts.

    Raises
    ------
    ValueError
        If the name is unknown, a file is damaged, or an option is not one of this data set's.
    FileNotFoundError
        If a file is missing and not fetched; says which files to put where.

    Examples
    --------
    >>> data = load_data("digits")
    >>> data.n_in, data.n_classes, len(data.train), len(data.validation), len(data.test)
    (64, 10, 1257, 180, 360)
    >>> load_data("digits-saccades", timesteps=4).examples(3).shape  # T, B, polarity, H, W
    torch.Size([4, 3, 2, 20, 20])
    """
    check_choice("data", name, DATA_SETS)
    known = _OPTIONS.get(name, ())
    if unknown := [option for option in options if option not in known]:
        takes = f"its options are {', '.join(known)}" if known else "it has none"
        raise ValueError(f"data {name!r} has no option {unknown[0]!r}; {takes}")
    if download and name in _FROM_FILES and name not in _FETCHED:
        raise ValueError(
            f"data {name!r} cannot be fetched: take its files by hand (without download, the error "
            "names their page)"
        )
    if name in _FROM_FILES:
        options["root"] = root
    if name in _FETCHED:
        options["download"] = download
    return _LOADERS[name](**options)


__all__ = [
    "DATA_SETS",
    "EVENT",
    "EVENT_SETS",
    "Batches",
    "DataSet",
    "Frames",
    "Recordings",
    "Samples",
    "as_batches",
    "as_events",
    "class_labels",
    "load_data",
    "to_frames",
]
