"""Matrix Market and scipy's .npz, whose sizes are checked before memory is taken for them."""

from __future__ import annotations

import io
import math
import re
import zipfile
from typing import Any

import scipy.io
import scipy.sparse
from numpy.lib import format as npy

from chgraph.files.links import DIRECTED, Result
from chgraph.files.opening import Content, unpack_bound
from chgraph.graph import as_network

_SPARE = 10_000_000  # rows and columns that need no byte of the file


def read_mtx(content: Content, *, bipartite: bool | None, ignore_directions: bool) -> Result:
    """Return the network of a Matrix Market file, as `chgraph.graph.as_network` takes a matrix."""
    try:
        matrix = scipy.io.mmread(io.BytesIO(_checked_mtx(content.data)))
    except Exception as error:  # scipy raises anything from ValueError to OverflowError
        raise content.error(f"cannot be read as Matrix Market: {_reason(error)}") from error
    return _network(content, matrix, bipartite, ignore_directions)


def read_npz(content: Content, *, bipartite: bool | None, ignore_directions: bool) -> Result:
    """Return the network of a scipy.sparse.save_npz file; nothing is unpickled."""
    try:
        _check_arrays(content.data)
        matrix = scipy.sparse.load_npz(io.BytesIO(content.data))  # never unpickles
        if hasattr(matrix, "check_format"):
            # A crafted index out of range must not reach compiled code.
            matrix.check_format(full_check=True)
        _check_shape(matrix.shape, len(content.data))
    except Exception as error:
        raise content.error(f"cannot be read as a scipy sparse matrix: {_reason(error)}") from error
    return _network(content, matrix, bipartite, ignore_directions)


def _network(
    content: Content, matrix: Any, bipartite: bool | None, ignore_directions: bool
) -> Result:
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    try:
        if square and not bipartite:
            sparse = scipy.sparse.csr_array(matrix)
            if ignore_directions:
                matrix = abs(sparse).maximum(abs(sparse).T)
        graph = as_network(matrix, bipartite)
    except ValueError as error:
        way_out = f"; {DIRECTED}" if "symmetric" in str(error) else ""
        raise content.error(f"{error}{way_out}") from error
    if not graph.n_links:
        raise content.error("holds no links")
    return graph, []


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _check_shape(shape: tuple[int, ...], size: int) -> None:
    if sum(shape) > max(_SPARE, size):
        listed = " x ".join(f"{n:,}" for n in shape)
        raise ValueError(
            f"says that it is {listed}, which a file of {size:,} bytes is not taken to fill; "
            "leave out the nodes without links"
        )


def _checked_mtx(data: bytes) -> bytes:
    """Return the file with newlines at the ends of all lines, once its sizes are possible.

    The reader underneath goes beyond the end of the data where the last line has none, and
    divides by the number of rows.
    """
    if b"\0" in data:
        raise ValueError("it holds a NUL byte")
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip() + b"\n"
    banner = re.match(rb"%%MatrixMarket[ \t]+matrix[ \t]+(coordinate|array)\b.*\n", data, re.I)
    if banner is None:
        raise ValueError("its first line is not '%%MatrixMarket matrix coordinate ...' or array")
    sizes = re.compile(rb"(?:[ \t]*(?:%.*)?\n)*[ \t]*(\d+(?:[ \t]+\d+)*)[ \t]*\n").match(
        data, banner.end()
    )
    coordinate = banner[1].lower() == b"coordinate"
    numbers = [int(number) for number in sizes[1].split()] if sizes else []
    if sizes is None or len(numbers) != (3 if coordinate else 2):
        raise ValueError("the line of sizes is missing or malformed")
    rows, columns, *count = numbers
    left = len(data) - sizes.end()
    if not rows or not columns:
        raise ValueError(f"says that it is {rows} x {columns}: there is nothing in it")
    _check_shape((rows, columns), len(data))
    entries = count[0] if coordinate else rows * columns // 3  # half of them, if symmetric
    if entries * (4 if coordinate else 2) > left + 2:
        raise ValueError(
            f"says that it is {rows:,} x {columns:,} with {entries:,} entries or more, "
            f"but only {left:,} bytes follow"
        )
    return data


def _check_arrays(data: bytes) -> None:
    """Raise if the arrays of an .npz are larger than their bytes, or these than is allowed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        unpacked, bound = sum(member.file_size for member in members), unpack_bound(len(data))
        if unpacked > bound:
            raise ValueError(f"it unpacks to {unpacked:,} bytes, more than {bound:,}")
        for member in members:
            with archive.open(member) as file:
                version = npy.read_magic(file)
                if version == (1, 0):
                    shape, _, dtype = npy.read_array_header_1_0(file)
                else:
                    shape, _, dtype = npy.read_array_header_2_0(file)
            if not dtype.hasobject and math.prod(shape) * dtype.itemsize > member.file_size:
                raise ValueError(f"{member.filename} says {shape}, more than it holds")
