"""MNIST files that are damaged, lie about their size, or are others than they should be."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from chsnn.data import mnist
from chsnn.data.mnist import load_mnist, read_idx


def idx(values, shape=None):
    shape = values.shape if shape is None else shape
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values.tobytes()


VALUES = np.random.default_rng(0).integers(0, 256, (40, 5, 5), dtype=np.uint8)


def test_damage_at_any_place_of_a_packed_file_is_one_error(tmp_path):
    whole, path, refused = gzip.compress(idx(VALUES)), tmp_path / "images.gz", 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            read = read_idx(path)
        except ValueError:
            refused += 1
        else:  # time stamp, name of the system
            np.testing.assert_array_equal(read, VALUES)
            assert place < 10
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"images\.gz"):
            read_idx(path)
    assert refused > len(whole) - 10


@pytest.mark.parametrize("shape", [(2**31, 2), (2**32 - 1,) * 200, (39, 5, 5), (41, 5, 5), (0,)])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_size_that_lies_takes_no_memory(tmp_path, shape, ending):
    path = tmp_path / f"images{ending}"
    content = idx(VALUES, shape)
    path.write_bytes(gzip.compress(content) if ending else content)
    tracemalloc.start()
    with pytest.raises(ValueError, match="its header says"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(VALUES) + bytes(100_000_000)))
    tracemalloc.start()
    with pytest.raises(ValueError, match="its header says"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_whole_files_are_read(tmp_path):
    for name, content in (("a", idx(VALUES)), ("a.gz", gzip.compress(idx(VALUES)))):
        (tmp_path / name).write_bytes(content)
        np.testing.assert_array_equal(read_idx(tmp_path / name), VALUES)


def test_files_on_disk_are_checked_when_missing_ones_are_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "fetch", lambda *_: pytest.fail("fetched before the check"))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(VALUES)))
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte\.gz is not the file .* SHA-256"):
        load_mnist(tmp_path, download=True)
