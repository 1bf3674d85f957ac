"""MNIST from its four IDX files, plain or gzipped, in a local folder."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import torch

from chsnn.data.datasets import DataSet, Samples

_FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
_SPLIT_SEED = 20251107
_N_VALIDATION = 5_000
_UNSIGNED_BYTE = 0x08


def load_mnist(root: str | Path | None = None) -> DataSet:
    """Load MNIST: 55,000 training, 5,000 validation and 10,000 test images of 784 pixels.

    Parameters
    ----------
    root : path, optional
        Folder of the IDX files; by default ``mnist`` in the folder that the environment
        variable ``CHSNN_DATA`` names.

    Raises
    ------
    FileNotFoundError
        If a file is missing; says which files to put where.
    ValueError
        If a file is no IDX file of the expected kind.
    """
    folder = (
        Path(root) if root is not None else Path(os.environ.get("CHSNN_DATA", "data")) / "mnist"
    )
    arrays = {part: read_idx(_find(folder, name)) for part, name in _FILES.items()}
    n_train = len(arrays["train labels"])
    order = np.random.default_rng(_SPLIT_SEED).permutation(n_train)
    kept, held_out = order[_N_VALIDATION:], order[:_N_VALIDATION]
    train = _samples(arrays["train images"], arrays["train labels"], folder)
    test = _samples(arrays["test images"], arrays["test labels"], folder)
    return DataSet(
        "mnist",
        10,
        Samples(train.images[kept], train.labels[kept]),
        Samples(train.images[held_out], train.labels[held_out]),
        test,
    )


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped if its name ends in ``.gz``.

    Raises
    ------
    ValueError
        If the header and the length of the file do not say so.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    n_axes = content[3]
    start = 4 + 4 * n_axes
    shape = tuple(int(n) for n in np.frombuffer(content[4:start], dtype=">u4"))
    if len(shape) != n_axes or len(content) - start != int(np.prod(shape)):
        raise ValueError(f"{path} has {len(content) - start} values, its header says {shape}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    listed = ", ".join(f"{name}[.gz]" for name in _FILES.values())
    raise FileNotFoundError(
        f"no {name} or {name}.gz in {folder}; put {listed} there, or name another folder"
    )


def _samples(images: np.ndarray, labels: np.ndarray, folder: Path) -> Samples:
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(
            f"{folder} has images of shape {images.shape} and labels of shape {labels.shape}"
        )
    flat = images.reshape(len(images), -1).astype(np.float32) / 255.0
    return Samples(torch.from_numpy(flat), torch.from_numpy(labels.astype(np.int64)))
