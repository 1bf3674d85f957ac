"""Mutated input files of every format: read or refused, quickly and in little memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import scipy.io
import scipy.sparse

from chgraph import read_network
from tests.faults.counting import Count, TooLong, at_most
from tests.faults.in_process import counted, main
from tests.faults.mutations import mutated

SECONDS, GIGABYTES = 10.0, 2.0
_BOMBS_EVERY = 100
_MTX = b"%%MatrixMarket matrix coordinate real general\n"
# What `read_network` and the readers of data document; TypeError is for arguments alone.
DOCUMENTED = (ValueError, OSError)


def _network() -> networkx.Graph:
    return networkx.karate_club_graph()


def _text(write: Callable[[networkx.Graph, Any], None], graph: networkx.Graph) -> bytes:
    memory = io.BytesIO()
    write(graph, memory)
    return memory.getvalue()


def network_files() -> dict[str, bytes]:
    """Return a small file of every format that `chgraph.read_network` reads, by its name."""
    graph = _network()
    plain = networkx.Graph(graph.edges)
    matrix = scipy.sparse.csr_array(networkx.to_scipy_sparse_array(plain, dtype=np.int64))
    mtx, npz = io.BytesIO(), io.BytesIO()
    scipy.io.mmwrite(mtx, scipy.sparse.coo_array(matrix), symmetry="symmetric", field="integer")
    scipy.sparse.save_npz(npz, matrix)
    edges = "".join(f"{u} {v}\n" for u, v in plain.edges).encode()
    files = {
        "links.txt": b"# a comment\n" + edges,
        "links.csv": b"source,target,weight\n" + edges.replace(b" ", b",").replace(b"\n", b",1\n"),
        "links.tsv": edges.replace(b" ", b"\t"),
        "out.konect": b"% bip unweighted\n" + edges,
        "matrix.csv": "\n".join(",".join(map(str, row)) for row in matrix.toarray()).encode(),
        "matrix.mtx": mtx.getvalue(),
        "matrix.npz": npz.getvalue(),
        "graph.graphml": _text(networkx.write_graphml_xml, plain),
        "graph.gexf": _text(networkx.write_gexf, plain),
        "graph.gml": _text(networkx.write_gml, plain),
        "graph.net": _text(networkx.write_pajek, networkx.relabel_nodes(plain, str)),
        "graph.sif": "".join(f"{u} pp {v}\n" for u, v in plain.edges).encode(),
        "graph.adjlist": _text(networkx.write_adjlist, plain),
    }
    packed = {
        "links.txt.gz": gzip.compress(edges),
        "links.txt.bz2": bz2.compress(edges),
        "links.txt.xz": lzma.compress(edges),
        "graph.graphml.gz": gzip.compress(files["graph.graphml"]),
    }
    return files | packed


def data_files() -> dict[str, bytes]:
    """Return a small file of every format that `chsnn.data` reads, by its name."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 6, 6), dtype=np.uint8)
    idx = bytes([0, 0, 8, 3]) + struct.pack(">3I", *pixels.shape) + pixels.tobytes()
    cifar = b"".join(bytes([label]) + rng.bytes(3072) for label in (0, 9))
    events = b"".join(
        bytes([x, y]) + ((p << 23) | t).to_bytes(3, "big")
        for t, (x, y, p) in enumerate(rng.integers(0, 2, (40, 3)).tolist())
    )
    aedat2 = b"#!AER-DAT2.0\r\n" + b"".join(
        struct.pack(">II", int(address), t) for t, address in enumerate(rng.integers(0, 2**15, 40))
    )
    packet = b"".join(
        struct.pack("<II", int(address) << 1 | 1, t)
        for t, address in enumerate(rng.integers(0, 2**15, 40))
    )
    header = struct.pack("<HHIIIIII", 1, 1, 8, 4, 0, 40, 40, 40)
    aedat3 = b"#!AER-DAT3.1\r\n#!END-HEADER\r\n" + header + packet
    labels = b"class,startTime_usec,endTime_usec\n1,0,1000\n2,1000,2000\n"
    return {
        "images-idx3": idx,
        "images-idx3.gz": gzip.compress(idx),
        "batch.cifar": cifar,
        "one.nmnist": events,
        "one.aedat2": aedat2,
        "one.aedat3": aedat3,
        "labels.gesture": labels,
    }


def bombs() -> dict[str, bytes]:
    """Return files made to take memory or time: they unpack, expand or state sizes that lie."""
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    xml = f'<?xml version="1.0"?><!DOCTYPE g [<!ENTITY l0 "lol">{laughs}]><graphml>&l9;</graphml>'
    zeros = gzip.compress(bytes(400_000_000), 1)
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        array, {"descr": "<i8", "fortran_order": False, "shape": (2**40,)}
    )
    lying = io.BytesIO()
    with zipfile.ZipFile(lying, "w") as archive:
        for name in ("indices", "indptr", "data", "shape", "format"):
            archive.writestr(f"{name}.npy", array.getvalue())
    return {
        "laughs.graphml": xml.encode(),
        "laughs.gexf": xml.encode(),
        "outside.graphml": b'<!DOCTYPE g [<!ENTITY x SYSTEM "file:///etc/hostname">]><graphml>&x;</graphml>',
        "zeros.txt.gz": zeros,
        "zeros.mtx.gz": zeros,
        "zeros.graphml.bz2": bz2.compress(bytes(400_000_000), 1),
        "deep.gml": b"graph [" * 200_000,
        "deep.graphml": b"<graphml>" * 200_000,
        "deep.gexf": b"<gexf>" * 200_000,
        "wide.mtx": _MTX + b"2000000000 2000000000 1\n1 1 1\n",
        "long.mtx": _MTX + b"3 3 4000000000000\n1 1 1\n",
        "dense.mtx": b"%%MatrixMarket matrix array real general\n1000000 1000000\n1\n",
        "lying.npz": lying.getvalue(),
        "node.net": b"*Vertices 4000000000\n*Edges\n1 2\n",
        "line.txt": b"1" * 50_000_000,
        "fields.txt": b"1 " * 5_000_000,
        "quotes.csv": b'"' * 5_000_000,
        "dims.images-idx3.gz": gzip.compress(bytes([0, 0, 8, 255]) + b"\xff" * 1020),
        "zeros.images-idx3.gz": gzip.compress(
            bytes([0, 0, 8, 1]) + struct.pack(">I", 2**32 - 1) + bytes(300_000_000), 1
        ),
    }


def _read_data(path: Path) -> None:
    from chsnn.data.aedat import read_aedat2, read_aedat3
    from chsnn.data.cifar import LAYOUTS, read_cifar
    from chsnn.data.mnist import read_idx
    from chsnn.data.nmnist import read_nmnist

    readers: dict[str, Callable[[Path], Any]] = {
        ".cifar": lambda place: read_cifar(place, LAYOUTS["cifar10"]),
        ".nmnist": read_nmnist,
        ".aedat2": read_aedat2,
        ".aedat3": read_aedat3,
        ".gesture": _gestures,
    }
    readers.get(path.suffix, read_idx)(path)


def _gestures(path: Path) -> None:
    from chsnn.data.dvs_gesture import read_labels

    path.with_name(f"{path.stem}_labels.csv").write_bytes(path.read_bytes())
    read_labels(path)


def read(path: Path) -> None:
    """Read a file as what its name says it is."""
    is_data = "idx3" in path.name or path.suffix in (
        *(".cifar", ".nmnist", ".aedat2", ".aedat3", ".gesture"),
    )
    with warnings.catch_warnings(action="ignore"):
        if is_data:
            _read_data(path)
        else:
            read_network(path)


def _try(count: Count, path: Path, content: bytes, what: str) -> None:
    path.write_bytes(content)
    try:
        with at_most(SECONDS):
            read(path)
    except DOCUMENTED:
        count.refuse()
    except (Exception, TooLong) as error:
        count.fail(f"{path.name} ({what}): {type(error).__name__}: {str(error)[:150]}")
    else:
        count.survive()


def trials(n: int, seed: int) -> Count:
    """Read n mutated files in this process, and every bomb with a seed that 100 divides."""
    count, rng = Count("mutated input files"), np.random.default_rng(seed)
    files = network_files() | data_files()
    names = sorted(files)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.write_bytes(content)
            read(path)  # as it is it is right: else nothing is learnt from what follows
        for i in range(n):
            name = names[i % len(names)]
            _try(count, Path(folder, name), mutated(files[name], rng), f"seed {seed}, number {i}")
        if seed % _BOMBS_EVERY == 0:
            for name, content in bombs().items():
                _try(count, Path(folder, name), content, "bomb")
    return count


def campaign(n: int, seed: int) -> Count:
    """Read n mutated files in processes with a bound on their memory."""
    count, part = Count("mutated input files"), 2500
    for i, begin in enumerate(range(0, n, part)):
        size = min(part, n - begin)
        count.add(counted("tests.faults.files", size, _BOMBS_EVERY * seed + i, name=count.name))
    return count


if __name__ == "__main__":
    main(trials, GIGABYTES)
