"""Data sets: fixed splits, IDX files, and what is said when a file is missing or damaged."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from chsnn import load_data
from chsnn.data.mnist import read_idx

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(array):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, n in zip(NAMES, (5_010, 5_010, 20, 20), strict=True):
        shape = (n, 4, 4) if "images" in name else (n,)
        content = idx(rng.integers(0, 256 if "images" in name else 10, shape))
        gz = "labels" in name
        path = tmp_path / (f"{name}.gz" if gz else name)
        path.write_bytes(gzip.compress(content) if gz else content)
    return tmp_path


def test_the_digits_split_never_changes():
    one, two = load_data("digits"), load_data("digits")
    assert torch.equal(one.test.images, two.test.images)
    parts = [
        set(map(tuple, part.images.tolist())) for part in (one.train, one.validation, one.test)
    ]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_idx_files_are_read_plain_and_gzipped(folder):
    data = load_data("mnist", folder)
    assert (len(data.train), len(data.validation), len(data.test)) == (10, 5_000, 20)
    raw = read_idx(folder / NAMES[2])
    np.testing.assert_array_equal(data.test.images.numpy(), raw.reshape(20, 16) / np.float32(255))
    assert data.n_in == 16


def test_a_missing_file_is_named_with_its_folder(folder):
    (folder / NAMES[2]).unlink()
    with pytest.raises(FileNotFoundError, match=rf"no {NAMES[2]} or .* in {folder}; put"):
        load_data("mnist", folder)


@pytest.mark.parametrize("damage", [b"", b"\0\0\x0d\x01", b"\0\0\x08\x03\0\0\0\x02", b"text file"])
def test_a_damaged_file_is_named(folder, damage):
    (folder / NAMES[0]).write_bytes(damage)
    with pytest.raises(ValueError, match=NAMES[0]):
        load_data("mnist", folder)


def test_a_truncated_gzip_file_is_named(folder):
    path = folder / f"{NAMES[1]}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=NAMES[1]):
        load_data("mnist", folder)


@pytest.mark.skipif(
    not (Path(os.environ.get("CHSNN_DATA", "")) / "mnist").is_dir()
    or "CHSNN_DATA" not in os.environ,
    reason="CHSNN_DATA names no folder with mnist",
)
def test_real_mnist_has_its_known_size_and_test_labels():
    data = load_data("mnist")
    assert (len(data.train), len(data.validation), len(data.test)) == (55_000, 5_000, 10_000)
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
