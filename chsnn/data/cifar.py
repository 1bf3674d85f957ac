"""CIFAR-10 and CIFAR-100 from their binary files: labels and bytes, no pickle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from chsnn.data.archives import fetch_archive
from chsnn.data.datasets import DataSet, Samples
from chsnn.data.files import data_folder

IN_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32
_SPLIT_SEED = 20251107
_VALIDATION_SHARE = 10  # one in so many training images
_ADDRESS = "https://www.cs.toronto.edu/~kriz/"


@dataclass(frozen=True)
class Layout:
    """Which files a set has, and what stands before the pixels of an image.

    Attributes
    ----------
    folder : str
        In which the archive has its files.
    train : str
        Pattern of the names of the training files.
    test : str
    label_bytes : int
        Before every image; the last is the class.
    n_classes : int
    archive, md5 : str
        Name and checksum, as the authors' page states them.
    """

    folder: str
    train: str
    test: str
    label_bytes: int
    n_classes: int
    archive: str
    md5: str


LAYOUTS = {
    "cifar10": Layout(
        "cifar-10-batches-bin",
        "data_batch_*.bin",
        "test_batch.bin",
        1,
        10,
        "cifar-10-binary.tar.gz",
        "c32a1d4ab5d03f1284b67883e8d87530",
    ),
    # The first of two labels is one of twenty groups of classes.
    "cifar100": Layout(
        "cifar-100-binary",
        "train.bin",
        "test.bin",
        2,
        100,
        "cifar-100-binary.tar.gz",
        "03b5dce01913d631647c71ecec9e9cb8",
    ),
}


def load_cifar(name: str, root: str | Path | None = None, *, download: bool = False) -> DataSet:
    """Load CIFAR-10 or CIFAR-100: float32 images (N, 3, 32, 32) in [0, 1].

    One in ten training images, drawn with a fixed seed, is for validation.

    Parameters
    ----------
    name : {"cifar10", "cifar100"}
    root : path, optional
        Folder of the binary files; by default "cifar-10-batches-bin" or "cifar-100-binary" where
        the others are. Of CIFAR-10 the training files that are there are read, at least one.
    download : bool
        Whether to fetch the archive if there is no file.

    Raises
    ------
    FileNotFoundError
        If files are missing and cannot be fetched.
    ValueError
        If a file is damaged.

    References
    ----------
    Krizhevsky, Learning multiple layers of features from tiny images (2009).
    """
    layout = LAYOUTS[name]
    folder = data_folder((layout.folder, name), root)
    if download and not ((folder / layout.test).is_file() and any(folder.glob(layout.train))):
        fetch_archive(_ADDRESS + layout.archive, f"md5:{layout.md5}", folder, inside=layout.folder)
    paths = sorted(folder.glob(layout.train))
    if not paths or not (folder / layout.test).is_file():
        raise FileNotFoundError(
            f"no {layout.train} and {layout.test} in {folder}; put those of {layout.archive} "
            f"({_ADDRESS}cifar.html) there, name another folder with CHSNN_DATA, or ask for the "
            "download"
        )
    read = [read_cifar(path, layout) for path in paths]
    images, labels = (torch.cat(parts) for parts in zip(*read, strict=True))
    order = torch.from_numpy(np.random.default_rng(_SPLIT_SEED).permutation(len(labels)))
    n_validation = len(labels) // _VALIDATION_SHARE
    parts: dict[str, Any] = {
        "train": Samples(images[order[n_validation:]], labels[order[n_validation:]]),
        "validation": Samples(images[order[:n_validation]], labels[order[:n_validation]]),
        "test": Samples(*read_cifar(folder / layout.test, layout)),
    }
    return DataSet(name, layout.n_classes, **parts, in_shape=IN_SHAPE)


def read_cifar(path: Path, layout: Layout) -> tuple[Tensor, Tensor]:
    """Return images and labels of a binary file.

    Raises
    ------
    ValueError
        If it does not hold whole images of known classes: says where.
    """
    content = np.fromfile(path, np.uint8)
    size = layout.label_bytes + _PIXELS
    if not content.size or content.size % size:
        whole = content.size - content.size % size
        raise ValueError(
            f"{path} must hold images of {size} bytes, at least one; the one at byte {whole} is "
            "cut off"
        )
    rows = content.reshape(-1, size)
    labels = rows[:, layout.label_bytes - 1]
    if (wrong := labels >= layout.n_classes).any():
        first = int(np.argmax(wrong))
        raise ValueError(
            f"{path} must have classes below {layout.n_classes}, got {labels[first]} at byte "
            f"{first * size + layout.label_bytes - 1}"
        )
    pixels = rows[:, layout.label_bytes :].astype(np.float32) / np.float32(255)
    return torch.from_numpy(pixels).view(-1, *IN_SHAPE), torch.from_numpy(labels.astype(np.int64))
