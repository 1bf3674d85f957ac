"""The bytes of a file that somebody else made: unpacked within bounds, known by what they are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_UNPACKED = 256 * 2**20  # bytes that any packed file may grow to, and so many times its own size:
_GROWTH = 50
_NODES = 10_000_000  # that any file may name by a size alone, and so many per byte:
_NODES_PER_BYTE = 8
_PACKED: dict[str, Callable[..., Any]] = {
    ".gz": gzip.GzipFile,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
_FOREIGN_ENDINGS = {
    ".xlsx": "an Excel sheet: save it as CSV",
    ".xls": "an Excel sheet: save it as CSV",
    ".zip": "a zip archive: unpack it first",
    ".tar": "a tar archive: unpack it first",
    ".zst": "packed by zstd: unpack it first (zstd -d)",
    ".pkl": "a pickle, which could run any code: save the network as GraphML or an edge list",
    ".pickle": "a pickle, which could run any code: save the network as GraphML or an edge list",
    ".gpickle": "a pickle, which could run any code: save the network as GraphML or an edge list",
    ".parquet": "a Parquet table: read it with pandas and give that to chgraph.as_graph",
    ".tgf": "a TGF file: save the network as GraphML or an edge list",
    ".lgl": "an LGL file: save the network as GraphML or an edge list",
    ".gr": "a DIMACS file: save the network as GraphML or an edge list",
    ".dl": "a UCINET DL file: save the network as GraphML or an edge list",
    ".nt": "N-triples: save the two ends of each link as CSV",
    ".json": "JSON: read it with networkx and give the graph to chgraph.as_graph",
}
_FOREIGN_OPENINGS = (
    (rb"PK\x03\x04", "a zip archive or an Excel sheet: unpack it, or save it as CSV"),
    (rb"\x80[\x02-\x05]", "a pickle, which could run any code: save it as an edge list"),
    (rb"\x1f\x8b", "packed by gzip: let its name end in .gz"),
    (rb"\s*<!doctype html|\s*<html", "a web page: download the file itself"),
    (rb"\s*dl\s+n\s*=", "a UCINET DL file: save the network as GraphML or an edge list"),
    (rb"\s*p\s+(sp|edge|col)\s+\d", "a DIMACS file: save the network as GraphML or an edge list"),
    (rb"\xff\xfe|\xfe\xff", "text in UTF-16: save it as UTF-8"),
)


def read_bytes(path: Path) -> tuple[str, bytes]:
    """Return the ending of a file's name, without that of a packer, and what is in it.

    Raises
    ------
    ValueError
        If it is packed and damaged, or would grow beyond what a network of its size takes.
    """
    ending = path.suffix.lower()
    unpack = _PACKED.get(ending)
    if unpack is None:
        return ending, path.read_bytes()
    most = _UNPACKED + _GROWTH * path.stat().st_size
    try:
        with unpack(path) as file:
            content: bytes = file.read(most + 1)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise ValueError(f"{path}: cannot be unpacked: {error}") from error
    if len(content) > most:
        raise ValueError(
            f"{path}: unpacks to more than {most // 2**20:,} MB, over {_GROWTH} times its size; "
            "unpack it first if that is meant"
        )
    return Path(path.stem).suffix.lower(), content


def refuse_foreign(path: Path, ending: str, content: bytes) -> None:
    """Raise if a file is known to be of a format that is not read; says what to do."""
    what = _FOREIGN_ENDINGS.get(ending)
    for opening, kind in _FOREIGN_OPENINGS:
        if what is None and re.match(opening, content[:200], re.IGNORECASE):
            what = kind
    if what is not None:
        raise ValueError(f"{path}: is {what}")


def check_nodes(path: Path, n_nodes: int, size: int) -> None:
    """Raise if a few bytes say that there are more nodes than memory may be taken for."""
    if n_nodes > _NODES + _NODES_PER_BYTE * size:
        raise ValueError(
            f"{path}: {size:,} bytes say that there are {n_nodes:,} nodes, nearly all of them "
            "without links; number the nodes that have links"
        )


# --------------------------------------------------------------------------- Matrix Market


def sound_mtx(path: Path, content: bytes) -> bytes:
    """Return a Matrix Market file that its reader survives.

    Raises
    ------
    ValueError
        If it holds a NUL, or sizes that the file cannot fill.
    """
    if b"\0" in content:
        raise ValueError(f"{path}: cannot be read as Matrix Market: it holds a NUL byte")
    lines = (line.strip() for line in content.splitlines())
    banner = next(lines, b"").lower()
    sizes = next((line for line in lines if line and not line.startswith(b"%")), b"")
    try:
        numbers = [int(word) for word in sizes.split()]
    except ValueError:
        numbers = []
    wanted = 2 if b"array" in banner else 3
    if len(numbers) != wanted or min(numbers) < 0:
        raise ValueError(
            f"{path}: cannot be read as Matrix Market: its line of sizes must hold {wanted} "
            f"numbers, got {sizes.decode(errors='replace')[:60]!r}"
        )
    if wanted == 2 and 0 in numbers:
        raise ValueError(f"{path}: holds no links")
    n_entries = numbers[0] * numbers[1] if wanted == 2 else numbers[2]
    if 2 * n_entries > len(content):
        raise ValueError(
            f"{path}: cannot be read as Matrix Market: {len(content):,} bytes cannot hold the "
            f"{n_entries:,} entries that its line of sizes says"
        )
    check_nodes(path, sum(numbers[:2]), len(content))
    return content.rstrip() + b"\n"


# ------------------------------------------------------------------------------------ npz


def sound_npz(path: Path, content: bytes) -> io.BytesIO:
    """Return a scipy .npz file that fits into memory.

    Raises
    ------
    ValueError
        If it is none, unpacks to far more than its size, or says more nodes than it can hold.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path}: cannot be read as a scipy sparse matrix: {error}") from error
    most = _UNPACKED + _GROWTH * len(content)
    if unpacked > most:
        raise ValueError(
            f"{path}: unpacks to {unpacked // 2**20:,} MB, more than {_GROWTH} times its size"
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            shape = [int(n) for n in np.ravel(arrays["shape"])] if "shape" in arrays else []
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: cannot be read as a scipy sparse matrix: {error}") from error
    check_nodes(path, sum(shape), max(len(content), unpacked))
    return io.BytesIO(content)
