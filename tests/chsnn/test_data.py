"""Data sets: fixed splits, IDX files, and what is said when a file is missing or damaged."""

import functools
import gzip
import hashlib
import os
import struct
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from chsnn import load_data
from chsnn.data import Samples, mnist
from chsnn.data.datasets import BATCHES_AHEAD
from chsnn.data.files import data_folder
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


PARTS = ("train", "validation", "test")
# Written down from the first loads, so that a split that moves is seen.
RECORDED = {
    "digits": ("c86cf74f21628437", "0bed1bce1e548088", "635def5a6eb29205"),
    "mnist": ("d041aa60f32901e9", "762fb41a0505303b", "8c26786d4955bfbe"),
}
INDICES_OF_5_010 = ("2b30b4c3bd3ff9e4", "28a3a5ca6c5e7d62")


def digest(*tensors):
    """Start of the SHA-256 of the bytes of tensors."""
    whole = hashlib.sha256()
    for tensor in tensors:
        whole.update(tensor.numpy().tobytes())
    return whole.hexdigest()[:16]


def digests(data):
    parts = [getattr(data, part) for part in PARTS]
    return tuple(digest(part.images, part.labels) for part in parts)


def test_the_digits_split_never_changes():
    data = load_data("digits")
    assert data.test.labels[:10].tolist() == [3, 6, 6, 4, 9, 0, 6, 7, 9, 9]
    assert digests(data) == RECORDED["digits"]
    parts = [set(map(tuple, getattr(data, part).images.tolist())) for part in PARTS]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_the_mnist_split_never_changes(folder):
    numbers = np.zeros((5_010, 4, 4), dtype=np.uint8)
    numbers[:, 0, 0], numbers[:, 0, 1] = np.divmod(np.arange(5_010), 256)
    (folder / NAMES[0]).write_bytes(idx(numbers))
    data = load_data("mnist", folder)
    images = [(255 * part.images).round().long() for part in (data.train, data.validation)]
    indices = [256 * pixels[:, 0] + pixels[:, 1] for pixels in images]
    assert torch.equal(torch.cat(indices).sort().values, torch.arange(5_010))
    assert indices[0].tolist() == [3604, 4103, 688, 3933, 2720, 1052, 2948, 2547, 1774, 2706]
    assert tuple(map(digest, indices)) == INDICES_OF_5_010
    labels = read_idx(folder / f"{NAMES[1]}.gz")
    np.testing.assert_array_equal(data.validation.labels.numpy(), labels[indices[1].numpy()])


def test_a_set_without_training_images_is_named(folder):
    for name, shape in ((NAMES[0], (5_000, 4, 4)), (NAMES[1], (5_000,))):
        (folder / name).write_bytes(idx(np.zeros(shape)))
    with pytest.raises(ValueError, match=rf"{folder} must have more than the 5000 training images"):
        load_data("mnist", folder)


def test_fewer_training_images_are_the_first_ones():
    data = load_data("digits")
    fewer = data.with_train_images(100)
    assert torch.equal(fewer.train.images, data.train.images[:100])
    assert torch.equal(fewer.train.labels, data.train.labels[:100])
    assert (len(fewer.validation), len(fewer.test)) == (180, 360)
    for n in (0, 1258):
        with pytest.raises(ValueError, match="train_images"):
            data.with_train_images(n)


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


@pytest.fixture
def mirror(folder, tmp_path_factory, monkeypatch):
    """A web server on this machine with the files of `folder`, whose checksums are known."""
    served = tmp_path_factory.mktemp("served")
    checksums = {}
    for name in NAMES:
        path = folder / name
        content = gzip.compress(path.read_bytes()) if path.is_file() else None
        content = content or (folder / f"{name}.gz").read_bytes()
        (served / f"{name}.gz").write_bytes(content)
        checksums[name] = hashlib.sha256(content).hexdigest()
    handler = functools.partial(QuietHandler, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setattr(mnist, "_MIRROR", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setattr(mnist, "_SHA256", checksums)
        yield served
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_missing_files_are_fetched_when_asked_and_only_then(mirror, folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty") / "new"
    with pytest.raises(FileNotFoundError, match="ask for the download"):
        load_data("mnist", empty)
    fetched = load_data("mnist", empty, download=True)
    assert torch.equal(fetched.test.images, load_data("mnist", folder).test.images)
    for path in mirror.iterdir():
        path.unlink()
    assert len(load_data("mnist", empty, download=True).test) == 20  # all there: no request


def test_a_file_with_a_wrong_checksum_is_refused_and_not_kept(mirror, tmp_path_factory):
    (mirror / f"{NAMES[0]}.gz").write_bytes(b"something else")
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(ValueError, match=rf"{NAMES[0]}.gz is not the file"):
        load_data("mnist", empty, download=True)
    assert not (empty / f"{NAMES[0]}.gz").exists()


@pytest.fixture
def known_checksums(folder, monkeypatch):
    """The files of the folder are those that are published."""
    found = {
        name: hashlib.sha256((folder / f"{name}.gz").read_bytes()).hexdigest()
        for name in NAMES
        if (folder / f"{name}.gz").exists()
    }
    monkeypatch.setattr(mnist, "_SHA256", {**mnist._SHA256, **found})


@pytest.mark.usefixtures("known_checksums")
def test_without_a_network_one_line_says_what_to_do(folder, monkeypatch):
    monkeypatch.setattr(mnist, "_MIRROR", "http://127.0.0.1:9/")
    (folder / NAMES[2]).unlink()
    with pytest.raises(FileNotFoundError, match=rf"put {NAMES[2]}.gz into") as caught:
        load_data("mnist", folder, download=True)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("known_checksums")
def test_without_the_library_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    (folder / NAMES[2]).unlink()
    with pytest.raises(ValueError, match=r"chgraph\[data\]"):
        load_data("mnist", folder, download=True)


def test_files_lie_in_the_named_folder_or_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CHSNN_DATA", str(tmp_path / "data"))
    assert data_folder("mnist", tmp_path / "mine") == tmp_path / "mine"
    assert data_folder("mnist") == tmp_path / "data" / "mnist"
    monkeypatch.delenv("CHSNN_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data_folder("mnist") == tmp_path / "cache" / "chsnn" / "mnist"


@pytest.mark.skipif(
    not (Path(os.environ.get("CHSNN_DATA", "")) / "mnist").is_dir()
    or "CHSNN_DATA" not in os.environ,
    reason="CHSNN_DATA names no folder with mnist",
)
def test_real_mnist_has_its_known_size_and_test_labels():
    data = load_data("mnist")
    assert (len(data.train), len(data.validation), len(data.test)) == (55_000, 5_000, 10_000)
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert digests(data) == RECORDED["mnist"]


@pytest.mark.parametrize("n", [1, 7, 3 * BATCHES_AHEAD, 3 * BATCHES_AHEAD + 5])
def test_batches_are_the_samples_in_order_each_prepared_once(n):
    samples = Samples(torch.arange(2.0 * n).view(n, 2), torch.arange(n))
    order = torch.randperm(n, generator=torch.Generator().manual_seed(n))
    batches = list(samples.batches(3, order, prepare=lambda images: -images))
    assert [len(labels) for _, labels in batches] == [3] * (n // 3) + [n % 3] * (n % 3 > 0)
    assert torch.equal(torch.cat([labels for _, labels in batches]), order)
    assert torch.equal(torch.cat([images for images, _ in batches]), -samples.images[order])
