"""Matrix Market and .npz: what is crafted or damaged is refused before memory is taken."""

import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from chgraph import Graph, GraphInputWarning

BANNER = "%%MatrixMarket matrix coordinate pattern symmetric\n"


def read_apart(path):
    """Read in a process of its own, which may be killed: exit status, stdout, and MB taken."""
    code = (
        "import sys, resource, chgraph\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: print(chgraph.read_network(sys.argv[1]))\n"
        "except ValueError as error: print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60
    )
    text, _, memory = done.stdout.strip().rpartition("\n")
    return done.returncode, text, int(memory or 0)


@pytest.mark.parametrize("end", [" ", "\r", " \r", "", "\t", "\n", "\r\n", "\n\n"])
def test_the_last_line_may_end_in_anything(tmp_path, end):
    path = tmp_path / "net.mtx"
    path.write_bytes((BANNER + "3 3 2\n2 1\n3 2" + end).encode())
    assert read_apart(path)[:2] == (0, "Graph(3 nodes, 2 links, density 0.667)")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BANNER + "3 3 2\n2 1\n3 \0", "it holds a NUL byte"),
        ("%%MatrixMarket matrix array real general\n0 0\n", "0 x 0: there is nothing in it"),
        ("%%MatrixMarket matrix array real general\n0 3\n", "0 x 3: there is nothing in it"),
        (BANNER + "0 0 0\n", "0 x 0: there is nothing in it"),
        (BANNER + "500000000 500000000 1\n2 1\n", "500,000,000 x 500,000,000"),
        (BANNER + "2000000000 2000000000 1\n2 1\n", "2,000,000,000 x 2,000,000,000"),
        (BANNER + "3 3 900000000\n2 1\n", "900,000,000 entries or more"),
        ("%%MatrixMarket matrix array real general\n30000 30000\n1\n", "entries or more"),
        (BANNER + "-3 3 1\n2 1\n", "line of sizes is missing or malformed"),
        (BANNER + "3 3\n2 1\n", "line of sizes is missing or malformed"),
        (BANNER, "line of sizes is missing or malformed"),
        ("%%MatrixMarket vector\n", "its first line is not"),
    ],
)
def test_crafted_matrix_market_is_refused(tmp_path, content, message):
    path = tmp_path / "net.mtx"
    path.write_bytes(content.encode())
    status, text, memory = read_apart(path)
    assert status == 0
    assert text.startswith(f"{path}: cannot be read as Matrix Market: ")
    assert message in text
    assert memory < 200


def test_matrix_market_under_another_name(read):
    assert read(BANNER + "3 3 2\n2 1\n3 2\n", "net.txt").n_links == 2


def test_directed_matrices_can_be_read_without_directions(tmp_path, read):
    matrix = scipy.sparse.coo_array(np.triu(np.ones((3, 3)), 1))
    scipy.io.mmwrite(tmp_path / "net.mtx", matrix)
    scipy.sparse.save_npz(tmp_path / "net.npz", matrix)
    for name in ("net.mtx", "net.npz"):
        content = (tmp_path / name).read_bytes()
        with pytest.raises(ValueError, match=rf"{name}: adjacency must be symmetric.*ignore_dir"):
            read(content, name)
        assert read(content, name, ignore_directions=True).n_links == 3


def test_a_matrix_without_links_is_refused(tmp_path, read):
    scipy.sparse.save_npz(tmp_path / "net.npz", scipy.sparse.csr_array((3, 3)))
    with pytest.raises(ValueError, match=r"net\.npz: holds no links"):
        read((tmp_path / "net.npz").read_bytes(), "net.npz")


def test_an_npz_of_a_size_it_cannot_fill_is_refused(tmp_path):
    path = tmp_path / "net.npz"
    one = np.ones(1, dtype=np.int32)
    matrix = scipy.sparse.coo_array((one, (one, one)), shape=(500_000_000, 500_000_000))
    scipy.sparse.save_npz(path, matrix)
    status, text, memory = read_apart(path)
    assert status == 0
    assert text.startswith(f"{path}: cannot be read as a scipy sparse matrix: ")
    assert "500,000,000 x 500,000,000" in text
    assert memory < 200


def test_an_npz_that_unpacks_without_bound_is_refused(tmp_path):
    path = tmp_path / "net.npz"
    header = io.BytesIO()
    shape = {"descr": "<i8", "fortran_order": False, "shape": (2**22,)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(10):
            archive.writestr(f"{i}.npy", header.getvalue() + bytes(2**25))
    assert path.stat().st_size < 2**20
    status, text, memory = read_apart(path)
    assert status == 0
    assert "it unpacks to 335,545" in text
    assert memory < 100


def test_an_npz_whose_array_says_more_than_it_holds_is_refused(tmp_path, read):
    header = io.BytesIO()
    shape = {"descr": "<i8", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr("data.npy", header.getvalue())
    with pytest.raises(ValueError, match=r"data\.npy says \(1000000000000,\), more than it holds"):
        read((tmp_path / "net.npz").read_bytes(), "net.npz")


def test_an_npz_under_another_name(tmp_path, read):
    graph = Graph.from_links([0, 1], [1, 2])
    scipy.sparse.save_npz(tmp_path / "net.npz", graph.adjacency())
    assert read((tmp_path / "net.npz").read_bytes(), "net.data") == graph


def test_weights_of_matrices_are_told(tmp_path, read):
    scipy.sparse.save_npz(tmp_path / "net.npz", scipy.sparse.csr_array(2.0 * np.eye(3)[::-1]))
    with pytest.warns(GraphInputWarning, match="weights|self-loops"):
        assert read((tmp_path / "net.npz").read_bytes(), "net.npz").n_links == 1
