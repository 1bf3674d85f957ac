"""Samples: data sets read from files that are already here, and whatever else comes in."""

from __future__ import annotations

from pathlib import Path

from chgraph.checks import check_choice
from chsnn.data.batches import Batches, as_batches
from chsnn.data.datasets import DataSet, Samples
from chsnn.data.digits import load_digits
from chsnn.data.labels import class_labels
from chsnn.data.mnist import load_mnist

DATA_SETS = ("digits", "mnist")


def load_data(name: str, root: str | Path | None = None, *, download: bool = False) -> DataSet:
    """Load a data set by name.

    Parameters
    ----------
    name : {"digits", "mnist"}
        "digits": scikit-learn's bundled 8 x 8 handwritten digits. "mnist": the four IDX
        files of MNIST from a local folder.
    root : path, optional
        Folder of the files of a data set that is not bundled; by default one named after
        it in the folder that ``CHSNN_DATA`` names, or else in the user's cache folder.
    download : bool
        Whether to fetch files that are missing (needs the `data` extra and a network).

    Returns
    -------
    DataSet
        With fixed training, validation and test parts.

    Raises
    ------
    ValueError
        If the name is unknown or a file is damaged.
    FileNotFoundError
        If a file is missing and not fetched; says which files to put where.

    Examples
    --------
    >>> data = load_data("digits")
    >>> data.n_in, data.n_classes, len(data.train), len(data.validation), len(data.test)
    (64, 10, 1257, 180, 360)
    """
    check_choice("data", name, DATA_SETS)
    return load_mnist(root, download=download) if name == "mnist" else load_digits()


__all__ = [
    "DATA_SETS",
    "Batches",
    "DataSet",
    "Samples",
    "as_batches",
    "class_labels",
    "load_data",
]
