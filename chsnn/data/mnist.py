"""MNIST from its four IDX files, plain or gzipped, in a local folder; fetched only when asked."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from chsnn.data.datasets import DataSet, Samples
from chsnn.data.files import check_files, data_folder, fetch

_FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_SHA256 = {
    "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
_SPLIT_SEED = 20251107
_N_VALIDATION = 5_000
_UNSIGNED_BYTE = 0x08
_TIMES = 1032  # no byte of a gzip file unpacks to more


def load_mnist(root: str | Path | None = None, *, download: bool = False) -> DataSet:
    """Load MNIST: 55,000 training, 5,000 validation and 10,000 test images of 784 pixels.

    Parameters
    ----------
    root : path, optional
        Folder of the IDX files; by default :func:`chsnn.data.files.data_folder`.
    download : bool
        Whether to fetch the files that are missing. Those and the gzipped ones that are there are
        checked by their SHA-256 then; without, gzipped ones by the checksum inside them.

    Raises
    ------
    FileNotFoundError
        If a file is missing and cannot be fetched; says which files to put where.
    ValueError
        If a file is not an IDX file of the expected kind, or has too few images.
    """
    folder = data_folder("mnist", root)
    if download:
        missing = [name for name in _FILES.values() if _existing(folder, name) is None]
        packed = [name for name in _FILES.values() if (folder / f"{name}.gz").is_file()]
        check_files({f"{name}.gz": _SHA256[name] for name in packed}, folder)
        fetch({f"{name}.gz": _SHA256[name] for name in missing}, _MIRROR, folder)
    arrays = {part: read_idx(_find(folder, name)) for part, name in _FILES.items()}
    n_train = len(arrays["train labels"])
    if n_train <= _N_VALIDATION:
        raise ValueError(
            f"{folder} must have more than the {_N_VALIDATION} training images that are held out "
            f"for validation, got {n_train}"
        )
    order = np.random.default_rng(_SPLIT_SEED).permutation(n_train)
    kept, held_out = order[_N_VALIDATION:], order[:_N_VALIDATION]
    images, labels = _tensors(arrays["train images"], arrays["train labels"], folder)
    test = Samples(*_tensors(arrays["test images"], arrays["test labels"], folder))
    train, validation = (Samples(images[part], labels[part]) for part in (kept, held_out))
    height, width = arrays["train images"].shape[1:]
    return DataSet("mnist", 10, train, validation, test, in_shape=(1, height, width))


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped if its name ends in ``.gz``.

    Raises
    ------
    ValueError
        If the header and the length of the file do not say so, or it is damaged.
    """
    is_packed, size = path.suffix == ".gz", path.stat().st_size
    try:
        with gzip.open(path) if is_packed else path.open("rb") as file:
            start = file.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or start[2] != _UNSIGNED_BYTE:
                raise ValueError(f"{path} is not an IDX file of unsigned bytes")
            shape = tuple(int(n) for n in np.frombuffer(file.read(4 * start[3]), dtype=">u4"))
            n_values = math.prod(shape)
            # One that lies of its length takes no memory for it.
            can_be = len(shape) == start[3] and n_values <= (_TIMES if is_packed else 1) * size
            content = file.read(n_values + 1) if can_be else b""
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not can_be or len(content) != n_values:
        has = f"{len(content)} values" if len(content) < n_values and can_be else "other values"
        raise ValueError(f"{path} has {has}, its header says {shape}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _existing(folder: Path, name: str) -> Path | None:
    paths = (folder / name, folder / f"{name}.gz")
    return next((path for path in paths if path.is_file()), None)


def _find(folder: Path, name: str) -> Path:
    path = _existing(folder, name)
    if path is not None:
        return path
    listed = ", ".join(f"{name}[.gz]" for name in _FILES.values())
    raise FileNotFoundError(
        f"no {name} or {name}.gz in {folder}; put {listed} there, name another folder with "
        "CHSNN_DATA (its mnist folder is read), or ask for the download"
    )


def _tensors(images: np.ndarray, labels: np.ndarray, folder: Path) -> tuple[Tensor, Tensor]:
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(
            f"{folder} has images of shape {images.shape} and labels of shape {labels.shape}"
        )
    flat = images.reshape(len(images), -1).astype(np.float32) / 255.0
    return torch.from_numpy(flat), torch.from_numpy(labels.astype(np.int64))
