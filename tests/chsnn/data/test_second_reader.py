"""Files of events as another library reads them (tonic, which nobody here wrote): the same."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from chsnn.data import as_events
from chsnn.data.aedat import read_aedat2, read_aedat3
from chsnn.data.nmnist import read_nmnist
from tests.chsnn.data.test_aedat import HEADER3, packet, some_events, write_aedat2
from tests.chsnn.data.test_files_of_sets import write_events

REAL = Path(os.environ.get("CHSNN_DATA", "/nowhere")) / "nmnist"
FIELDS = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])


@pytest.fixture(scope="module")
def theirs():
    """tonic's module of readers alone: the whole of it wants libraries of sound and of robots."""
    found = importlib.util.find_spec("tonic")
    if found is None or not found.submodule_search_locations:
        pytest.skip("tonic is not installed")
    path = Path(next(iter(found.submodule_search_locations))) / "io.py"
    spec = importlib.util.spec_from_file_location("tonic_io", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["tonic_io"] = module
    spec.loader.exec_module(module)
    return module


def test_files_of_nmnist(theirs, tmp_path):
    events = [(t, x % 34, y % 34, p) for t, x, y, p in some_events(300, stop=300_000)]
    events.insert(200, (0, 0, 240, False))  # 2^13 microseconds have passed
    write_events(tmp_path / "a.bin", events)
    other = as_events(theirs.read_mnist_file(str(tmp_path / "a.bin"), dtype=FIELDS))
    assert np.array_equal(read_nmnist(tmp_path / "a.bin"), other)


@pytest.mark.skipif(not REAL.is_dir(), reason="CHSNN_DATA has no nmnist")
def test_real_recordings_of_nmnist(theirs):
    paths = sorted(REAL.glob("*/*/*.bin"))[::50]
    assert len(paths) > 20
    for path in paths:
        other = as_events(theirs.read_mnist_file(str(path), dtype=FIELDS))
        assert np.array_equal(read_nmnist(path), other), path


def raw_events(theirs, path):
    version, start, *_ = theirs.read_aedat_header_from_file(str(path))
    return theirs.get_aer_events_from_file(str(path), version, start)


def test_files_of_aedat2(theirs, tmp_path):
    write_aedat2(tmp_path / "a.aedat", some_events(100))
    addresses, times = read_aedat2(tmp_path / "a.aedat")
    other = raw_events(theirs, tmp_path / "a.aedat")
    assert np.array_equal(addresses, other["address"])
    assert np.array_equal(times, other["timeStamp"])


def test_files_of_aedat3(theirs, tmp_path):
    content = HEADER3 + packet(some_events(100)) + packet(some_events(20, seed=1))
    (tmp_path / "a.aedat").write_bytes(content)
    ours, other = read_aedat3(tmp_path / "a.aedat"), raw_events(theirs, tmp_path / "a.aedat")
    assert np.array_equal(ours["t"], other["timeStamp"])
    assert np.array_equal(ours["x"], other["address"] >> 17)
    assert np.array_equal(ours["y"], other["address"] >> 2 & 0x7FFF)
    assert np.array_equal(ours["p"], other["address"] >> 1 & 1)
