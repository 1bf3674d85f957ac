"""Compressed files: all kinds, in any format, and never more than a bound."""

import bz2
import gzip
import importlib.util
import io
import lzma
import sys

import networkx
import numpy as np
import pytest
import scipy.sparse

from chgraph import Graph
from chgraph.files import opening
from tests.chgraph.files.conftest import links_of

PATH = [("a", "b"), ("b", "c")]
PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
ZSTD = sys.version_info >= (3, 14) or importlib.util.find_spec("zstandard") is not None


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("name", ["net.csv{}", "out.net{}", "NET.CSV{}", "net.csv"])
def test_packed_edge_lists(read, ending, name):
    name = name.format(ending.upper() if name.startswith("NET") else ending)
    assert links_of(read(PACK[ending](b"a,b\nb,c\n"), name)) == PATH


@pytest.mark.parametrize("ending", PACK)
def test_packed_files_of_other_formats(tmp_path, read, ending):
    graph = networkx.path_graph(["a", "b", "c"])
    for kind in ("graphml", "gml", "gexf", "pajek"):
        getattr(networkx, f"write_{kind}")(graph, tmp_path / "out")
        packed = PACK[ending]((tmp_path / "out").read_bytes())
        assert links_of(read(packed, f"net.{kind}{ending}")) == PATH
    matrix = io.BytesIO()
    scipy.sparse.save_npz(matrix, scipy.sparse.csr_array(np.ones((3, 3)) - np.eye(3)))
    assert read(PACK[ending](matrix.getvalue()), f"net.npz{ending}").n_links == 3


def test_members_one_behind_the_other(read):
    parts = [b"a,b\n", b"b,c\n"]
    for pack in PACK.values():
        assert links_of(read(b"".join(map(pack, parts)), "net.csv")) == PATH


@pytest.mark.parametrize("ending", PACK)
def test_damaged_files_are_refused(read, ending):
    packed = PACK[ending](b"a,b\nb,c\n" * 100)
    with pytest.raises(ValueError, match=rf"net\.csv{ending}: cannot be unpacked as"):
        read(packed[:-9], f"net.csv{ending}")
    with pytest.raises(ValueError, match=rf"net\.csv{ending}: ends in {ending}, but is not"):
        read(b"a,b\n", f"net.csv{ending}")


@pytest.mark.parametrize("ending", PACK)
def test_what_unpacks_without_bound_is_refused(read, ending, monkeypatch):
    monkeypatch.setattr(opening, "_LEAST", 2**20)
    packed = PACK[ending](bytes(2**25))
    with pytest.raises(ValueError, match=r"unpacks to more than \d+ MB; if you trust it"):
        read(packed, f"net.csv{ending}")


def test_the_bound_grows_with_the_file():
    assert opening.unpack_bound(100) == 256 * 2**20
    assert opening.unpack_bound(2**30) == 100 * 2**30


@pytest.mark.skipif(ZSTD, reason="there is a library for zstd")
def test_zstd_names_the_library_that_it_needs(read):
    with pytest.raises(
        ImportError, match=r'a zstd file needs zstandard: pip install "chgraph\[zstd'
    ):
        read(b"\x28\xb5\x2f\xfd\x04\x00", "net.csv.zst")


@pytest.mark.skipif(not ZSTD, reason="zstandard is not installed (extra zstd)")
def test_zstd(read):
    if sys.version_info >= (3, 14):
        from compression.zstd import compress
    else:
        from zstandard import compress
    assert links_of(read(compress(b"a,b\nb,c\n"), "net.csv.zst")) == PATH
    assert links_of(read(compress(b"a,b\n") + compress(b"b,c\n"), "net.csv.zst")) == PATH
    with pytest.raises(ValueError, match="cannot be unpacked as zstd"):
        read(compress(b"a,b\nb,c\n" * 1000)[:-5], "net.csv.zst")


def test_a_million_bytes_unpack_as_they_are(read):
    text = "".join(f"{u} {u + 1}\n" for u in range(100_000))
    assert read(gzip.compress(text.encode()), "net.txt.gz") == Graph.from_links(
        range(100_000), range(1, 100_001), names=range(100_001)
    )
